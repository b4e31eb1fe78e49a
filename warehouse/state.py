"""Durable files of a home: after a kill or a power cut each is complete or unchanged.

When a function returns, its files and their names in their folders are on disk (``fsync``). A later file therefore
never names one that the disk does not have.
"""

from __future__ import annotations

import glob
import json
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil

#: Files that are synced concurrently, so that the disk can choose their order.
AT_ONCE = 8

#: Messages of engines, libraries and the system for a full disk, quota or file size limit.
_NO_ROOM = (
    "No space left on device", "Disk quota exceeded", "File too large", "os error 28", "os error 122", "os error 27",
)  # fmt: skip


def is_disk_full(error: BaseException) -> bool:
    """Whether something failed because the disk is full."""
    return any(sign in str(error) for sign in _NO_ROOM)


def write_whole(path: Path, text: str, *, mode: int = 0o600) -> None:
    """Replace a file's text atomically; create its folder if absent."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in path.parent.glob(f"{glob.escape(path.stem)}.*.partial"):
        writer = left.suffixes[-2][1:]
        if writer.isdigit() and not psutil.pid_exists(int(writer)):  # its writer was killed
            left.unlink(missing_ok=True)
    partial = path.with_name(f"{path.stem}.{os.getpid()}.partial")
    partial.unlink(missing_ok=True)
    partial.touch(mode=mode)
    partial.write_text(text, encoding="utf-8")
    move(partial, path)


def read(path: Path) -> dict[str, Any]:
    """A JSON object from a file; empty if the file is missing, truncated or not a JSON object."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def read_own(path: Path, home: str) -> dict[str, Any]:
    """State of a home's processes; empty if it is lost, or belongs to the home that this one was copied from.

    Args:
        home: identity of the home's folder (``Settings.identity``); older state lacks it and is accepted.
    """
    state = read(path)
    return state if state.get("home", home) == home else {}


def move(source: Path, target: Path) -> None:
    """Rename a file durably."""
    sync(source)
    source.replace(target)
    sync(target.parent)


def remove(path: Path) -> None:
    """Remove a file durably."""
    path.unlink()
    sync(path.parent)


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_all(files: Iterable[Path], up_to: Path) -> None:
    """Wait until files are on disk, and the names in all their folders up to ``up_to``."""
    files = list(files)
    folders: set[Path] = set()
    for file in files:
        folder = file.parent
        while folder not in folders and folder.is_relative_to(up_to):
            folders.add(folder)
            folder = folder.parent
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for part in (files, sorted(folders)):
            list(pool.map(sync, part))
