"""Feeds 数据源 as they stand on the home's day: what was delivered last, what is expected, how many records count."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from ingest.register.expected import Expectation, expectations
from ingest.register.today import today
from portal.queries.register import known_deliveries
from portal.queries.titles import Named
from schemas.contract import Feed, feeds
from schemas.register import current_deliveries, latest_mapping


@dataclass(frozen=True)
class FeedState:
    """A feed on a day. Records are those of deliveries in force; ``band_pct`` is the share that may be refused."""

    feed: Named
    owner: str
    cadence: str
    lateness_days: int
    state: str
    is_missing: bool
    expected_period: str | None
    expected_by: date | None
    first_period: str | None
    last_period: str | None
    last_seen_at: datetime | None
    periods: int
    deliveries: int
    #: Deliveries that wait for a person's decision.
    held: int
    records: int
    quarantined: int
    band_pct: float


def feed_states(names: Collection[str] | None = None) -> list[FeedState]:
    """The named feeds, or all; those that should have delivered first."""
    day, known = today(), known_deliveries()
    specs = [spec for name, spec in feeds().items() if names is None or name in names]
    expected = expectations(known, day.day, specs, calendars=day.calendars)
    return [_state(one, feeds()[one.feed], known) for one in expected]


def _state(one: Expectation, spec: Feed, known: list[dict[str, object]]) -> FeedState:
    of_feed = [row for row in known if row["feed"] == spec.table]
    current = current_deliveries(of_feed, spec)
    periods = sorted({row["period"] for row in current})
    last_mappings = latest_mapping(of_feed, spec).values()
    return FeedState(
        feed=Named(spec.table, spec.title.zh, spec.title.en),
        owner=spec.owner,
        cadence=one.cadence,
        lateness_days=one.lateness_days,
        state=one.state,
        is_missing=one.is_missing,
        expected_period=one.expected_period,
        expected_by=one.expected_by,
        first_period=periods[0] if periods else None,
        last_period=one.last_period,
        last_seen_at=one.last_seen_at,
        periods=len(periods),
        deliveries=len({row["delivery_id"] for row in current}),
        held=sum(rows[0].get("standing_code") == "held" for rows in last_mappings),
        records=sum(row["records_in"] for row in current),
        quarantined=sum(row["records_quarantined"] for row in current),
        band_pct=100 * spec.source.quarantine_band,
    )
