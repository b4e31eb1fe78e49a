"""Standing of a delivery: a decision of a person, or of the platform if too many records were refused."""

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
    """Columns of the register about a delivery's standing: which, by whom, when and why."""

    standing_code: str
    decided_by: str
    decided_at: datetime
    decision_reason: str


def decided(standing: str, by: str, why: str) -> Decision:
    return Decision(standing, by, datetime.now(UTC), why)


def decision_of(row: Mapping[str, Any]) -> Decision | None:
    """The decision in a row of the register; None without one."""
    if not row.get("standing_code"):
        return None
    return Decision(*(row[name] for name in ("standing_code", "decided_by", "decided_at", "decision_reason")))


def judged(spec: Feed, loaded: Loaded, accepted_by: str | None) -> Decision | None:
    """The decision on a new delivery: if more of a period's records are refused than the gate allows, the delivery is
    held, unless a person accepts it."""
    beyond = why_beyond(spec, loaded)
    if beyond is None:
        return None
    return decided("accepted", accepted_by, beyond) if accepted_by else decided(HELD, PLATFORM, beyond)


def why_beyond(spec: Feed, loaded: Loaded) -> str | None:
    """Why a delivery is beyond its feed's quarantine band, by its worst period; None if it is within."""
    beyond = [
        (refused, refused + loaded.records_raw[period], period)
        for period, refused in loaded.records_quarantined.items()
        if is_beyond_band(refused, refused + loaded.records_raw[period], spec)
    ]
    if not beyond:
        return None
    refused, records, period = max(beyond)
    return (
        f"{refused:,} of {records:,} records of {period} broke their contract, more than the allowed "
        f"{100 * spec.source.quarantine_band:.3g} % plus {FREE_RECORDS} records"
    )


def why_out(row: Mapping[str, Any]) -> str:
    """Why a delivery is not in force, and how to put it in force."""
    what = {HELD: "it is held", WITHDRAWN: f"it was withdrawn by {row['decided_by']}"}[row["standing_code"]]
    return f"{what} ({row['decision_reason']}); {way_back(row['delivery_id'])}"


def way_back(delivery_id: str) -> str:
    return f"to put it in force: ./brain deliveries restore {delivery_id} --reason TEXT"
