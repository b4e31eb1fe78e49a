"""Locks of a home, by name: one holder at a time, whatever process it is in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from schemas.errors import RejectedError


@contextmanager
def held(folder: Path, name: str, seconds: float, refusal: str) -> Iterator[FileLock]:
    """Hold a lock.

    Raises:
        RejectedError: another one has held it for so long; the line is ``refusal``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / f"{name}.lock")
    try:
        lock.acquire(timeout=seconds)
    except Timeout:
        raise RejectedError(refusal) from None
    try:
        yield lock
    finally:
        lock.release()


def is_held(folder: Path, name: str) -> bool:
    """Whether some process holds a lock just now."""
    if not (folder / f"{name}.lock").exists():
        return False
    try:
        with FileLock(folder / f"{name}.lock", timeout=0):
            return False
    except Timeout:
        return True
