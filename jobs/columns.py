"""Column expressions and windows for every area."""

from __future__ import annotations

from pyspark.sql import Column, Window, WindowSpec
from pyspark.sql import functions as F


def present(*texts: Column) -> Column:
    """Those of the texts that are not missing, each once, in their order; an empty array when none is."""
    # array_compact would do, but it is a higher-order function: Spark interprets it and all that it is given
    return F.array_except(F.array(*texts), F.array(F.lit(None).cast("string")))


def no_texts() -> Column:
    """An empty array of texts."""
    return F.array().cast("array<string>")


def whole(*partition: str) -> WindowSpec:
    """All rows of the partition, for each of its rows."""
    return Window.partitionBy(*partition).rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
