"""Where a delivery is placed among those that count: beside them, or in the place of some."""

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
    """The drop, marked as a replacement where it is said to be one and its period overlaps with one that counts.

    A later delivery of a replacement's own period and part is one as well.

    Args:
        known: the register, with what this run has taken in so far.
        said: a person said that it replaces, whatever its manifest says.

    Raises:
        RejectedError: it would be added to a delivery whose period lies within its own, or the other way round.
    """
    plain = replace(drop, replaces=False)
    rows = [d for d in known if d["feed"] == spec.table]
    if not any(overlap(d["period"], drop.period) for d in rows) or not (there := _beside(plain, spec, rows)):
        return plain
    what = f"{drop.path.name}: its period {drop.period} overlaps with {there['period']} ({named(there)}), which counts"
    if spec.delivery != "snapshot":
        raise RejectedError(f"{what}; of {spec.delivery}s none replaces another: {remedy(there)}")
    takes_over = any(
        d.get("is_replacement") and (d["period"], d["part"] or "") == (drop.period, drop.part)
        for d in in_force(rows, spec)
    )
    if not (said or drop.replaces or takes_over):
        raise RejectedError(
            f"{what}; say so where it replaces that: replaces: true in the manifest, or ingest --replaces; else "
            f"{remedy(there)}"
        )
    replacing = replace(drop, replaces=True)
    if left := _beside(replacing, spec, rows):
        raise RejectedError(
            f"{what}; it does not replace what was sent later or has all parts: {remedy(left)}"
        )
    return replacing


def _beside(drop: Drop, spec: Feed, known: Sequence[dict[str, Any]]) -> Mapping[str, Any] | None:
    """A delivery that would count beside the drop although their periods overlap."""
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
