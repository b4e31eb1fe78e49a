"""Log of a task that computes tables: one group for each table, although several are computed at the same time.

Airflow shows the lines between ``::group::`` and ``::endgroup::`` as one line that expands.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.run_record import TableRun

#: Progress that a run in one process passes on to the terminal: (stage, what, rows).
progress_log = logging.getLogger("brain.progress")
table_log = logging.getLogger("brain.tables")


def tell(stage: str, what: str, rows: int) -> None:
    """Log a step of progress."""
    progress_log.info("%s %s %s", stage, what, rows)


class Groups(logging.Handler):
    """Buffers the log of a thread while it computes a table, and writes it as one group afterwards."""

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
        """Start buffering: this thread begins a table."""
        self._names[threading.get_ident()] = what
        self._held[threading.get_ident()] = []
        tell(stage, what, rows)

    def end(self, made: TableRun) -> None:
        """Write the group of the table that this thread has finished."""
        rows = "rows not counted" if made.rows is None else f"{made.rows:,} rows"
        removed = [f"removed: {', '.join(made.gone)}"] if made.gone else []
        self._close(
            threading.get_ident(),
            f"{made.table}: {rows}, {made.seconds:.1f} s",
            [
                f"reason: {made.reason}",
                f"periods: {', '.join(made.periods) or 'none'}",
                *removed,
                f"rows: {made.rows}",
                f"seconds: {made.seconds:.3f}, from {made.begun:.3f} to {made.ended:.3f} of the run",
            ],
        )

    def abandon(self) -> None:
        """Write the groups of tables that were begun and not finished."""
        for thread in list(self._held):
            self._close(thread, f"{self._names[thread]}: not finished", [])

    def _close(self, thread: int, title: str, details: list[str]) -> None:
        lines = [_record(line) for line in (f"::group::{title}", *details)]
        self._write([*lines, *self._held.pop(thread, []), _record("::endgroup::")])

    def _write(self, records: list[logging.LogRecord]) -> None:
        with self._writing:  # keep groups apart
            for record in records:
                for handler in self._behind:
                    if record.levelno >= handler.level:
                        handler.handle(record)


def _record(line: str) -> logging.LogRecord:
    return table_log.makeRecord(table_log.name, logging.INFO, __file__, 0, line, (), None)


@contextmanager
def logged_by_table() -> Iterator[Groups]:
    """Group the log by table during a run of the graph."""
    root = logging.getLogger()
    behind = root.handlers
    groups = Groups(behind)
    root.handlers = [groups]
    try:
        yield groups
    finally:
        groups.abandon()
        root.handlers = behind
