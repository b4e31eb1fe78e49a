"""主体变更事件 Changes of identity: absorptions, splits, changes of code and of name, and branches, as reported.

An event names the code, the enterprise it passed to, the reason and the first day. ``jobs/core/steps/following.py``
derives the successors. Memberships of groups are in core.group_member.
"""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.columns.rows import row_id
from jobs.job import Input, Job
from schemas.contract import contract

TABLE = "core.identity_event"


def identity_event(changes: DataFrame, registry: DataFrame) -> DataFrame:
    """One row per change and year in which it was reported."""
    told = changes.where("identity_event_kind_code <> 'group'").withColumns(
        {
            "year": F.col("period"),
            "former_name": F.lit(None).cast("string"),
            "enterprise_name": F.lit(None).cast("string"),
            "valid_from_date": F.col("event_date"),
            "valid_to_date": F.col("valid_until_date"),
        }
    )
    columns = [c for c in contract(TABLE).column_names if c != "row_id"]
    return (
        told.select(*columns)
        .unionByName(renames(registry).select(*columns))
        .withColumn("row_id", row_id("event_id", "year"))
        .select(*contract(TABLE).column_names)
    )


def renames(registry: DataFrame) -> DataFrame:
    """Firms with a former name in the year's registrations; the day of the change is not reported."""
    return registry.where("former_name IS NOT NULL AND former_name <> enterprise_name").withColumns(
        {
            "event_id": F.concat_ws("-", F.lit("rename"), "uscc"),
            "year": F.col("period"),
            "identity_event_kind_code": F.lit("rename"),
            "from_uscc": F.col("uscc"),
            "to_uscc": F.col("uscc"),
            "identity_reason": F.lit("名称变更登记"),
            "valid_from_date": F.lit(None).cast("date"),
            "valid_to_date": F.lit(None).cast("date"),
            "document_code": F.lit(None).cast("string"),
        }
    )


JOB = Job(
    table=TABLE,
    transform=identity_event,
    inputs={"changes": Input("raw.gov_identity_change"), "registry": Input("raw.gov_business_registry")},
    periods={"changes": "each", "registry": "each"},
    evidence={
        "raw.gov_identity_change": {"event_id": "event_id", "period": "year"},
        "raw.gov_business_registry": {"uscc": "to_uscc", "period": "year"},
    },
)
