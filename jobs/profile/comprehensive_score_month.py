"""企业月度综合评价 Comprehensive score of the latest month: percentiles among peers, like those of a year."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.columns.rows import row_id
from jobs.job import Input, Job
from jobs.profile.rules.evaluation import Evaluation, evaluation
from jobs.profile.steps.scores import scores
from schemas.contract import contract

TABLE = "profile.comprehensive_score_month"


def comprehensive_score_month(profiles: DataFrame, earlier: DataFrame, rules: Evaluation) -> DataFrame:
    """One row per firm in scope and month; scores from 0 to 100.

    Args:
        profiles: profiles of the months to compute.
        earlier: profiles of years up to the months; of these, those of the years before their figures are read.
    """
    months = profiles.withColumnRenamed("month", "period")
    years = earlier.withColumn("period", F.col("year"))
    return (
        scores(months.unionByName(years), months.select("period", "figures_year"), rules)
        .withColumnRenamed("period", "month")
        .withColumn("row_id", row_id("uscc", "month"))
        .select(*contract(TABLE).column_names)
    )


JOB = Job(
    table=TABLE,
    transform=comprehensive_score_month,
    inputs={
        "profiles": Input("profile.enterprise_profile_month"),
        "earlier": Input("profile.enterprise_profile", "upto"),
    },
    rules=evaluation,
    evidence={"profile.enterprise_profile_month": {"uscc": "uscc", "month": "month"}},
)
