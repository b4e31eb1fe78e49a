"""Progress of a long operation, for callers that show it."""

from __future__ import annotations

from collections.abc import Callable

#: Called at each step with the stage (ingest, read, run, gate …), the feed or table, and its number of rows; 0 where
#: rows are not counted, or not yet.
Progress = Callable[[str, str, int], None]


def silent(stage: str, what: str, rows: int) -> None:
    """Show no progress."""
