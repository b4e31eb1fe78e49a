"""Who may read a home: only its owner; a group that ``BRAIN_GROUP`` names may read what is published."""

from __future__ import annotations

import grp
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from schemas.errors import UsageError
from warehouse.settings import Settings

OWNER_ONLY = 0o077
#: Modes of folders that the group may pass through without listing them: closed, open to the group.
_CLOSED, _PASSED = 0o700, 0o710
_READ_FOLDER, _READ_FILE = 0o2750, 0o640


def close(config: Settings) -> None:
    """Make this process and its children create files for the owner only; repair the modes of an existing home.

    Raises:
        UsageError: the group does not exist, or this user may not give files to it.
    """
    os.umask(OWNER_ONLY)
    if config.home.is_dir() and _mode(config.home) != (_PASSED if config.group else _CLOSED):
        # every file: once the group may pass through the home, each file's own mode decides
        for path in (config.home, *_within(config.home)):
            with suppress(PermissionError, FileNotFoundError):  # another user's, or removed since
                path.chmod(_mode(path) & ~OWNER_ONLY)
    open_to_group(config)


def open_to_group(config: Settings) -> None:
    """Let the members of ``BRAIN_GROUP`` read the releases and the published tables, and nothing else.

    Raises:
        UsageError: the group does not exist, or this user may not give files to it.
    """
    if not config.group or not config.home.is_dir():
        return
    try:
        group = grp.getgrnam(config.group).gr_gid
    except KeyError:
        raise UsageError(f"there is no group {config.group} on this machine (BRAIN_GROUP)") from None
    published = config.warehouse / "published"
    try:
        for path in (config.home, config.warehouse):
            if path.is_dir():
                _give(path, group, _PASSED)
        for folder in (config.releases, published):
            for path in (folder, *_within(folder)) if folder.is_dir() else ():
                _give(path, group, _READ_FOLDER if path.is_dir() else _READ_FILE)
    except PermissionError as error:
        raise UsageError(
            f"{error.filename} cannot be given to the group {config.group}: become a member of it (BRAIN_GROUP)"
        ) from None


def _give(path: Path, group: int, mode: int) -> None:
    if path.stat().st_gid != group:
        os.chown(path, -1, group)
    if _mode(path) != mode:
        path.chmod(mode)


def _within(folder: Path) -> Iterator[Path]:
    """Folders and files below, without links, since these may lead anywhere."""
    for base, folders, files in os.walk(folder):
        yield from (path for name in (*folders, *files) if not (path := Path(base, name)).is_symlink())


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)
