"""Zip archives from senders, and Excel files, which are zip archives: nothing in them is trusted."""

from __future__ import annotations

import lzma
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from schemas.errors import RejectedError

MAX_MEMBERS = 1000
#: Text compresses to a twentieth at best; an archive that compresses a thousandfold is a zip bomb.
MAX_RATIO = 1000
_CHUNK = 1 << 20
_ARCHIVES = {".zip", ".gz", ".bz2", ".xz", ".7z", ".rar", ".tar", ".tgz"}
#: Exceptions of a broken or hostile archive.
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
    """Unpack the archive into the scratch folder: each file's name in the archive and its path, sorted by name.

    Raises:
        RejectedError: it is no archive, is encrypted, contains an unsafe path, a link or an archive, or unpacks to more
            than the limit.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = [m for m in checked_members(archive, path.name, limit) if not _is_added(m.filename)]
            if not members:
                raise RejectedError(f"{path.name}: an empty archive")
            _refuse_archives(path.name, members)
            files = []
            for number, member in enumerate(sorted(members, key=lambda m: m.filename)):
                target = scratch / f"{path.stem[:40]}-{number}{PurePosixPath(member.filename).suffix}"
                _copy(archive, member, target)
                files.append((member.filename, target))
            return files
    except UNREADABLE as error:
        raise RejectedError(f"{path.name}: not readable as a zip archive: {error}") from None


def _is_added(name: str) -> bool:
    """Whether a desktop system added the file, not the sender.

    >>> _is_added("__MACOSX/._power.csv"), _is_added("a/.DS_Store"), _is_added("power.csv")
    (True, True, False)
    """
    path = PurePosixPath(name.replace("\\", "/"))
    is_of_mac = path.parts[0] == "__MACOSX" or path.name == ".DS_Store" or path.name.startswith("._")
    return is_of_mac or path.name.lower() in ("thumbs.db", "desktop.ini")


def checked_members(archive: zipfile.ZipFile, name: str, limit: int) -> list[zipfile.ZipInfo]:
    """The archive's files; none has an unsafe path, and all together are within the limit.

    Raises:
        RejectedError: a file is unsafe or encrypted, or the files are too many or too large.
    """
    members = [m for m in archive.infolist() if not m.is_dir()]
    _check(name, members, limit)
    return members


def _refuse_archives(name: str, members: list[zipfile.ZipInfo]) -> None:
    """Refuse archives in an archive: their unpacked size is not known beforehand."""
    for member in members:
        if PurePosixPath(member.filename.lower()).suffix in _ARCHIVES:
            raise RejectedError(f"{name}: {member.filename[:80]!r} is an archive; send its files instead")


def _check(name: str, members: list[zipfile.ZipInfo], limit: int) -> None:
    if not members:
        raise RejectedError(f"{name}: an empty archive")
    if len(members) > MAX_MEMBERS:
        raise RejectedError(f"{name}: {len(members):,} files; at most {MAX_MEMBERS:,} are read")
    for member in members:
        parts = PurePosixPath(member.filename.replace("\\", "/"))
        if not member.filename.isprintable():
            raise RejectedError(
                f"{name}: {member.filename[:80]!r} has an unprintable character in its name; rename the file"
            )
        if parts.is_absolute() or ".." in parts.parts or ":" in member.filename:
            raise RejectedError(
                f"{name}: {member.filename[:80]!r} is a path outside the archive; it is not unpacked"
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
    """Unpack a file up to the size that the archive's directory states, which may be wrong."""
    remaining = member.file_size
    with archive.open(member) as packed, target.open("wb") as file:
        while chunk := packed.read(_CHUNK):
            remaining -= len(chunk)
            if remaining < 0:
                raise zipfile.BadZipFile(
                    f"{member.filename[:80]!r} is larger than the archive's directory states"
                )
            file.write(chunk)
