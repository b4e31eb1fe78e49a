"""The log of a task that makes tables: one group for each, though several are made at the same time.

Airflow shows what stands between ``::group::`` and ``::endgroup::`` as one line that opens.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.run_record import TableRun

#: What a run in one process hands on to the terminal: (stage, what, rows).
progress_log = logging.getLogger("brain.progress")
table_log = logging.getLogger("brain.tables")


def tell(stage: str, what: str, rows: int) -> None:
    """Say what is being done."""
    progress_log.info("%s %s %s", stage, what, rows)


class Groups(logging.Handler):
    """Holds back what a thread logs while it makes a table, and writes it as a group when that is made."""

    def __init__(self, behind: list[logging.Handler]) -> None:
        super().__init__()
        self._behind = behind
        self._held: dict[int, list[logging.LogRecord]] = {}
        self._names: dict[int, str] = {}
        self._writing = threading.RLock()

    def emit(self, record: logging.LogRecord) -> None:
        held = self._held.get(threading.get_ident())
        if held is None:
            self._write([record])
        else:
            held.append(record)

    def begin(self, stage: str, what: str, rows: int) -> None:
        """This thread begins a table."""
        self._names[threading.get_ident()] = what
        self._held[threading.get_ident()] = []
        tell(stage, what, rows)

    def end(self, made: TableRun) -> None:
        """This thread has made its table."""
        rows = "rows not counted" if made.rows is None else f"{made.rows:,} rows"
        gone = [f"removed: {', '.join(made.gone)}"] if made.gone else []
        self._close(
            threading.get_ident(),
            f"{made.table}: {rows}, {made.seconds:.1f} s",
            [
                f"reason: {made.reason}",
                f"periods: {', '.join(made.periods) or 'none'}",
                *gone,
                f"rows: {made.rows}",
                f"seconds: {made.seconds:.3f}, from {made.begun:.3f} to {made.ended:.3f} of the run",
            ],
        )

    def abandon(self) -> None:
        """Write what is held of tables that were begun and are not made."""
        for thread in list(self._held):
            self._close(thread, f"{self._names[thread]}: not made", [])

    def _close(self, thread: int, title: str, told: list[str]) -> None:
        lines = [_record(line) for line in (f"::group::{title}", *told)]
        self._write([*lines, *self._held.pop(thread, []), _record("::endgroup::")])

    def _write(self, records: list[logging.LogRecord]) -> None:
        with self._writing:  # no other table's lines come between
            for record in records:
                for handler in self._behind:
                    if record.levelno >= handler.level:
                        handler.handle(record)


def _record(line: str) -> logging.LogRecord:
    return table_log.makeRecord(table_log.name, logging.INFO, __file__, 0, line, (), None)


@contextmanager
def logged_by_table() -> Iterator[Groups]:
    """Lines of the log come by table, for the length of a run of the graph."""
    root = logging.getLogger()
    behind = root.handlers
    groups = Groups(behind)
    root.handlers = [groups]
    try:
        yield groups
    finally:
        groups.abandon()
        root.handlers = behind
