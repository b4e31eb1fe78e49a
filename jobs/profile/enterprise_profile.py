"""企业画像 Profile of an enterprise in a year: everything that the platform knows of it, in one row."""

from __future__ import annotations

from pyspark.sql import DataFrame

from jobs.columns.rows import row_id
from jobs.job import Input, Job
from jobs.profile.steps.periods import years_asked
from jobs.profile.steps.wide_row import EVIDENCE, profiles
from schemas.contract import contract

TABLE = "profile.enterprise_profile"


def enterprise_profile(directory: DataFrame, months_to_date: DataFrame, **known: DataFrame) -> DataFrame:
    """One row per enterprise of the directory and year.

    Args:
        directory: the directories of the years to compute.
        months_to_date: the years' months.
        known: the other inputs of :func:`profiles`.
    """
    asked = years_asked(directory, months_to_date)
    return (
        profiles(asked, directory, months_to_date=months_to_date, **known)
        .withColumn("row_id", row_id("uscc", "year"))
        .select(*contract(TABLE).column_names)
    )


JOB = Job(
    table=TABLE,
    transform=enterprise_profile,
    inputs={
        "directory": Input("core.enterprise"),
        "figures": Input("core.enterprise_year", "upto"),
        "population": Input("per_mu.population", "upto"),
        "grades": Input("per_mu.enterprise_grade", "upto"),
        "indicators": Input("per_mu.indicator_value", "upto"),
        "city_ranks": Input("per_mu.city_rank", "upto"),
        "events": Input("core.enterprise_event", "upto"),
        "months_to_date": Input("core.enterprise_month", "to_date"),
        "nodes": Input("chain.node_enterprise", "upto"),
    },
    evidence=EVIDENCE,
)
