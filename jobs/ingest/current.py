"""The current view of a feed: deliveries resolved, one row for each key and period."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

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
    # few keys come again, and a window over very many that do not is dear
    again = F.broadcast(rows.groupBy(*spec.key).count().where("count > 1").select(*spec.key))
    window = Window.partitionBy(*spec.key).orderBy(*order)
    chosen = rows.join(again, list(spec.key), "left_semi").withColumn("_place", F.row_number().over(window))
    return rows.join(again, list(spec.key), "left_anti").unionByName(
        chosen.where("_place = 1").drop("_place")
    )
