"""Who may read a home: its owner alone; and one group what was published, where ``BRAIN_GROUP`` names one."""

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
#: The group goes through these folders without seeing what else is in them.
_CLOSED, _PASSED = 0o700, 0o710
_READ_FOLDER, _READ_FILE = 0o2750, 0o640


def close(config: Settings) -> None:
    """Let this process, and all that it starts, make files for the owner alone; mend a home that was made otherwise.

    Raises:
        UsageError: there is no such group, or its files may not be given to it.
    """
    os.umask(OWNER_ONLY)
    if config.home.is_dir() and _mode(config.home) != (_PASSED if config.group else _CLOSED):
        # all of it: where the group may pass, what lies in the home is as open as it says itself
        for path in (config.home, *_within(config.home)):
            with suppress(PermissionError, FileNotFoundError):  # another's, or gone since
                path.chmod(_mode(path) & ~OWNER_ONLY)
    open_to_group(config)


def open_to_group(config: Settings) -> None:
    """Let the members of ``BRAIN_GROUP`` read the releases and the published tables, and nothing else.

    Raises:
        UsageError: there is no such group, or its files may not be given to it.
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
            f"{error.filename} cannot be given to the group {config.group}: be a member of it (BRAIN_GROUP)"
        ) from None


def _give(path: Path, group: int, mode: int) -> None:
    if path.stat().st_gid != group:
        os.chown(path, -1, group)
    if _mode(path) != mode:
        path.chmod(mode)


def _within(folder: Path) -> Iterator[Path]:
    """Folders and files below, without links: they may lead anywhere."""
    for base, folders, files in os.walk(folder):
        yield from (path for name in (*folders, *files) if not (path := Path(base, name)).is_symlink())


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)
