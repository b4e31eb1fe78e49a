"""Inputs of jobs: a table's rows of some periods; for a feed its current view, one row per key and period."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from ingest.register.deliveries import QUARANTINE
from jobs.columns.rows import first_of
from jobs.job import Input
from pipeline.periods import Fingerprints, input_periods
from schemas.contract import Contract, Feed, contract, feeds
from schemas.register import current_deliveries
from warehouse import tables


def of_deliveries(current: Iterable[dict[str, Any]]) -> Column:
    """Condition that a row belongs to one of these deliveries, in the mapping named with it."""
    by_mapping: dict[str, list[str]] = defaultdict(list)
    for delivery in current:
        by_mapping[delivery["mapping_hash"]].append(delivery["delivery_id"])
    condition = F.lit(False)
    for mapping, ids in sorted(by_mapping.items()):
        condition = condition | ((F.col("mapping_hash") == mapping) & F.col("delivery_id").isin(sorted(ids)))
    return condition


def current_rows(raw: DataFrame, current: Iterable[dict[str, Any]], spec: Contract) -> DataFrame:
    """Rows of the current deliveries.

    A snapshot's keys are unique within a delivery (the reader checks it). Of an increment's rows the latest wins;
    of an event's rows the first, because an event is never changed.
    """
    rows = raw.where(of_deliveries(current))
    if spec.delivery == "snapshot":
        return rows
    order = [F.col("known_at"), F.col("delivery_id"), F.col("source_row")]
    if spec.delivery == "increment":
        order = [c.desc() for c in order]
    return first_of(rows, spec.key, *order)


def read_input(
    given: Input,
    periods: Iterable[str],
    wanted: Mapping[str, Fingerprints],
    deliveries: list[dict[str, Any]],
) -> DataFrame:
    """An input's rows for the periods to be built; for a feed its current view."""
    available = wanted.get(given.known_as, {})
    use = sorted({p for period in periods for p in input_periods(given.periods, period, available)})
    spec = contract(given.table)
    frame = tables.read(given.table)
    if given.table == QUARANTINE:
        return _current_quarantine(frame, deliveries, given.feed).where(F.col("period").isin(use))
    if isinstance(spec, Feed):
        return _current_feed(frame, spec, deliveries, use)
    return frame.where(F.col(spec.period or "").isin(use))


def _current_feed(
    frame: DataFrame, spec: Feed, deliveries: list[dict[str, Any]], periods: list[str]
) -> DataFrame:
    current = [d for d in current_deliveries(deliveries, spec) if d["period"] in periods]
    return current_rows(frame.where(F.col("period").isin(periods)), current, spec)


def _current_quarantine(frame: DataFrame, deliveries: list[dict[str, Any]], only: str | None) -> DataFrame:
    read = [spec for spec in feeds().values() if only in (None, spec.table)]
    current = [d for spec in read for d in current_deliveries(deliveries, spec)]
    return frame.where(of_deliveries(d for d in current if d["records_quarantined"]))
