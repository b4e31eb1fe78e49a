"""企业月度画像 Profile of an enterprise in the latest month, in one row like that of a year."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.columns.rows import row_id
from jobs.job import Input, Job
from jobs.profile.steps.periods import months_asked
from jobs.profile.steps.wide_row import EVIDENCE, profiles
from schemas.contract import contract

TABLE = "profile.enterprise_profile_month"


def enterprise_profile_month(months: DataFrame, directory: DataFrame, **known: DataFrame) -> DataFrame:
    """One row per enterprise of the directory and month.

    Args:
        months: the months to compute; only the periods are used.
        directory: the directories of the months' years.
        known: the other inputs of :func:`profiles`.
    """
    return (
        profiles(months_asked(months), directory, **known)
        .withColumn("month", F.col("period"))
        .withColumn("row_id", row_id("uscc", "month"))
        .select(*contract(TABLE).column_names)
    )


JOB = Job(
    table=TABLE,
    transform=enterprise_profile_month,
    inputs={
        "months": Input("core.enterprise_month"),
        "directory": Input("core.enterprise", "year_of"),
        "figures": Input("core.enterprise_year", "upto"),
        "population": Input("per_mu.population", "upto"),
        "grades": Input("per_mu.enterprise_grade", "upto"),
        "indicators": Input("per_mu.indicator_value", "upto"),
        "city_ranks": Input("per_mu.city_rank", "upto"),
        "events": Input("core.enterprise_event", "upto"),
        "months_to_date": Input("core.enterprise_month", "to_date"),
        "nodes": Input("chain.node_enterprise", "upto"),
    },
    periods={"months": "last"},
    evidence=EVIDENCE,
)
