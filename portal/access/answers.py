"""Answers that are kept: a release never changes, so the same statement has the same rows as long as it is read."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Any

Rows = list[dict[str, Any]]

#: Cells (rows × columns) that are kept of all answers, some 50 MB, and of a single one.
ALL_CELLS = 400_000
ONE_ANSWER = 20_000


class Answers:
    """Rows by catalogue and statement; the answer that was not asked for longest goes first."""

    def __init__(self, most: int = ALL_CELLS) -> None:
        self._most = most
        self._kept: OrderedDict[tuple[str, str], Rows] = OrderedDict()
        self._cells = 0
        self._lock = Lock()

    def rows(self, catalogue: str, sql: str, ask: Callable[[], Rows]) -> Rows:
        """The rows of a statement, asked for if they are not kept. They are the caller's own to change."""
        key = (catalogue, sql)
        with self._lock:
            if (kept := self._kept.get(key)) is not None:
                self._kept.move_to_end(key)
        found = ask() if kept is None else kept
        if kept is None and _cells(found) <= ONE_ANSWER:
            self._keep(key, found)
        return [dict(row) for row in found]

    def _keep(self, key: tuple[str, str], rows: Rows) -> None:
        with self._lock:
            if key in self._kept:
                return
            self._kept[key] = rows
            self._cells += _cells(rows)
            while self._cells > self._most:
                _, gone = self._kept.popitem(last=False)
                self._cells -= _cells(gone)


def _cells(rows: Rows) -> int:
    return 1 + (len(rows) * len(rows[0]) if rows else 0)
