"""A delivery, and the tables that tell of deliveries; ``schemas/register.py`` says which of them count.

A delivery is known by feed, period, part and checksum, so a file that is sent twice, under whatever name, is one
delivery.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ingest.register.standing import Decision
from schemas.contract import digest

#: The register of deliveries, and what broke a contract.
DELIVERY = "raw.delivery"
QUARANTINE = "quarantine.record"
#: What people corrected of records that were taken in.
CORRECTION = "quarantine.correction"


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
    #: Whether it takes the place of deliveries whose periods overlap with its own.
    replaces: bool = False
    #: Of a delivery that is mapped anew: whether it was let count so far, and what a person decided of it.
    has_counted: bool = False
    decision: Decision | None = None
    #: Who accepts it although too many of its records are refused.
    accepted_by: str | None = None
    #: Of a delivery that is mapped anew; the period of some of its rows is not the manifest's.
    registered_id: str | None = None

    @property
    def delivery_id(self) -> str:
        return self.registered_id or digest([self.feed, self.period, self.part, self.checksum])
