"""The record of one run of the graph: which tables were made, why, how many rows, and when in the run.

To tell why, what each period was made of stands beside its fingerprint in the commit: a short mark for code, contract,
rules and each input table. Marks decide nothing; a period is stale by its fingerprint alone.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from schemas.contract import contract
from warehouse import tables
from warehouse.settings import Settings, settings
from warehouse.state import write_whole

#: Period -> part (code, contract, rules, or the name of an input table) -> its mark.
MadeOf = dict[str, dict[str, str]]

#: Hexadecimal digits of a mark: a table has some hundred of them.
_MARK = 6
_NO_MARK = "-" * _MARK
_NOT_RECORDED = "changed, by what was not recorded"


@dataclass(frozen=True)
class TableRun:
    """One table that a run made; ``begun`` and ``ended`` are seconds since the run began, so overlap shows."""

    table: str
    reason: str
    periods: list[str]
    gone: list[str]
    rows: int | None
    begun: float
    ended: float

    @property
    def seconds(self) -> float:
        return round(self.ended - self.begun, 3)

    def as_row(self) -> dict[str, Any]:
        """For a person or a program: what it cost first, the long lists last."""
        return {
            "table": self.table,
            "rows": self.rows,
            "seconds": self.seconds,
            "reason": self.reason,
            "periods": self.periods,
            "gone": self.gone,
            "begun": self.begun,
            "ended": self.ended,
        }


@dataclass
class RunReport:
    """What one run of the graph did; ``fresh`` are the tables that had nothing to do."""

    tables: list[TableRun] = field(default_factory=list)
    fresh: list[str] = field(default_factory=list)
    begun_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    seconds: float = 0.0
    failure: str | None = None

    @property
    def made(self) -> dict[str, list[str]]:
        """Table -> periods that were made."""
        return {one.table: one.periods for one in self.tables}

    def as_record(self) -> dict[str, Any]:
        """All of it as JSON has it."""
        return {
            "begun_at": self.begun_at.isoformat(timespec="seconds"),
            "seconds": self.seconds,
            "failure": self.failure,
            "tables": [one.as_row() for one in self.tables],
            "fresh": self.fresh,
        }


def record_file(config: Settings | None = None) -> Path:
    """Where the record of the last run lies."""
    return (config or settings()).logs / "run.json"


class Recording:
    """A run while it is going on."""

    def __init__(self) -> None:
        self._begun_at = datetime.now(UTC)
        self._since = time.monotonic()
        self._made: dict[str, TableRun] = {}
        self._fresh: set[str] = set()
        #: Held while a table is noted and told of, so that tables are told of in the order in which they ended.
        self.turn = threading.Lock()

    def elapsed(self) -> float:
        """Seconds since the run began."""
        return round(time.monotonic() - self._since, 3)

    def made(self, table: str, reason: str, periods: list[str], gone: list[str], begun: float) -> TableRun:
        """Note a table that was committed just now."""
        ended = self.elapsed()
        done = TableRun(table, reason, periods, gone, _rows_of(table, periods), begun, ended)
        self._made[table] = done
        return done

    def fresh(self, table: str) -> None:
        """Note a table that had nothing to do."""
        self._fresh.add(table)

    def close(self, order: Sequence[str], error: BaseException | None = None) -> RunReport:
        """The report, tables in the given order; its record is put into the home's logs."""
        report = RunReport(
            [self._made[name] for name in order if name in self._made],
            [name for name in order if name in self._fresh],
            self._begun_at,
            self.elapsed(),
            None if error is None else str(error) or type(error).__name__,
        )
        text = json.dumps(report.as_record(), ensure_ascii=False, indent=1)
        # a failed run is told by what failed, not by a disk that is full
        with contextlib.suppress(*([OSError] if error else [])):
            write_whole(record_file(), text)
        return report


def _rows_of(name: str, periods: Iterable[str]) -> int | None:
    """Rows of some periods, from the table's log; None where a writer did not count."""
    actions = pa.table(tables.open_table(name).get_add_actions(flatten=True))
    if not actions.num_rows:
        return 0
    wanted = set(periods)
    places = actions[f"partition.{contract(name).period}"].to_pylist()
    counts = actions["num_records"].to_pylist() if "num_records" in actions.column_names else [None]
    found = [n for n, place in zip(counts, places, strict=False) if place in wanted]
    return None if None in found else sum(found)


# --- why -------------------------------------------------------------------------------------------------


def why(
    stale: Iterable[str],
    gone: Iterable[str],
    stored: Mapping[str, str],
    target: Mapping[str, str],
    before: MadeOf,
    now: MadeOf,
) -> str:
    """In words, why periods of a table are made or removed.

    Args:
        stored, target: fingerprints, of what lies there and of what should.
        before, now: what they were made of and are to be made of.

    >>> now = {"2023": {"code": "b", "raw.tax": "t"}}
    >>> why(["2023"], [], {"2023": "x"}, {"2023": "y"}, {"2023": {"code": "a", "raw.tax": "t"}}, now)
    'code changed'
    >>> why(["2023"], [], {"2023": "x"}, {"2023": "y"}, {}, now)
    'changed, by what was not recorded'
    """
    stale = list(stale)
    fresh = [p for p in stale if p not in stored]
    odd = [p for p in stale if p in stored and stored[p] != target[p]]
    parts: set[str] = set()
    unknown = False
    for period in odd:
        found = _differing(before.get(period, {}), now[period])
        parts |= found
        unknown |= not found
    inputs = sorted(part for part in parts if "." in part)
    reasons = [f"input changed: {', '.join(inputs)}"] if inputs else []
    reasons += [f"{part} changed" for part in ("code", "rules", "contract") if part in parts]
    reasons += [_NOT_RECORDED] if unknown else []
    if fresh:
        reasons.append("new" if len(fresh) == len(target) else f"new: {', '.join(fresh)}")
    if len(fresh) + len(odd) < len(stale):
        reasons.append("asked for")
    if lost := sorted(gone):
        reasons.append(f"gone: {', '.join(lost)}")
    return "; ".join(reasons)


def _differing(before: Mapping[str, str], now: Mapping[str, str]) -> set[str]:
    if not before:
        return set()
    return {part for part in {*before, *now} if before.get(part) != now.get(part)}


def mark(fingerprint: str) -> str:
    """A fingerprint, as short as is enough to say that it changed."""
    return fingerprint[:_MARK]


def packed(made_of: MadeOf) -> dict[str, Any]:
    """As it stands in a commit: the names of the parts once, and for each period their marks in a row.

    >>> packed({"2023": {"code": "aaaaaa", "raw.tax": "bbbbbb"}, "2024": {"code": "cccccc"}})
    {'parts': ['code', 'raw.tax'], 'marks': {'2023': 'aaaaaabbbbbb', '2024': 'cccccc------'}}
    """
    parts = sorted({part for marks in made_of.values() for part in marks})
    return {
        "parts": parts,
        "marks": {
            period: "".join(marks.get(part, _NO_MARK) for part in parts)
            for period, marks in sorted(made_of.items())
        },
    }


def unpacked(kept: Mapping[str, Any]) -> MadeOf:
    """The opposite of :func:`packed`.

    >>> unpacked({'parts': ['code', 'raw.tax'], 'marks': {'2024': 'cccccc------'}})
    {'2024': {'code': 'cccccc'}}
    """
    found: MadeOf = {}
    for period, text in kept["marks"].items():
        marks = (text[n * _MARK : (n + 1) * _MARK] for n in range(len(kept["parts"])))
        found[period] = {p: m for p, m in zip(kept["parts"], marks, strict=True) if m != _NO_MARK}
    return found


def stored_made_of(name: str) -> MadeOf:
    """What a table's periods were made of; nothing of those that were made before it was recorded."""
    for entry in tables.commit_metadata(name):
        if "fingerprints" in entry:
            return unpacked(entry["made_of"]) if "made_of" in entry else {}
    return {}
