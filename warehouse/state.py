"""What lies on the disk of a home: there whole, or as it was, whatever is killed and whenever the power goes.

A function that has returned has its files on disk, and their names in their folders (``fsync``). So what is written
down later never names what the disk does not have.
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

#: Files that the disk is asked to write at a time: it orders them as it likes.
AT_ONCE = 8

#: How engines, libraries and the system say that a disk, a quota or a file's limit is full.
_NO_ROOM = (
    "No space left on device", "Disk quota exceeded", "File too large", "os error 28", "os error 122", "os error 27",
)  # fmt: skip


def is_disk_full(error: BaseException) -> bool:
    """Whether something failed since the disk has no room for it."""
    return any(sign in str(error) for sign in _NO_ROOM)


def write_whole(path: Path, text: str, *, mode: int = 0o600) -> None:
    """Put a text in a file's place in one step; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in path.parent.glob(f"{glob.escape(path.stem)}.*.partial"):
        writer = left.suffixes[-2][1:]
        if writer.isdigit() and not psutil.pid_exists(int(writer)):  # it was killed
            left.unlink(missing_ok=True)
    partial = path.with_name(f"{path.stem}.{os.getpid()}.partial")
    partial.unlink(missing_ok=True)
    partial.touch(mode=mode)
    partial.write_text(text, encoding="utf-8")
    move(partial, path)


def read(path: Path) -> dict[str, Any]:
    """A JSON object as it was written down; nothing where it is lost, cut off, or no such thing."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def read_own(path: Path, home: str) -> dict[str, Any]:
    """What a home wrote down of what runs for it; nothing where that is lost, or is of the home it was copied from.

    Args:
        home: which folder the home is (``Settings.identity``); state of old does not say it.
    """
    state = read(path)
    return state if state.get("home", home) == home else {}


def move(source: Path, target: Path) -> None:
    """Give a file its name, under which it is on disk then."""
    sync(source)
    source.replace(target)
    sync(target.parent)


def remove(path: Path) -> None:
    """Remove a file, which does not come back."""
    path.unlink()
    sync(path.parent)


def sync(path: Path) -> None:
    """Wait until the disk has a file, or the names in a folder."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_all(files: Iterable[Path], up_to: Path) -> None:
    """Wait until the disk has some files, and their names in all folders from theirs up to one of them."""
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
