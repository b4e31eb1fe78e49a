"""A delivery, and the tables about deliveries; ``schemas/register.py`` decides which deliveries are in force.

Feed, period, part and checksum identify a delivery, so a file that is sent twice, under whatever name, is one delivery.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ingest.register.standing import Decision
from schemas.contract import digest

#: The register of deliveries, and the quarantined records.
DELIVERY = "raw.delivery"
QUARANTINE = "quarantine.record"
#: Corrections of ingested records by people.
CORRECTION = "quarantine.correction"


@dataclass(frozen=True)
class Drop:
    """One delivery to ingest: a complete file of the landing folder, a pull of a table, or a registered delivery."""

    path: Path
    feed: str
    period: str
    part: str
    checksum: str
    records: int | None
    known_at: datetime
    #: Whether it replaces deliveries whose periods overlap with its own.
    replaces: bool = False
    #: Of a remapped delivery: whether it was neither held nor withdrawn, and the decision on it.
    has_counted: bool = False
    decision: Decision | None = None
    #: Who accepts it although too many of its records are refused.
    accepted_by: str | None = None
    #: Of a remapped delivery, whose rows may have other periods than its manifest.
    registered_id: str | None = None

    @property
    def delivery_id(self) -> str:
        return self.registered_id or digest([self.feed, self.period, self.part, self.checksum])
