"""How a long piece of work tells those who wait how far it is."""

from __future__ import annotations

from collections.abc import Callable

#: Called at each step with the stage (ingest, read, run, gate …), what is worked on, and how many rows it has: 0 where
#: nobody counts them, or not yet.
Progress = Callable[[str, str, int], None]


def silent(stage: str, what: str, rows: int) -> None:
    """Progress nobody looks at."""
