"""Manifests: what a sender states about a file in the landing folder.

A drop is complete when its manifest ``<file>.manifest.json`` is beside it.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from ingest.readers.files import check_file
from ingest.register.deliveries import Drop
from ingest.register.today import latest_moment
from schemas.contract import Feed
from schemas.definition import first_error
from schemas.errors import RejectedError
from schemas.periods import is_period

MANIFEST = ".manifest.json"
MAX_MANIFEST_BYTES = 1 << 20
#: A sender's clock may be ahead by this much. The limit matters because the latest ``sent_at`` decides which snapshot
#: is in force.
AHEAD = timedelta(days=1)
_FIRST_YEAR, _LAST_YEAR = 2000, 9998


class Manifest(BaseModel):
    """What a sender states about a file. Times are UTC."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    feed: str
    period: str
    part: str = Field(default="", max_length=100, pattern=r"^[^\x00-\x1f]*$")
    file: str
    sha256: str = Field(pattern="^[0-9A-Fa-f]{64}$")
    records: int | None = Field(default=None, ge=0)
    sent_at: datetime
    #: It replaces deliveries whose periods overlap with its own: a year replaces its months.
    replaces: bool = False

    @field_validator("period")
    @classmethod
    def _real_period(cls, value: str) -> str:
        if not is_period(value):
            raise ValueError(f"{value[:40]!r} is no year, month or day like 2023, 2024-03 or 2024-03-31")
        return value

    @field_validator("sent_at")
    @classmethod
    def _in_utc(cls, value: datetime) -> datetime:
        if value.year < _FIRST_YEAR or value.year > _LAST_YEAR:
            raise ValueError(f"{value.isoformat()} is no time of sending")
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def find_drops(folder: Path, refused: list[RejectedError]) -> list[Drop]:
    """Complete drops of a feed's landing folder, by time of sending.

    Args:
        refused: gets the error of each manifest that cannot be used; the others go on.
    """
    drops = []
    for path in sorted(folder.glob(f"*{MANIFEST}")):
        try:
            drops.append(read_drop(path))
        except RejectedError as error:
            refused.append(error)
    return sorted(drops, key=lambda d: (d.known_at, d.path.name))


def read_drop(manifest_path: Path) -> Drop:
    """A drop from its manifest.

    Raises:
        RejectedError: the manifest is not readable or not valid, or does not name the file and feed that it belongs to.
    """
    name = manifest_path.name
    if not name.isprintable():
        raise RejectedError(f"{name[:80]!r}: an unprintable character in the name; rename the file")
    manifest = _read_manifest(manifest_path)
    path = manifest_path.parent / name.removesuffix(MANIFEST)
    if manifest.file != path.name:
        raise RejectedError(f"{name}: names {manifest.file[:80]!r}; the manifest of {path.name} must name it")
    if manifest.feed != manifest_path.parent.name:
        raise RejectedError(
            f"{name}: it names feed {manifest.feed[:40]!r} but is in the folder of {manifest_path.parent.name}"
        )
    if manifest.sent_at > latest_moment() + AHEAD:
        raise RejectedError(
            f"{name}: sent_at {manifest.sent_at:%Y-%m-%d} is in the future; correct the sender's clock"
        )
    if not path.is_symlink() and not path.is_file():
        raise RejectedError(f"{name}: names {path.name}, which does not exist")
    return Drop(
        path=path,
        feed=manifest.feed,
        period=manifest.period,
        part=manifest.part,
        checksum=manifest.sha256.lower(),
        records=manifest.records,
        known_at=manifest.sent_at,
        replaces=manifest.replaces,
    )


def _read_manifest(path: Path) -> Manifest:
    try:
        size = check_file(path, path.name)
        if size > MAX_MANIFEST_BYTES:
            raise RejectedError(f"{path.name}: {size:,} bytes; a manifest has at most {MAX_MANIFEST_BYTES:,}")
        return Manifest.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise RejectedError(f"{path.name}: {first_error(error)}") from None
    except OSError as error:
        raise RejectedError(f"{path.name}: not readable: {error.strerror}") from None


def drop_of_file(path: Path, spec: Feed, period: str, part: str = "") -> Drop:
    """A drop of a file that a person names on the command line; its ``known_at`` is now.

    Raises:
        RejectedError: there is no such file, or it may not be read.
    """
    if not path.is_file():
        raise RejectedError(f"{path}: no such file")
    check_file(path, path.name)
    return Drop(path, spec.table, period, part, checksum_of(path), None, latest_moment())


def checksum_of(path: Path) -> str:
    """SHA-256 of a file.

    Raises:
        RejectedError: it is not readable.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise RejectedError(f"{path}: not readable: {error.strerror}") from None
