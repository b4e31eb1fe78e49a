"""园区 Parks and industrial areas of a year, in today's districts, with the points of their assessment."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.columns.rows import row_id, with_part
from jobs.core.steps.identity import UNDIVIDED, present_district
from jobs.job import Input, Job
from schemas.contract import code_list, contract

TABLE = "core.park"


def park(registered: DataFrame, assessment: DataFrame) -> DataFrame:
    """One row per park and year; a dimension without points, or a park without an assessment, has missing ones."""
    district = F.coalesce(present_district(F.col("reported_district_code")), F.lit(UNDIVIDED))
    points = (
        assessment.withColumn("year", F.col("period"))
        .groupBy("park_code", "year")
        .agg(*(_points(code) for code in code_list("park_dimension")))
    )
    return (
        registered.withColumns({"year": F.col("period"), "district_code": district})
        .transform(with_part, points, ["park_code", "year"])
        .withColumn("row_id", row_id("park_code", "year"))
        .select(*contract(TABLE).column_names)
    )


def _points(dimension: str) -> Column:
    points = F.when(F.col("park_dimension_code") == dimension, F.col("dimension_points"))
    return F.max(points).alias(f"points_{dimension}")


JOB = Job(
    table=TABLE,
    transform=park,
    inputs={"registered": Input("raw.gov_park"), "assessment": Input("raw.gov_park_assessment")},
    evidence={
        "raw.gov_park": {"park_code": "park_code", "period": "year"},
        "raw.gov_park_assessment": {"park_code": "park_code", "period": "year"},
    },
)
