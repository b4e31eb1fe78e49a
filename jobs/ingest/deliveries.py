"""Deliveries: what lies in the landing folder, what was taken in, and which of it counts now.

A drop is complete when its manifest ``<file>.manifest.json`` lies beside it. A delivery is known by feed,
period, part and checksum, so a file that is sent twice, under whatever name, is one delivery.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from jobs.ingest.files import check_file
from schemas.contract import Contract, digest, first_error
from schemas.errors import RejectedError, UsageError

MANIFEST = ".manifest.json"
MAX_MANIFEST_BYTES = 1 << 20
#: A year, a month or a day.
PERIOD = r"^[0-9]{4}(-(0[1-9]|1[0-2])(-[0-3][0-9])?)?$"
#: A sender's clock may be ahead by this much; the time of sending decides which snapshot counts.
AHEAD = timedelta(days=1)
_FIRST_YEAR, _LAST_YEAR = 2000, 9998
#: The register of deliveries, and what broke a contract.
DELIVERY = "raw.delivery"
QUARANTINE = "quarantine.record"
#: What people corrected of records that were taken in.
CORRECTION = "quarantine.correction"


class Manifest(BaseModel):
    """What a sender says about a file. Times are UTC."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    feed: str
    period: str = Field(pattern=PERIOD)
    part: str = Field(default="", max_length=100, pattern=r"^[^\x00-\x1f]*$")
    file: str
    sha256: str = Field(pattern="^[0-9A-Fa-f]{64}$")
    records: int | None = Field(default=None, ge=0)
    sent_at: datetime

    @field_validator("period")
    @classmethod
    def _real_day(cls, value: str) -> str:
        if len(value) == 10:
            date.fromisoformat(value)
        return value

    @field_validator("sent_at")
    @classmethod
    def _in_utc(cls, value: datetime) -> datetime:
        if value.year < _FIRST_YEAR or value.year > _LAST_YEAR:
            raise ValueError(f"{value.isoformat()} is no time of sending")
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


@dataclass(frozen=True)
class Drop:
    """One complete file in the landing folder."""

    path: Path
    feed: str
    period: str
    part: str
    checksum: str
    records: int | None
    known_at: datetime
    #: Of a delivery that is mapped anew; the period of some of its rows is not the manifest's.
    registered_id: str | None = None

    @property
    def delivery_id(self) -> str:
        return self.registered_id or digest([self.feed, self.period, self.part, self.checksum])


def find_drops(folder: Path, refused: list[RejectedError]) -> list[Drop]:
    """Complete drops of a feed's landing folder, in the order in which they were sent.

    Args:
        refused: gets what is wrong with each manifest that cannot be used; the others go on.
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
        RejectedError: the manifest is not readable, says what cannot be, or the file is not the one it names.
    """
    name = manifest_path.name
    if not name.isprintable():
        raise RejectedError(f"{name[:80]!r}: a line break or the like in the name; rename the file")
    manifest = _read_manifest(manifest_path)
    path = manifest_path.parent / name.removesuffix(MANIFEST)
    if manifest.file != path.name:
        raise RejectedError(f"{name}: names {manifest.file[:80]!r}; the manifest of {path.name} must name it")
    if manifest.feed != manifest_path.parent.name:
        raise RejectedError(
            f"{name}: of feed {manifest.feed[:40]!r} in the folder of {manifest_path.parent.name}"
        )
    if manifest.sent_at > datetime.now(UTC) + AHEAD:
        raise RejectedError(
            f"{name}: sent at {manifest.sent_at:%Y-%m-%d}, which is yet to come; mend the clock"
        )
    if not path.is_symlink() and not path.is_file():
        raise RejectedError(f"{name}: names {path.name}, which is not there")
    return Drop(
        path=path,
        feed=manifest.feed,
        period=manifest.period,
        part=manifest.part,
        checksum=manifest.sha256.lower(),
        records=manifest.records,
        known_at=manifest.sent_at,
    )


def _read_manifest(path: Path) -> Manifest:
    try:
        size = check_file(path, path.name)
        if size > MAX_MANIFEST_BYTES:
            raise RejectedError(
                f"{path.name}: {size:,} bytes; no manifest is larger than {MAX_MANIFEST_BYTES:,}"
            )
        return Manifest.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise RejectedError(f"{path.name}: {first_error(error)}") from None
    except OSError as error:
        raise RejectedError(f"{path.name}: not readable: {error.strerror}") from None


def drop_of_file(path: Path, spec: Contract, period: str, part: str = "") -> Drop:
    """A drop of a file that a person names on the command line; it is known from now on."""
    if not path.is_file():
        raise RejectedError(f"{path}: no such file")
    check_file(path, path.name)
    return Drop(path, spec.table, period, part, checksum_of(path), None, datetime.now(UTC))


def checksum_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise RejectedError(f"{path}: not readable: {error.strerror}") from None


def check_period(text: str | None) -> None:
    """A period that somebody asks for names a year, month or day as a manifest does.

    Raises:
        UsageError: it does not.
    """
    try:
        if text is None or (re.fullmatch(PERIOD, text) and (len(text) < 10 or date.fromisoformat(text))):
            return
    except ValueError:
        pass
    raise UsageError(f"--period {text}: give a year, month or day, e.g. 2023, 2024-03 or 2024-03-31")


def is_within(period: str, wanted: str | None) -> bool:
    """Whether a period lies in the wanted one, or is it; every period does where none is wanted.

    >>> is_within("2024-03", "2024"), is_within("2024", "2024-03"), is_within("2024-03", None)
    (True, False, True)
    """
    return wanted is None or period == wanted or period.startswith(f"{wanted}-")


# --- which deliveries count --------------------------------------------------------------------------


def current_deliveries(deliveries: Iterable[dict[str, Any]], spec: Contract) -> list[dict[str, Any]]:
    """Of a feed's deliveries those that count now: in force, and in the table's version of today."""
    return [row for row in in_force(deliveries, spec) if table_version(row) == spec.version]


def in_force(deliveries: Iterable[dict[str, Any]], spec: Contract) -> list[dict[str, Any]]:
    """Of a feed's deliveries those that no other supersedes, in whatever version of the table they lie.

    Of one delivery the latest mapping counts. A later snapshot of the same period and part supersedes
    the earlier one, by the time it was sent; increments and events all count.
    """
    latest = [row for rows in latest_mapping(deliveries, spec).values() for row in rows]
    if spec.delivery != "snapshot":
        return sorted(latest, key=_order)
    by_part: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in latest:
        by_part[row["period"], row["part"] or ""].append(row)
    return sorted((max(rows, key=_order) for rows in by_part.values()), key=_order)


def latest_mapping(deliveries: Iterable[dict[str, Any]], spec: Contract) -> dict[str, list[dict[str, Any]]]:
    """Delivery → its rows of the register, one for each period, as it was mapped last.

    All periods of a mapping give way together: a record may have moved from one to another.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for row in sorted(deliveries, key=lambda d: d["sequence"]):
        if row["feed"] != spec.table:
            continue
        rows = found.setdefault(row["delivery_id"], [])
        if rows and rows[0]["sequence"] < row["sequence"]:
            rows.clear()
        rows.append(row)
    return found


def table_version(row: dict[str, Any]) -> int:
    """Version of the feed's table in which a delivery's rows lie; registers of old do not say it."""
    return int(row.get("table_version") or 1)


def _order(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["known_at"], row["sequence"], row["delivery_id"], row["period"]
