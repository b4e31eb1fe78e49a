"""Zip archives from senders, and Excel files, which are such archives: nothing of them is trusted."""

from __future__ import annotations

import lzma
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from schemas.errors import RejectedError

MAX_MEMBERS = 1000
#: Text shrinks to a twentieth at most; what shrinks a thousandfold is made to fill a disk.
MAX_RATIO = 1000
_CHUNK = 1 << 20
_ARCHIVES = {".zip", ".gz", ".bz2", ".xz", ".7z", ".rar", ".tar", ".tgz"}
#: What a broken or hostile archive raises.
UNREADABLE = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    lzma.LZMAError,
    NotImplementedError,
    RuntimeError,
    EOFError,
    OSError,
    ValueError,
)


def extract(path: Path, scratch: Path, limit: int) -> list[tuple[str, Path]]:
    """The archive's files in the order of their names, each under a name of ours in the scratch folder.

    Raises:
        RejectedError: no archive, encrypted, with a path or a link in it, or larger than the limit when unpacked.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = [m for m in checked_members(archive, path.name, limit) if not _is_added(m.filename)]
            if not members:
                raise RejectedError(f"{path.name}: an empty archive")
            _refuse_archives(path.name, members)
            found = []
            for number, member in enumerate(sorted(members, key=lambda m: m.filename)):
                target = scratch / f"{path.stem[:40]}-{number}{PurePosixPath(member.filename).suffix}"
                _copy(archive, member, target)
                found.append((member.filename, target))
            return found
    except UNREADABLE as error:
        raise RejectedError(f"{path.name}: not readable as a zip archive: {error}") from None


def _is_added(name: str) -> bool:
    """What a desktop puts beside the files: no sender means it.

    >>> _is_added("__MACOSX/._power.csv"), _is_added("a/.DS_Store"), _is_added("power.csv")
    (True, True, False)
    """
    path = PurePosixPath(name.replace("\\", "/"))
    is_of_mac = path.parts[0] == "__MACOSX" or path.name == ".DS_Store" or path.name.startswith("._")
    return is_of_mac or path.name.lower() in ("thumbs.db", "desktop.ini")


def checked_members(archive: zipfile.ZipFile, name: str, limit: int) -> list[zipfile.ZipInfo]:
    """The archive's files, none of which leads out of it or is larger than it may be.

    Raises:
        RejectedError: one is.
    """
    members = [m for m in archive.infolist() if not m.is_dir()]
    _check(name, members, limit)
    return members


def _refuse_archives(name: str, members: list[zipfile.ZipInfo]) -> None:
    """An archive within an archive has no size that is known before it is unpacked."""
    for member in members:
        if PurePosixPath(member.filename.lower()).suffix in _ARCHIVES:
            raise RejectedError(f"{name}: {member.filename[:80]!r} is an archive itself; send its files")


def _check(name: str, members: list[zipfile.ZipInfo], limit: int) -> None:
    if not members:
        raise RejectedError(f"{name}: an empty archive")
    if len(members) > MAX_MEMBERS:
        raise RejectedError(f"{name}: {len(members):,} files; at most {MAX_MEMBERS:,} are read")
    for member in members:
        parts = PurePosixPath(member.filename.replace("\\", "/"))
        if not member.filename.isprintable():
            raise RejectedError(f"{name}: {member.filename[:80]!r} has a line break or the like in its name")
        if parts.is_absolute() or ".." in parts.parts or ":" in member.filename:
            raise RejectedError(
                f"{name}: {member.filename[:80]!r} is a path out of the archive; it is not unpacked"
            )
        if stat.S_ISLNK(member.external_attr >> 16):
            raise RejectedError(f"{name}: {member.filename[:80]!r} is a link; it is not unpacked")
        if member.flag_bits & 1:
            raise RejectedError(f"{name}: {member.filename[:80]!r} is encrypted; send it without a password")
    _check_sizes(name, members, limit)


def _check_sizes(name: str, members: list[zipfile.ZipInfo], limit: int) -> None:
    size = sum(m.file_size for m in members)
    packed = sum(m.compress_size for m in members)
    if size > limit or (size > 100 << 20 and size > MAX_RATIO * max(packed, 1)):
        raise RejectedError(f"{name}: unpacks to {size / 2**30:.1f} GiB; it is not unpacked")


def _copy(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
    """Unpack as much as the archive says there is: its directory may lie."""
    left = member.file_size
    with archive.open(member) as packed, target.open("wb") as file:
        while chunk := packed.read(_CHUNK):
            left -= len(chunk)
            if left < 0:
                raise zipfile.BadZipFile(f"{member.filename[:80]!r} is larger than it says")
            file.write(chunk)
