"""Memory that processes hold together."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from warehouse.state import read

#: Seconds between two looks at the processes' memory.
LOOK = 0.5


class Watch(threading.Thread):
    """Most memory held at a time by a process, its children, and a home's engine, while the block lasts."""

    def __init__(self, pid: int, home: Path) -> None:
        super().__init__(daemon=True)
        self.peak = 0
        self._pid = pid
        self._state = home / "engine" / "engine.json"
        self._done = threading.Event()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._done.set()
        self.join()

    def run(self) -> None:
        while not self._done.wait(LOOK):
            self.peak = max(self.peak, held_bytes(self._pids()))

    def _pids(self) -> set[int]:
        engine = read(self._state)
        return {self._pid, *(engine[name] for name in ("process", "supervisor") if name in engine)}


def held_bytes(pids: Iterable[int]) -> int:
    """Bytes of processes and all that they started; pages that they share count once, where the system tells."""
    found: dict[int, int] = {}
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            root = psutil.Process(pid)
            for process in (root, *root.children(recursive=True)):
                with contextlib.suppress(psutil.Error):
                    found[process.pid] = _bytes(process)
    return sum(found.values())


def _bytes(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except (AttributeError, psutil.AccessDenied):
        return int(process.memory_info().rss)
