"""Current deliveries of the register; jobs, evidence, counts and the gate all use this module.

The register is append-only. A delivery's last entry holds: its latest mapping and the latest decision on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from schemas.contract import Feed
from schemas.periods import meet, overlap

#: Standings (code list delivery_standing) of deliveries that are not in force: a person withdrew them, or too many of
#: their records were quarantined.
HELD, WITHDRAWN = "held", "withdrawn"
#: Records of a period that may be quarantined whatever the feed's band is: in a small file one is a large share.
FREE_RECORDS = 5


def current_deliveries(deliveries: Iterable[dict[str, Any]], spec: Feed) -> list[dict[str, Any]]:
    """A feed's deliveries that are in force and whose rows are in the table's present version."""
    return [row for row in in_force(deliveries, spec) if table_version(row) == spec.version]


def in_force(
    deliveries: Iterable[dict[str, Any]], spec: Feed, *, with_held: bool = False
) -> list[dict[str, Any]]:
    """A feed's deliveries that no other delivery supersedes, in any version of the table.

    A withdrawn or held delivery supersedes nothing, so the one before it is in force again. Each delivery has its
    latest mapping. A snapshot supersedes those of the same period and part that were sent earlier. One sent as a
    replacement also supersedes those of overlapping periods: a year its months. The latest snapshot is taken first, so
    a superseded one supersedes nothing. Increments and events are all in force.

    Args:
        with_held: treat held deliveries as in force.
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
    """Whether a replacement covers another delivery's rows: periods overlap, and both cover the same part."""
    return overlap(later["period"], row["period"]) and (not later["part"] or meet(later, row))


def stands(row: Mapping[str, Any]) -> bool:
    """Whether a delivery is in force unless another one supersedes it; older registers have no standing at all."""
    return row.get("standing_code") not in (HELD, WITHDRAWN)


def is_beyond_band(records_quarantined: int, records_in: int, spec: Feed) -> bool:
    """Whether more of a period's records are quarantined than the feed's band allows; the gate checks it in SQL.

    >>> from schemas.contract import feed
    >>> is_beyond_band(7, 100, feed("gov_tax")), is_beyond_band(8, 100, feed("gov_tax"))
    (False, True)
    """
    return records_quarantined > Decimal(str(spec.source.quarantine_band)) * records_in + FREE_RECORDS


def latest_rows(deliveries: Iterable[dict[str, Any]], spec: Feed) -> list[dict[str, Any]]:
    """Register rows of all of a feed's deliveries, of their latest mapping, whether in force or not."""
    return [row for rows in latest_mapping(deliveries, spec).values() for row in rows]


def latest_mapping(deliveries: Iterable[dict[str, Any]], spec: Feed) -> dict[str, list[dict[str, Any]]]:
    """Delivery → its register rows of the latest mapping, one for each period.

    A new mapping replaces all periods of the one before: a record may have moved to another period.
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
    """Version of the feed's table that has a delivery's rows; 1 in older registers, which do not record it."""
    return int(row.get("table_version") or 1)


def _order(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["known_at"], row["sequence"], row["delivery_id"], row["period"]
