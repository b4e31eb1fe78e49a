"""Standing: what was decided of a delivery, by a person, or by the platform where too many records were refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from schemas.contract import Feed
from schemas.register import FREE_RECORDS, HELD, WITHDRAWN, is_beyond_band

if TYPE_CHECKING:
    from ingest.load import Loaded

PLATFORM = "平台 platform"


@dataclass(frozen=True)
class Decision:
    """Columns of the register that say how a delivery stands, since when, and who says so why."""

    standing_code: str
    decided_by: str
    decided_at: datetime
    decision_reason: str


def decided(standing: str, by: str, why: str) -> Decision:
    return Decision(standing, by, datetime.now(UTC), why)


def decision_of(row: Mapping[str, Any]) -> Decision | None:
    """The decision that a row of the register holds."""
    if not row.get("standing_code"):
        return None
    return Decision(*(row[name] for name in ("standing_code", "decided_by", "decided_at", "decision_reason")))


def judged(spec: Feed, loaded: Loaded, accepted_by: str | None) -> Decision | None:
    """A delivery is held while more of a period's records are refused than the gate would let pass, unless a person
    accepts it."""
    beyond = why_beyond(spec, loaded)
    if beyond is None:
        return None
    return decided("accepted", accepted_by, beyond) if accepted_by else decided(HELD, PLATFORM, beyond)


def why_beyond(spec: Feed, loaded: Loaded) -> str | None:
    """How far a delivery lies beyond its feed's band, by its worst period."""
    found = [
        (refused, refused + loaded.records_raw[period], period)
        for period, refused in loaded.records_quarantined.items()
        if is_beyond_band(refused, refused + loaded.records_raw[period], spec)
    ]
    if not found:
        return None
    refused, records, period = max(found)
    return (
        f"{refused:,} of {records:,} records of {period} broke their contract, more than "
        f"{spec.source.quarantine_band:.3g} of them and {FREE_RECORDS}"
    )


def why_out(row: Mapping[str, Any]) -> str:
    """Why a delivery does not count, and how it would."""
    what = {HELD: "it is held", WITHDRAWN: f"it was withdrawn by {row['decided_by']}"}[row["standing_code"]]
    return f"{what} ({row['decision_reason']}); {way_back(row['delivery_id'])}"


def way_back(delivery_id: str) -> str:
    return f"./brain deliveries restore {delivery_id} --reason TEXT makes it count"
