"""The record of one run of the graph: which tables were built, why, how many rows, and when in the run.

To explain why, a commit stores with each period's fingerprint what the period was built from: a short mark for code,
contract, rules and each input table. Marks decide nothing; only the fingerprint makes a period stale.
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

#: Hexadecimal digits of a mark; few, because a table has about a hundred marks.
_MARK = 6
_NO_MARK = "-" * _MARK
_NOT_RECORDED = "changed, cause not recorded"


@dataclass(frozen=True)
class TableRun:
    """One table that a run built; ``begun`` and ``ended`` are seconds since the run began, so that overlaps show."""

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
        """As a row for people and programs: the cost first, the long lists last."""
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
    """The result of one run of the graph; ``fresh`` lists the tables without stale periods."""

    tables: list[TableRun] = field(default_factory=list)
    fresh: list[str] = field(default_factory=list)
    begun_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    seconds: float = 0.0
    failure: str | None = None

    @property
    def made(self) -> dict[str, list[str]]:
        """Table -> periods that were built."""
        return {one.table: one.periods for one in self.tables}

    def as_record(self) -> dict[str, Any]:
        """The report as JSON-able data."""
        return {
            "begun_at": self.begun_at.isoformat(timespec="seconds"),
            "seconds": self.seconds,
            "failure": self.failure,
            "tables": [one.as_row() for one in self.tables],
            "fresh": self.fresh,
        }


def record_file(config: Settings | None = None) -> Path:
    """The file with the record of the last run."""
    return (config or settings()).logs / "run.json"


class Recording:
    """A run in progress."""

    def __init__(self) -> None:
        self._begun_at = datetime.now(UTC)
        self._since = time.monotonic()
        self._made: dict[str, TableRun] = {}
        self._fresh: set[str] = set()
        #: Held while a table is recorded and reported, so that tables are reported in the order in which they ended.
        self.turn = threading.Lock()

    def elapsed(self) -> float:
        """Seconds since the run began."""
        return round(time.monotonic() - self._since, 3)

    def made(self, table: str, reason: str, periods: list[str], gone: list[str], begun: float) -> TableRun:
        """Record a table that was just committed."""
        ended = self.elapsed()
        done = TableRun(table, reason, periods, gone, _rows_of(table, periods), begun, ended)
        self._made[table] = done
        return done

    def fresh(self, table: str) -> None:
        """Record a table without stale periods."""
        self._fresh.add(table)

    def close(self, order: Sequence[str], error: BaseException | None = None) -> RunReport:
        """The report, tables in the given order; its record is written to the home's logs."""
        report = RunReport(
            [self._made[name] for name in order if name in self._made],
            [name for name in order if name in self._fresh],
            self._begun_at,
            self.elapsed(),
            None if error is None else str(error) or type(error).__name__,
        )
        text = json.dumps(report.as_record(), ensure_ascii=False, indent=1)
        # a full disk must not hide why the run failed
        with contextlib.suppress(*([OSError] if error else [])):
            write_whole(record_file(), text)
        return report


def _rows_of(name: str, periods: Iterable[str]) -> int | None:
    """Rows of some periods, from the table's log; None if a writer did not count them."""
    actions = pa.table(tables.open_table(name).get_add_actions(flatten=True))
    if not actions.num_rows:
        return 0
    wanted = set(periods)
    partitions = actions[f"partition.{contract(name).period}"].to_pylist()
    counts = actions["num_records"].to_pylist() if "num_records" in actions.column_names else [None]
    rows = [n for n, partition in zip(counts, partitions, strict=False) if partition in wanted]
    return None if None in rows else sum(rows)


# --- why -------------------------------------------------------------------------------------------------


def why(
    stale: Iterable[str],
    gone: Iterable[str],
    stored: Mapping[str, str],
    target: Mapping[str, str],
    before: MadeOf,
    now: MadeOf,
) -> str:
    """Why periods of a table are rebuilt or removed, in words.

    Args:
        stored, target: fingerprints as stored and as wanted.
        before, now: what the periods were built from and are to be built from.

    >>> now = {"2023": {"code": "b", "raw.tax": "t"}}
    >>> why(["2023"], [], {"2023": "x"}, {"2023": "y"}, {"2023": {"code": "a", "raw.tax": "t"}}, now)
    'code changed'
    >>> why(["2023"], [], {"2023": "x"}, {"2023": "y"}, {}, now)
    'changed, cause not recorded'
    """
    stale = list(stale)
    fresh = [p for p in stale if p not in stored]
    changed = [p for p in stale if p in stored and stored[p] != target[p]]
    parts: set[str] = set()
    unknown = False
    for period in changed:
        differing = _differing(before.get(period, {}), now[period])
        parts |= differing
        unknown |= not differing
    inputs = sorted(part for part in parts if "." in part)
    reasons = [f"input changed: {', '.join(inputs)}"] if inputs else []
    reasons += [f"{part} changed" for part in ("code", "rules", "contract") if part in parts]
    reasons += [_NOT_RECORDED] if unknown else []
    if fresh:
        reasons.append("new" if len(fresh) == len(target) else f"new: {', '.join(fresh)}")
    if len(fresh) + len(changed) < len(stale):
        reasons.append("requested")
    if removed := sorted(gone):
        reasons.append(f"removed: {', '.join(removed)}")
    return "; ".join(reasons)


def _differing(before: Mapping[str, str], now: Mapping[str, str]) -> set[str]:
    if not before:
        return set()
    return {part for part in {*before, *now} if before.get(part) != now.get(part)}


def mark(fingerprint: str) -> str:
    """A fingerprint, shortened to what is enough to see that it changed."""
    return fingerprint[:_MARK]


def packed(made_of: MadeOf) -> dict[str, Any]:
    """As stored in a commit: the names of the parts once, and for each period their marks in a row.

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
    made_of: MadeOf = {}
    for period, text in kept["marks"].items():
        marks = (text[n * _MARK : (n + 1) * _MARK] for n in range(len(kept["parts"])))
        made_of[period] = {p: m for p, m in zip(kept["parts"], marks, strict=True) if m != _NO_MARK}
    return made_of


def stored_made_of(name: str) -> MadeOf:
    """What a table's periods were built from; nothing for commits that did not record it."""
    for entry in tables.commit_metadata(name):
        if "fingerprints" in entry:
            return unpacked(entry["made_of"]) if "made_of" in entry else {}
    return {}
