"""Column expressions that every area uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from jobs.columns.values import present

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_present_leaves_out_missing_and_repeated_texts_and_keeps_the_order(spark: SparkSession) -> None:
    rows = spark.createDataFrame(
        [(1, "b", "a", None), (2, None, None, None), (3, "a", "", "a")], "n int, x string, y string, z string"
    )
    found = rows.select("n", present(*map(F.col, "xyz")).alias("found")).orderBy("n").collect()
    assert [list(row["found"]) for row in found] == [["b", "a"], [], ["a", ""]]
