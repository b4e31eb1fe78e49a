"""The current view of a feed: deliveries resolved, one row for each key and period."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.columns.portable import first_of
from schemas.contract import Contract


def of_deliveries(current: Iterable[dict[str, Any]]) -> Column:
    """Condition that a row belongs to one of these deliveries, as mapped by that mapping."""
    by_mapping: dict[str, list[str]] = defaultdict(list)
    for delivery in current:
        by_mapping[delivery["mapping_hash"]].append(delivery["delivery_id"])
    condition = F.lit(False)
    for mapping, ids in sorted(by_mapping.items()):
        condition = condition | ((F.col("mapping_hash") == mapping) & F.col("delivery_id").isin(sorted(ids)))
    return condition


def current_rows(raw: DataFrame, current: Iterable[dict[str, Any]], spec: Contract) -> DataFrame:
    """Rows of the deliveries that count.

    A snapshot's keys are unique within a delivery (the reader sees to it). Of an increment's rows the latest
    wins, of an event's the first: an event is never changed.
    """
    rows = raw.where(of_deliveries(current))
    if spec.delivery == "snapshot":
        return rows
    order = [F.col("known_at"), F.col("delivery_id"), F.col("source_row")]
    if spec.delivery == "increment":
        order = [c.desc() for c in order]
    return first_of(rows, spec.key, *order)
