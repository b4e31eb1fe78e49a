"""Whether a new delivery is added to the deliveries in force or replaces some of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ingest.register.deliveries import Drop
from ingest.register.entries import following
from schemas.contract import Feed
from schemas.errors import RejectedError
from schemas.periods import named, overlap, overlapping, remedy
from schemas.register import in_force


def placed(drop: Drop, spec: Feed, known: Sequence[dict[str, Any]], *, said: bool = False) -> Drop:
    """The drop; marked as a replacement if it is stated to be one and its period overlaps with a delivery in force.

    A later delivery of a replacement's period and part is a replacement as well.

    Args:
        known: the register, with what this run has ingested so far.
        said: a person stated that the drop replaces, whatever its manifest states.

    Raises:
        RejectedError: its period contains, or is in, the period of a delivery in force, and it cannot replace that.
    """
    plain = replace(drop, replaces=False)
    rows = [d for d in known if d["feed"] == spec.table]
    if not any(overlap(d["period"], drop.period) for d in rows) or not (other := _beside(plain, spec, rows)):
        return plain
    what = (
        f"{drop.path.name}: its period {drop.period} overlaps with {other['period']} ({named(other)}), "
        "which is in force"
    )
    if spec.delivery != "snapshot":
        raise RejectedError(f"{what}; an {spec.delivery} replaces no other: {remedy(other)}")
    takes_over = any(
        d.get("is_replacement") and (d["period"], d["part"] or "") == (drop.period, drop.part)
        for d in in_force(rows, spec)
    )
    if not (said or drop.replaces or takes_over):
        raise RejectedError(
            f"{what}; if it replaces that delivery, say so: replaces: true in the manifest, or ingest --replaces; "
            f"otherwise {remedy(other)}"
        )
    replacing = replace(drop, replaces=True)
    if remaining := _beside(replacing, spec, rows):
        raise RejectedError(
            f"{what}; it cannot replace a delivery that was sent later or covers all parts: {remedy(remaining)}"
        )
    return replacing


def _beside(drop: Drop, spec: Feed, known: Sequence[dict[str, Any]]) -> Mapping[str, Any] | None:
    """A delivery that would be in force together with the drop although their periods overlap."""
    entry = {
        "feed": spec.table,
        "delivery_id": drop.delivery_id,
        "period": drop.period,
        "part": drop.part,
        "known_at": drop.known_at,
        "sequence": following(known),
        "records_in": 1,
        "is_replacement": drop.replaces,
    }
    for pair in overlapping(in_force([*known, entry], spec)):
        if entry in pair:
            return pair[0] if pair[1] is entry else pair[1]
    return None
