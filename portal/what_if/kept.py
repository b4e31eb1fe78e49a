"""Which answers a home keeps: those used last, as many as ``BRAIN_WHAT_IF_ANSWERS`` says.

An answer is used when it is computed, asked for again or read; the time is that of its folder. A reader holds a shared
lock of the answer's ``summary.json``: what is held stays, and goes when the next answer is stored.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from schemas.errors import UsageError

SUMMARY = "summary.json"
#: Endings of folders that are no answer: one being computed, and one being removed.
PARTIAL, GONE = ".partial", ".gone"


class NotKeptError(UsageError):
    """There is no such answer, or not any more."""

    def __init__(self, answer: str) -> None:
        super().__init__(
            f"there is no what-if {answer}, or it is no longer kept; ask again with ./brain whatif and the same rule"
        )


def use(where: Path) -> None:
    """Count an answer as used now; one that is gone is left to its reader to miss."""
    with suppress(FileNotFoundError, PermissionError):  # a home may be readable for a group
        os.utime(where)


@contextmanager
def held(where: Path) -> Iterator[None]:
    """Keep an answer while it is read.

    Raises:
        NotKeptError: it is not there.
    """
    path = where / SUMMARY
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise NotKeptError(where.name) from None
    with file:
        fcntl.flock(file, fcntl.LOCK_SH)
        if not _is(file, path):  # removed between opening and locking
            raise NotKeptError(where.name)
        use(where)
        yield


def remove_unused(folder: Path, most: int, newest: str) -> list[str]:
    """Remove the answers used least lately, but for those that somebody reads; return their ids.

    The caller holds the home's lock for trials: folders of trials that were stopped are nobody's, and go too.

    Args:
        most: answers that are kept.
        newest: the answer just stored, which is always kept.
    """
    for path in folder.iterdir():
        if path.suffix in (PARTIAL, GONE):
            shutil.rmtree(path, ignore_errors=True)
    used = sorted(_used(folder, newest), reverse=True)
    return [path.name for _, path in used[max(most - 1, 0) :] if _remove(path)]


def _used(folder: Path, newest: str) -> Iterator[tuple[int, Path]]:
    """When each answer but the newest was used."""
    for path in folder.iterdir():
        if path.name != newest and (path / SUMMARY).is_file():
            with suppress(FileNotFoundError):  # somebody may remove a folder by hand
                yield path.stat().st_mtime_ns, path


def _remove(where: Path) -> bool:
    """Remove an answer, unless it is read or another process removes it."""
    path = where / SUMMARY
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return False
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        if not _is(file, path):
            return False
        gone = where.with_suffix(GONE)
        # it vanishes at once for readers to come, whatever happens to this process
        where.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)
    return True


def _is(file: BinaryIO, path: Path) -> bool:
    """Whether an open file is the one of this path still."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
