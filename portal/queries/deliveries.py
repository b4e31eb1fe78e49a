"""Deliveries of feeds with their state, and the register's entries of one delivery."""

from __future__ import annotations

from typing import Any


def deliveries(name: str | None = None, period: str | None = None) -> list[dict[str, Any]]:
    """The deliveries of a feed, or of all feeds: rows of :func:`ingest.register.decisions.standings`.

    A year as the period includes its months and days.
    """
    from ingest.register.decisions import standings
    from ingest.register.entries import deliveries as entries
    from schemas.contract import feed, feeds
    from schemas.periods import check_asked, is_within

    check_asked(period)
    known = entries()
    specs = [feed(name)] if name else feeds().values()
    return [
        row
        for spec in specs
        for row in standings(known, spec)
        if any(is_within(one, period) for one in row["periods"])
    ]


def deliveries_beside(delivery_id: str) -> list[dict[str, Any]]:
    """The deliveries of the same feed whose periods equal or overlap those of this delivery."""
    from ingest.register.decisions import latest_of
    from ingest.register.entries import deliveries as entries
    from schemas.periods import touch

    found, spec = latest_of(delivery_id, entries())
    periods = {row["period"] for row in found}
    return [
        row
        for row in deliveries(spec.table)
        if any(touch(one, other) for one in row["periods"] for other in periods)
    ]


def entries_of(delivery_id: str) -> list[dict[str, Any]]:
    """The register's entries of a delivery in their order, each with the delivery's current ``state``."""
    from ingest.register.decisions import latest_of, standings
    from ingest.register.entries import deliveries as entries

    known = entries()
    _, spec = latest_of(delivery_id, known)
    state = next(row["state"] for row in standings(known, spec) if row["delivery_id"] == delivery_id)
    found = [row for row in known if row["delivery_id"] == delivery_id]
    found.sort(key=lambda row: (row["sequence"], row["period"]))
    return [{**row, "state": state} for row in found]
