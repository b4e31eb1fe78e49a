"""集团成员 Members of groups, with the controller and the share it holds."""

from __future__ import annotations

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from jobs.columns.rows import row_id
from jobs.job import Input, Job
from schemas.contract import contract

TABLE = "core.group_member"


def group_member(changes: DataFrame) -> DataFrame:
    """One row per group, member and year of the report; of several reports in a year the latest counts."""
    latest = Window.partitionBy("group_code", "uscc", "year").orderBy(
        F.col("event_date").desc(), F.col("known_at").desc(), "event_id"
    )
    return (
        changes.where("identity_event_kind_code = 'group' AND group_code IS NOT NULL")
        .withColumns(
            {
                "uscc": F.col("from_uscc"),
                "year": F.col("period"),
                "controller_uscc": F.col("to_uscc"),
                "valid_from_date": F.col("event_date"),
                "valid_to_date": F.col("valid_until_date"),
            }
        )
        .withColumn("_place", F.row_number().over(latest))
        .where("_place = 1")
        .withColumn("row_id", row_id("group_code", "uscc", "year"))
        .select(*contract(TABLE).column_names)
    )


JOB = Job(
    table=TABLE,
    transform=group_member,
    inputs={"changes": Input("raw.gov_identity_change")},
    evidence={"raw.gov_identity_change": {"from_uscc": "uscc", "period": "year"}},
)
