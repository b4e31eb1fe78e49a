"""The order of every ranking, and a rank as percentile."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

from jobs.columns.arithmetic import divide


def ranking_order(descending_total: Column) -> tuple[Column, ...]:
    """Highest total first (passed as its negative), then tax per mu; units equal in both share a rank.

    No document breaks ties. A credit code never does: it says nothing about a firm's merit.
    """
    return descending_total, F.col("tax_per_mu").desc_nulls_last()


def percentile(rank: Column, size: Column) -> Column:
    """Share of the list's units that rank no better than the unit, itself included, in percent."""
    return divide((size - rank + 1) * 100, size, 4).cast("decimal(9,4)")
