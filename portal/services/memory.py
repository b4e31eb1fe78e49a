"""Total memory of processes."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from warehouse.state import read

#: Seconds between two measurements.
LOOK = 0.5


class Watch(threading.Thread):
    """Context manager that measures the peak memory of a process, its children and a home's engine, in bytes."""

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
    """Bytes of processes and their children; shared pages count once if the system reports proportional sizes."""
    sizes: dict[int, int] = {}
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            root = psutil.Process(pid)
            for process in (root, *root.children(recursive=True)):
                with contextlib.suppress(psutil.Error):
                    sizes[process.pid] = _bytes(process)
    return sum(sizes.values())


def _bytes(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except (AttributeError, psutil.AccessDenied):
        return int(process.memory_info().rss)
