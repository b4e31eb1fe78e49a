"""Spoils records of a delivery (常见差错): as many as in real feeds, drawn anew for each delivery.

The base year stays clean, because its totals are those of the plan. Firms with a planted case, the giants and the
firms of the tail are left alone: a planted case must have its own outcome, and a bureau that lacks its largest payer's
figure asks for it before it sends its file.

A sender corrects most of its refused records some weeks later. It sends a snapshot again, complete; of events and
increments only the records that were refused, because these add up.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from demo_city.delivery import file_name, source_row
from demo_city.faults.frequent.rates import Rates
from demo_city.faults.frequent.slips import Cell, is_refused, outcome, sent
from demo_city.frame import Frame
from demo_city.world.draws import Ints, stream

#: Suffix of a correction's file name.
CORRECTED = "corrected"
#: Candidates drawn for each faulty record: one in eight can have the rarest slip.
CANDIDATES = 30
#: Months of a feed that reports by month; the statistics have no January.
_MONTHS = range(2, 13)

#: Headings of the truth file. ``key`` is the record's key without the period, ``meant`` the cell without the slip,
#: ``corrected_by`` the file that has the record as meant (empty: the case stays open, or nothing was refused).
COLUMNS = (
    "feed", "period", "part", "file", "row", "key", "kind", "column", "meant", "sent", "outcome", "corrected_by",
)  # fmt: skip


@dataclass(frozen=True)
class Slip:
    """One faulty record: its position in the delivery as meant, and the text of the cell as meant and as sent."""

    position: int
    kind: str
    column: str
    meant: str
    sent: str | None
    outcome: str

    @property
    def is_refused(self) -> bool:
        return is_refused(self.outcome)


@dataclass(frozen=True)
class Spoilt:
    """A delivery as sent, its correction if there is one, and its rows of the truth file."""

    frame: Frame
    correction: Frame | None
    truth: list[tuple[str, ...]]


@dataclass(frozen=True)
class Spoiler:
    """Draws slips for the deliveries of a city."""

    #: None: no record is spoiled.
    rates: Rates | None
    seed: int
    base_year: int
    #: Codes of firms, parcels, accounts and events that a planted case needs as they are.
    kept: pa.Array
    #: Parts in which the districts send a year.
    districts: tuple[str, ...]

    def spoil(self, frame: Frame, *, is_late: bool = False) -> Spoilt:
        """The delivery with its slips; a late one is not corrected."""
        known = self.rates
        if known is None or not self._spoils(frame.feed, frame.period) or not frame.rows:
            return Spoilt(frame, None, [])
        rng = stream(self.seed, f"slips-{frame.feed}-{frame.period}-{frame.part}")
        slips = list(self._drawn(frame, known, rng))
        corrected = [] if is_late else self._corrected(frame, known, slips, rng)
        closed = {slip.position for slip in corrected}
        truth = _truth(frame, slips, closed)
        if not closed:
            return Spoilt(with_slips(frame, slips), None, truth)
        if frame.contract.delivery == "snapshot":
            again = with_slips(frame, [slip for slip in slips if slip.position not in closed])
        else:
            again = _rows(frame, pa.array(sorted(closed)))
        return Spoilt(with_slips(frame, slips), again, truth)

    def corrects(self, feed: str, period: str, part: str) -> bool:
        """Whether the sender of a feed may correct a delivery."""
        if not self._spoils(feed, period) or (self.rates and feed in self.rates.never_corrected):
            return False
        parts = self._parts(period, part)
        worst = int(stream(self.seed, f"worst-part-{feed}-{period[:4]}").integers(0, len(parts)))
        return parts[worst] in (period, part)

    @property
    def correction_days(self) -> int:
        """Days between a file and its correction."""
        return self.rates.correction_days if self.rates else 0

    def _spoils(self, feed: str, period: str) -> bool:
        return self.rates is not None and feed in self.rates.feeds and int(period[:4]) > self.base_year

    def _parts(self, period: str, part: str) -> tuple[str, ...]:
        """Months or districts in which a year's delivery comes, or the year alone."""
        if len(period) == 7:
            return tuple(f"{period[:4]}-{month:02d}" for month in _MONTHS)
        return self.districts if part else (period,)

    def _times(self, frame: Frame, known: Rates) -> float:
        """Factor on the rate of refused records of a part of the year."""
        parts = len(self._parts(frame.period, frame.part))
        if parts == 1 or frame.feed in known.never_corrected:
            return 1
        if self.corrects(frame.feed, frame.period, frame.part):
            return known.worst_part_share * parts
        return (1 - known.worst_part_share) * parts / (parts - 1)

    def _drawn(self, frame: Frame, known: Rates, rng: np.random.Generator) -> Iterable[Slip]:
        wanted = []
        for rate in known.feeds[frame.feed]:
            expected = outcome(frame.contract, rate.kind, rate.column)
            times = self._times(frame, known) if is_refused(expected) else 1
            wanted.append((rate, expected, int(rate.per_mille / 1000 * times * frame.rows + rng.random())))
        count = sum(number for _, _, number in wanted)
        if not count:
            return
        rows = self._candidates(frame, CANDIDATES * count, rng)
        for rate, expected, number in wanted:
            found = []
            for slip in _slips(frame, rows, rate.kind, rate.column, expected, rng) if number else ():
                found.append(slip)
                if len(found) == number:
                    break
            yield from found
            rows = rows[~np.isin(rows, [slip.position for slip in found])]

    def _candidates(self, frame: Frame, count: int, rng: np.random.Generator) -> Ints:
        """Positions of different records in random order, without those that stay as they are."""
        if count < frame.rows:
            drawn = rng.integers(0, frame.rows, count)
            rows = drawn[np.sort(np.unique(drawn, return_index=True)[1])]
        else:
            rows = rng.permutation(frame.rows)
        index = pa.array(rows)
        stays = np.zeros(len(rows), dtype=bool)
        for name in _codes(frame):
            stays |= pc.is_in(frame.columns[name].take(index), self.kept).to_numpy(zero_copy_only=False)
        kept: Ints = rows[~stays]
        return kept

    def _corrected(
        self, frame: Frame, known: Rates, slips: list[Slip], rng: np.random.Generator
    ) -> list[Slip]:
        """Slips that the sender corrects: most of a year's, or all of the worst part's."""
        refused = [slip for slip in slips if slip.is_refused]
        if not refused or not self.corrects(frame.feed, frame.period, frame.part):
            return []
        share = known.corrected_share if len(self._parts(frame.period, frame.part)) == 1 else 1
        count = int(share * len(refused) + rng.random())
        return [refused[i] for i in rng.permutation(len(refused))[:count].tolist()]


def _codes(frame: Frame) -> list[str]:
    """Columns that name a firm, a parcel, an account or an event."""
    columns = [c for c in frame.contract.columns if c.name in frame.columns]
    return [
        c.name
        for c in columns
        if (c.name in frame.contract.key or c.domain.check) and pa.types.is_string(frame.columns[c.name].type)
    ]


#: Candidates looked at at a time; most slips are found among the first ones.
_PIECE = 200


def _slips(
    frame: Frame, rows: Ints, kind: str, column: str, expected: str, rng: np.random.Generator
) -> Iterable[Slip]:
    """Slips of a kind at the positions that can have it, in the order of the positions."""
    for start in range(0, len(rows), _PIECE):
        here = rows[start : start + _PIECE]
        index = pa.array(here)
        if kind == "repeated":
            yield from (Slip(position, kind, "", "", None, expected) for position in here.tolist())
            continue
        texts = frame.columns[column].take(index).cast(pa.string()).to_pylist()
        firms = frame.columns["uscc"].take(index).to_pylist() if "uscc" in frame.columns else [""] * len(here)
        draws = rng.random(len(here)).tolist()
        for position, text, firm, draw in zip(here.tolist(), texts, firms, draws, strict=True):
            if not text:
                continue
            if kind == "missing":
                yield Slip(position, kind, column, text, None, expected)
                continue
            spoilt = sent(kind, Cell(text, column, frame.contract, frame.period, firm or "", draw))
            if spoilt is not None:
                yield Slip(position, kind, column, text, spoilt, expected)


def with_slips(frame: Frame, slips: list[Slip]) -> Frame:
    """The delivery with the slips; repeated records stand at its end."""
    columns = dict(frame.columns)
    for name in {slip.column for slip in slips if slip.column}:
        here = sorted((s for s in slips if s.column == name), key=lambda slip: slip.position)
        positions, texts = np.array([s.position for s in here]), [s.sent for s in here]
        columns[name] = _with_cells(columns[name], positions, texts)
    changed = replace(frame, columns=columns)
    again = [slip.position for slip in slips if slip.kind == "repeated"]
    if not again:
        return changed
    more = _rows(frame, pa.array(again)).columns
    return replace(
        frame,
        columns={name: pa.concat_arrays([a, more[name].cast(a.type)]) for name, a in columns.items()},
    )


def _with_cells(column: pa.Array, positions: Ints, texts: list[str | None]) -> pa.Array:
    """The column with other cells; it becomes text if a cell is no longer a number."""
    mask = np.zeros(len(column), dtype=bool)
    mask[positions] = True
    if not any(text is not None for text in texts):
        return pc.if_else(pa.array(mask), None, column)
    text = column if pa.types.is_string(column.type) else column.cast(pa.string())
    return pc.replace_with_mask(text, pa.array(mask), pa.array(texts, type=pa.string()))


def _rows(frame: Frame, positions: pa.Array) -> Frame:
    return replace(frame, columns={name: column.take(positions) for name, column in frame.columns.items()})


def _truth(frame: Frame, slips: list[Slip], closed: set[int]) -> list[tuple[str, ...]]:
    """Rows of the truth file; the correction has the records at the ``closed`` positions as they were meant."""
    name, correction, at_end = file_name(frame), file_name(frame, CORRECTED), frame.rows
    keys = [k for k in frame.contract.key if k in frame.columns]
    index = pa.array([slip.position for slip in slips], type=pa.int64())
    texts = [frame.columns[k].take(index).cast(pa.string()).to_pylist() for k in keys]
    rows: list[tuple[str, ...]] = []
    for slip, *key in zip(slips, *texts, strict=True):
        position = slip.position
        if slip.kind == "repeated":
            position, at_end = at_end, at_end + 1
        where = (
            frame.feed,
            frame.period,
            frame.part,
            name,
            str(source_row(frame.source, position)),
            "|".join(key),
        )
        what = slip.kind, slip.column, slip.meant, slip.sent or "", slip.outcome
        rows.append((*where, *what, correction if slip.position in closed else ""))
    return rows
