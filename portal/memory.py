"""Memory that processes hold together."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

import psutil


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
