"""Locks of a home, by name: one holder at a time across all processes."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from schemas.errors import RejectedError

#: Seconds of waiting after which a warning is logged.
SILENT_SECONDS = 1
log = logging.getLogger("brain.locks")


@contextmanager
def held(folder: Path, name: str, seconds: float, refusal: str, waits: str = "") -> Iterator[FileLock]:
    """Hold a lock; ``waits`` is logged if acquiring it takes longer than a moment.

    Raises:
        RejectedError: another holder kept it for all of ``seconds``; the message is ``refusal``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / f"{name}.lock")
    try:
        _acquire(lock, seconds, waits)
    except Timeout:
        raise RejectedError(refusal) from None
    try:
        yield lock
    finally:
        lock.release()


def _acquire(lock: FileLock, seconds: float, waits: str) -> None:
    try:
        lock.acquire(timeout=min(seconds, SILENT_SECONDS))
        return
    except Timeout:
        if seconds <= SILENT_SECONDS:
            raise
    if waits:
        log.warning(waits)
    lock.acquire(timeout=seconds - SILENT_SECONDS)


def is_held(folder: Path, name: str) -> bool:
    """Whether some process holds a lock at the moment."""
    if not (folder / f"{name}.lock").exists():
        return False
    try:
        with FileLock(folder / f"{name}.lock", timeout=0):
            return False
    except Timeout:
        return True
