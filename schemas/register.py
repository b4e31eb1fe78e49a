"""What counts of the register of deliveries; jobs, evidence, counts and the gate all ask here.

The register is only added to. Of one delivery its last entry holds: how it was mapped last, and what was decided of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from schemas.contract import Feed
from schemas.periods import meet, overlap

#: Standings (code list delivery_standing) of deliveries that do not count: a person took them back, or too many of
#: their records were refused.
HELD, WITHDRAWN = "held", "withdrawn"
#: So many records of a period may be refused whatever the feed's band is: in a small file one is a large share.
FREE_RECORDS = 5


def current_deliveries(deliveries: Iterable[dict[str, Any]], spec: Feed) -> list[dict[str, Any]]:
    """Of a feed's deliveries those that count now: in force, and in the table's version of today."""
    return [row for row in in_force(deliveries, spec) if table_version(row) == spec.version]


def in_force(
    deliveries: Iterable[dict[str, Any]], spec: Feed, *, with_held: bool = False
) -> list[dict[str, Any]]:
    """Of a feed's deliveries those that no other supersedes, in whatever version of the table they lie.

    One that was withdrawn or is held supersedes nothing, so that the one before it counts again. Of one delivery the
    latest mapping counts. A later snapshot of the same period and part supersedes the earlier one, by the time it was
    sent, and one that was sent to replace supersedes those of overlapping periods as well: a year its months. Of
    several the last one is looked at first, so that what is superseded itself supersedes nothing. Increments and
    events all count.

    Args:
        with_held: as it would be if held ones counted as well.
    """
    latest = [
        row
        for row in latest_rows(deliveries, spec)
        if stands(row) or (with_held and row["standing_code"] == HELD)
    ]
    if spec.delivery != "snapshot":
        return sorted(latest, key=_order)
    kept: dict[tuple[str, str], dict[str, Any]] = {}
    replacing: list[dict[str, Any]] = []
    for row in sorted(latest, key=_order, reverse=True):
        place = row["period"], row["part"] or ""
        if place in kept or any(_replaces(other, row) for other in replacing):
            continue
        kept[place] = row
        if row.get("is_replacement"):
            replacing.append(row)
    return sorted(kept.values(), key=_order)


def _replaces(later: dict[str, Any], row: dict[str, Any]) -> bool:
    """Whether a delivery that was sent to replace speaks of another one's rows: of its part, or of all parts."""
    return overlap(later["period"], row["period"]) and (not later["part"] or meet(later, row))


def stands(row: Mapping[str, Any]) -> bool:
    """Whether a delivery counts unless another one supersedes it; registers of old know no other."""
    return row.get("standing_code") not in (HELD, WITHDRAWN)


def is_beyond_band(records_quarantined: int, records_in: int, spec: Feed) -> bool:
    """Whether more of a period's records were refused than the feed's band allows; the gate asks the same in SQL.

    >>> from schemas.contract import feed
    >>> is_beyond_band(7, 100, feed("gov_tax")), is_beyond_band(8, 100, feed("gov_tax"))
    (False, True)
    """
    return records_quarantined > Decimal(str(spec.source.quarantine_band)) * records_in + FREE_RECORDS


def latest_rows(deliveries: Iterable[dict[str, Any]], spec: Feed) -> list[dict[str, Any]]:
    """The rows of all of a feed's deliveries as they were mapped last, whether they count or not."""
    return [row for rows in latest_mapping(deliveries, spec).values() for row in rows]


def latest_mapping(deliveries: Iterable[dict[str, Any]], spec: Feed) -> dict[str, list[dict[str, Any]]]:
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
