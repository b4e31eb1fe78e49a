"""Deliveries: what lies in the landing folder, what was taken in, and which of it counts now.

A drop is complete when its manifest ``<file>.manifest.json`` lies beside it. A delivery is known by feed,
period, part and checksum, so a file that is sent twice, under whatever name, is one delivery.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from schemas.contract import Contract, digest, first_error
from schemas.errors import RejectedError

MANIFEST = ".manifest.json"


class Manifest(BaseModel):
    """What a sender says about a file. Times are UTC."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    feed: str
    period: str = Field(pattern=r"^[0-9]{4}(-(0[1-9]|1[0-2]))?$")
    part: str = ""
    file: str
    sha256: str
    records: int | None = None
    sent_at: datetime


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

    @property
    def delivery_id(self) -> str:
        return digest([self.feed, self.period, self.part, self.checksum])


def find_drops(folder: Path) -> list[Drop]:
    """Complete drops of a feed's landing folder, in the order in which they were sent."""
    drops = [read_drop(path) for path in sorted(folder.glob(f"*{MANIFEST}"))]
    return sorted(drops, key=lambda d: (d.known_at, d.path.name))


def read_drop(manifest_path: Path) -> Drop:
    """A drop from its manifest.

    Raises:
        RejectedError: the manifest is not readable, or the file is not the one it names.
    """
    try:
        manifest = Manifest.model_validate_json(manifest_path.read_bytes())
    except ValidationError as error:
        raise RejectedError(f"{manifest_path.name}: {first_error(error)}") from None
    path = manifest_path.parent / manifest_path.name.removesuffix(MANIFEST)
    if not path.is_file():
        raise RejectedError(f"{manifest_path.name}: names {path.name}, which is not there")
    return Drop(
        path=path,
        feed=manifest.feed,
        period=manifest.period,
        part=manifest.part,
        checksum=manifest.sha256,
        records=manifest.records,
        known_at=manifest.sent_at.astimezone(UTC),
    )


def drop_of_file(path: Path, spec: Contract, period: str, part: str = "") -> Drop:
    """A drop of a file that a person names on the command line; it is known from now on."""
    if not path.is_file():
        raise RejectedError(f"{path}: no such file")
    return Drop(path, spec.table, period, part, checksum_of(path), None, datetime.now(UTC))


def checksum_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise RejectedError(f"{path}: not readable: {error.strerror}") from None


# --- which deliveries count --------------------------------------------------------------------------


def current_deliveries(deliveries: Iterable[dict[str, Any]], spec: Contract) -> list[dict[str, Any]]:
    """Of a feed's deliveries (rows of raw.delivery) those that count now.

    Of one delivery the latest mapping counts. A later snapshot of the same period and part supersedes
    the earlier one, by the time it was sent; increments and events all count.
    """
    latest: dict[str, dict[str, Any]] = {}
    for row in sorted(deliveries, key=lambda d: d["sequence"]):
        if row["feed"] == spec.table:
            latest[row["delivery_id"]] = row
    if spec.delivery != "snapshot":
        return sorted(latest.values(), key=_order)
    by_part: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in latest.values():
        by_part[row["period"], row["part"] or ""].append(row)
    return sorted((max(rows, key=_order) for rows in by_part.values()), key=_order)


def _order(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["known_at"], row["sequence"], row["delivery_id"]
