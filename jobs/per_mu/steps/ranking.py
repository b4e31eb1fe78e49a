"""The order of every ranking."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F


def ranking_order(descending_total: Column) -> tuple[Column, ...]:
    """Highest total first (passed as its negative), then tax per mu, then credit code: no document breaks ties."""
    return descending_total, F.col("tax_per_mu").desc_nulls_last(), F.col("uscc")
