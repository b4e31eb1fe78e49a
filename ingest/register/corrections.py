"""Corrections of a sender's cells by people, and how the mapping applies them.

A correction names its cell by delivery, file, record number and heading, so it survives every change of the mapping. It
is a row of the append-only ``quarantine.correction``. The record stays as sent: the mapping reads the corrected texts
instead of the cells. The last correction of a cell is in force; a withdrawal takes all of them back.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.readers import excel
from ingest.readers.records import (
    CELL,
    CORRECTED,
    RECORD_REASON,
    SOURCE_FILE,
    SOURCE_ROW,
    Records,
    cell_columns,
)
from ingest.register.deliveries import CORRECTION
from schemas.contract import Feed, contract, digest
from schemas.errors import RejectedError, UsageError
from warehouse import tables

#: A row of quarantine.correction.
Correction = dict[str, Any]
#: A record: file and record number in it.
Place = tuple[str, int]


def corrections() -> dict[str, list[Correction]]:
    """Delivery → its corrections and withdrawals, in the order in which they were recorded."""
    by_delivery: dict[str, list[Correction]] = defaultdict(list)
    for row in sorted(tables.rows(CORRECTION).to_pylist(), key=lambda c: c["correction_number"]):
        by_delivery[row["delivery_id"]].append(row)
    return dict(by_delivery)


def mapping_hash(spec: Feed, made: Sequence[Correction] = ()) -> str:
    """Hash of what a delivery's rows depend on: the feed's mapping, the table's version, the delivery's corrections.

    The hash covers all corrections, not only those in effect. So a withdrawal gives a new hash too, and no hash
    identifies two different sets of rows.
    """
    plain = spec.mapping_hash()
    if not made and spec.version == 1:
        return plain
    cells = [
        [c["source_file"], c["source_row"], c["heading"], c["new_text"], c["is_withdrawn"]] for c in made
    ]
    return digest([plain, spec.version, cells])


def upto(made: Sequence[Correction]) -> int | None:
    """Number of the last correction; None without one."""
    return made[-1]["correction_number"] if made else None


def in_effect(made: Iterable[Correction]) -> dict[Place, dict[str, Correction]]:
    """Record → heading → the cell's correction in force; withdrawn corrections are left out."""
    last: dict[Place, dict[str, Correction]] = {}
    for correction in made:
        cells = last.setdefault((correction["source_file"], correction["source_row"]), {})
        cells[correction["heading"]] = correction
    return {
        place: in_force
        for place, cells in last.items()
        if (in_force := {heading: c for heading, c in cells.items() if not c["is_withdrawn"]})
    }


# --- into the mapping ----------------------------------------------------------------------------------


def corrected(records: Records, made: Sequence[Correction], spec: Feed) -> Records:
    """The records with a column ``corrected_<i>`` for each heading that has a correction in effect.

    Raises:
        RejectedError: the delivery has no record with the number that a correction names.
    """
    wanted = in_effect(made)
    if not wanted:
        return records
    positions = _positions(records, wanted)
    place = {heading: i for i, heading in enumerate(records.headings)}
    texts: dict[int, dict[int, str]] = defaultdict(dict)
    for record, cells in wanted.items():
        for heading, correction in cells.items():
            # a JSON field that the mapping does not read has no cell; its correction applies once the mapping reads it
            if heading in place and f"{CELL}{place[heading]}" in records.table.column_names:
                texts[place[heading]][positions[record]] = correction["new_text"]
    table = records.table
    for number, changed in texts.items():
        table = table.append_column(f"{CORRECTED}{number}", _replaced(table[f"{CELL}{number}"], changed))
    given = {positions[record]: set(cells) for record, cells in wanted.items()}
    return _with_new_reasons(replace(records, table=table), given, spec)


def _positions(records: Records, wanted: Mapping[Place, object]) -> dict[Place, int]:
    numbers = records.table[SOURCE_ROW].to_numpy()
    candidates = np.flatnonzero(np.isin(numbers, [number for _, number in wanted]))
    files = records.table[SOURCE_FILE].take(pa.array(candidates)).to_pylist()
    positions = {
        (file, int(numbers[position])): int(position)
        for file, position in zip(files, candidates, strict=True)
    }
    if missing := sorted(set(wanted) - set(positions)):
        raise RejectedError(
            f"{missing[0][0]} has no record {missing[0][1]}, which {CORRECTION} corrects; nothing was mapped"
        )
    return positions


def _replaced(cells: pa.ChunkedArray, changed: Mapping[int, str]) -> pa.ChunkedArray:
    """The cells with the changed texts at their positions; chunk by chunk, as one array cannot hold a large file."""
    chunks, start = [], 0
    for chunk in cells.chunks:
        inside = sorted(p for p in changed if start <= p < start + len(chunk))
        if inside:
            mask = np.zeros(len(chunk), bool)
            mask[[p - start for p in inside]] = True
            new = pa.array([changed[p] for p in inside], pa.string())
            chunks.append(pc.replace_with_mask(chunk, pa.array(mask), new))
        else:
            chunks.append(chunk)
        start += len(chunk)
    return pa.chunked_array(chunks, pa.string())


def _with_new_reasons(records: Records, given: Mapping[int, set[str]], spec: Feed) -> Records:
    """The records, without the reasons that their corrections remove.

    A record without cells (too few cells in a line, no JSON) has only the cells that corrections give: it is valid once
    they give every cell that the mapping reads. A record with a NUL byte, or with a spreadsheet cell that shows another
    value than it holds, is valid once no cell has that fault.
    """
    used = set(spec.source.headings)
    reasons = records.table[RECORD_REASON]
    changed: dict[int, str | None] = {}
    for position, headings in given.items():
        reason = reasons[position].as_py()
        if reason == "record:nul" or reason in excel.REASONS:
            changed[position] = _reason_at(records, position, used)
        elif reason is not None and used <= headings:
            changed[position] = None
    if not changed:
        return records
    place = records.table.column_names.index(RECORD_REASON)
    texts = _replaced(reasons, changed)  # type: ignore[arg-type]
    return replace(records, table=records.table.set_column(place, RECORD_REASON, texts))


def _reason_at(records: Records, position: int, used: Collection[str]) -> str | None:
    """Why a record is invalid, its corrections applied; None if it is valid."""
    row = records.table.slice(position, 1)
    cells = {h: row[name] for h, name in cell_columns(records).items() if name in row.column_names}
    if any("\0" in (cell[0].as_py() or "") for cell in cells.values()):
        return "record:nul"
    reasons = excel.reasons(cell for heading, cell in cells.items() if heading in used)
    return next((reason for reason, which in reasons if which[0].as_py()), None)


# --- from people ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sent:
    """A current record, accepted or quarantined: its delivery, its row and the cells as sent."""

    spec: Feed
    delivery: Mapping[str, Any]
    row: Mapping[str, Any]
    #: Headings of the sender's file; of a JSON feed also those that the mapping reads.
    headings: tuple[str, ...]
    #: Heading → text as sent; empty if the record has no cells.
    cells: Mapping[str, str]

    @property
    def place(self) -> Place:
        return self.row["source_file"], self.row["source_row"]


def correct(sent: Sent, texts: Mapping[str, str], why: str, by: str) -> list[Correction]:
    """Record new texts of a record's cells, heading → text; the next mapping applies them.

    Raises:
        UsageError: no reason or name is given, or the sender's file has no such heading.
        RejectedError: a cell already has this text.
    """
    return _record(sent, dict(texts), why, by)


def withdraw(sent: Sent, headings: Iterable[str], why: str, by: str) -> list[Correction]:
    """Withdraw the corrections of cells; the next mapping reads the cells as sent.

    Raises:
        RejectedError: a cell has no correction.
    """
    return _record(sent, dict.fromkeys(headings), why, by)


def _record(sent: Sent, texts: Mapping[str, str | None], why: str, by: str) -> list[Correction]:
    if not why.strip():
        raise UsageError("say why: --reason TEXT is required and not empty")
    if not by.strip():
        raise UsageError("say who corrects: --by NAME is not empty")
    if unknown := [heading for heading in texts if heading not in sent.headings]:
        raise UsageError(
            f"{sent.row['source_file']} has no heading {', '.join(unknown)}; it has {', '.join(sent.headings)}"
        )
    spec = contract(CORRECTION)
    with tables.writing("correction"):
        known = corrections()
        last = max((upto(made) or 0 for made in known.values()), default=0)
        holds = in_effect(known.get(sent.row["delivery_id"], [])).get(sent.place, {})
        now = datetime.now(UTC)
        rows = [
            {
                "correction_number": last + number,
                "feed": sent.spec.table,
                **{name: sent.row[name] for name in ("period", "row_id", "delivery_id")},
                "source_file": sent.row["source_file"],
                "source_row": sent.row["source_row"],
                "heading": heading,
                "old_text": _old_text(sent, heading, text, holds),
                "new_text": text,
                "is_withdrawn": text is None,
                "correction_reason": why.strip(),
                "corrected_by": by.strip(),
                "corrected_at": now,
            }
            for number, (heading, text) in enumerate(texts.items(), start=1)
        ]
        tables.add_rows(rows, spec, {"corrections": [r["correction_number"] for r in rows]})
    return rows


def _old_text(sent: Sent, heading: str, text: str | None, holds: Mapping[str, Correction]) -> str | None:
    """The text that a correction replaces.

    Raises:
        RejectedError: the cell has this text already, or no correction to withdraw.
    """
    if text is None and heading not in holds:
        raise RejectedError(f"{heading} of {sent.row['row_id']} has no correction to withdraw")
    old = holds[heading]["new_text"] if heading in holds else sent.cells.get(heading)
    if old == text:
        raise RejectedError(f"{heading} of {sent.row['row_id']} is {text!r} already; nothing was recorded")
    replaced: str | None = old
    return replaced
