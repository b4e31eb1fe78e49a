"""The register's entries: registering a delivery puts it in force."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ingest.register.deliveries import DELIVERY
from ingest.register.standing import Decision
from schemas.contract import contract
from warehouse import tables


@dataclass(frozen=True)
class Entry:
    """A delivery in the register: one row for each period of its records."""

    feed: str
    delivery_id: str
    part: str
    source_file: str
    checksum: str
    headings: list[str]
    mapping_hash: str
    known_at: datetime
    records_raw: Counter[str]
    records_quarantined: Counter[str]
    table_version: int
    corrected_upto: int | None = None
    is_replacement: bool = False
    decision: Decision | None = None

    def rows(self, sequence: int) -> list[dict[str, Any]]:
        of_period = ("records_raw", "records_quarantined", "decision")
        shared = {k: v for k, v in vars(self).items() if k not in of_period}
        shared |= vars(self.decision) if self.decision else {}
        counts = {
            period: (self.records_raw[period], self.records_quarantined[period])
            for period in sorted({*self.records_raw, *self.records_quarantined})
        }
        return [
            {
                **shared,
                "period": period,
                "sequence": sequence,
                "records_in": raw + refused,
                "records_raw": raw,
                "records_quarantined": refused,
            }
            for period, (raw, refused) in counts.items()
        ]


def deliveries() -> list[dict[str, Any]]:
    """Rows of raw.delivery."""
    rows: list[dict[str, Any]] = tables.rows(DELIVERY).to_pylist()
    return rows


def register(entries: Sequence[Entry]) -> None:
    """Register deliveries in their order; this puts them in force."""
    with tables.writing("register"):
        numbered = enumerate(entries, start=following(deliveries()))
        rows = [row for number, entry in numbered for row in entry.rows(number)]
        tables.add_rows(rows, contract(DELIVERY), {"deliveries": len(entries)})


def following(known: Iterable[dict[str, Any]]) -> int:
    """The register's next sequence number."""
    return max((d["sequence"] for d in known), default=0) + 1
