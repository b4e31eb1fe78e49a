"""企业综合评价 Comprehensive score of a year: a firm's percentile among its peers, by dimension and overall."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.columns.rows import row_id
from jobs.job import Input, Job
from jobs.profile.rules.evaluation import Evaluation, evaluation
from jobs.profile.steps.scores import scores
from schemas.contract import contract

TABLE = "profile.comprehensive_score"


def comprehensive_score(profiles: DataFrame, earlier: DataFrame, rules: Evaluation) -> DataFrame:
    """One row per firm in scope and year; scores from 0 to 100.

    Args:
        profiles: profiles of the years to compute.
        earlier: profiles up to the years; of these, those of the years and of the years before are read.
    """
    asked = profiles.select(F.col("year").alias("period"), "figures_year")
    return (
        scores(earlier.withColumn("period", F.col("year")), asked, rules)
        .withColumn("row_id", row_id("uscc", "year"))
        .select(*contract(TABLE).column_names)
    )


JOB = Job(
    table=TABLE,
    transform=comprehensive_score,
    inputs={
        "profiles": Input("profile.enterprise_profile"),
        "earlier": Input("profile.enterprise_profile", "upto"),
    },
    rules=evaluation,
    evidence={"profile.enterprise_profile": {"uscc": "uscc", "year": "year"}},
)
