"""Grades on part of a year 年中预评价: their label.

``figures_as_of`` of core.enterprise_year says how far a year's figures reach; every table of this area carries it.
"""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F


def status() -> Column:
    """State of a computed result: a pre-evaluation while the figures reach only to a month."""
    return F.when(F.col("figures_as_of") != F.col("year"), "pre_evaluation").otherwise("initial")
