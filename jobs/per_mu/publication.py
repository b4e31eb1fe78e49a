"""已发布评价等级 Published grades: each version as it was published, beside the grade that the present data give."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.columns.rows import row_id, whole, with_part
from jobs.job import Input, Job
from schemas.contract import contract

TABLE = "per_mu.publication"


def publication(enterprise_grade: DataFrame, records: DataFrame) -> DataFrame:
    """One row per firm, year and published version."""
    computed = enterprise_grade.select(
        "uscc", "year", F.col("final_grade").alias("computed_grade"), F.col("total_score").alias("computed_score"),
        F.col("initial_grade").alias("computed_initial"),
    )  # fmt: skip
    last = F.max("evaluation_version").over(whole("district_code", "year"))
    return (
        records.withColumnRenamed("period", "year")
        .drop("row_id")
        .withColumn("is_in_force", F.col("evaluation_version") == last)
        .transform(with_part, computed, ["uscc", "year"])
        .withColumn("grade_change_cause_code", F.when(F.col("is_in_force"), cause()))
        .withColumn("row_id", row_id("uscc", "year", "evaluation_version"))
        .select(*contract(TABLE).column_names)
    )


def cause() -> Column:
    """What moved a grade since it was published; null if it did not move."""
    return (
        F.when(F.col("computed_grade").isNull(), "left")
        .when(F.col("computed_grade") == F.col("final_grade"), None)
        .when(F.col("computed_score") != F.col("total_score"), "score")
        .when(F.col("computed_initial") != F.col("initial_grade"), "neighbours")
        .otherwise("decision")
    )


JOB = Job(
    table=TABLE,
    transform=publication,
    inputs={
        "enterprise_grade": Input("per_mu.enterprise_grade"),
        "records": Input("raw.gov_grade_publication"),
    },
    evidence={
        "raw.gov_grade_publication": {
            "uscc": "uscc",
            "period": "year",
            "evaluation_version": "evaluation_version",
        },
        "per_mu.enterprise_grade": {"uscc": "uscc", "year": "year"},
    },
)
