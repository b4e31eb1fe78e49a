"""企业画像 Profile of an enterprise in a year: everything that the platform knows of it, in one row."""

from __future__ import annotations

from pyspark.sql import DataFrame

from jobs.columns.rows import row_id
from jobs.job import Input, Job
from jobs.profile.steps.periods import years_asked
from jobs.profile.steps.wide_row import EVIDENCE, KNOWN, profiles
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
    inputs={"directory": Input("core.enterprise"), **KNOWN},
    evidence=EVIDENCE,
)
