"""Versions of results: a correction is a later version of a firm's result and replaces the earlier one."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def in_force(grades: DataFrame) -> DataFrame:
    """The last version of each firm's result of a year."""
    # few results are ever corrected: broadcast these
    corrected = (
        grades.where("evaluation_version > 1")
        .groupBy("uscc", "year")
        .agg(F.max("evaluation_version").alias("last_version"))
    )
    return (
        grades.join(F.broadcast(corrected), ["uscc", "year"], "left")
        .where("evaluation_version = coalesce(last_version, evaluation_version)")
        .drop("last_version")
    )
