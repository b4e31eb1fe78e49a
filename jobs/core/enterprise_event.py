"""荣誉与处罚 Honours, penalties and accidents of enterprises."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.core.identity import row_id
from jobs.job import Input, Job
from schemas.contract import contract

TABLE = "core.enterprise_event"


def enterprise_event(honours: DataFrame, penalties: DataFrame) -> DataFrame:
    """One row per event, in the year in which it was issued."""
    awarded = honours.withColumns({"event_kind_code": F.lit("honour"), "event_code": F.col("honour_code")})
    decided = penalties.withColumns(
        {
            "event_code": F.col("penalty_code"),
            "level_code": F.lit(None).cast("string"),
            "valid_until_date": F.lit(None).cast("date"),
        }
    )
    columns = [c for c in contract(TABLE).column_names if c not in ("year", "row_id")]
    return (
        awarded.select("period", *columns)
        .unionByName(decided.select("period", *columns))
        .withColumn("year", F.left("period", F.lit(4)))
        .withColumn("row_id", row_id("event_id", "year"))
        .select(*contract(TABLE).column_names)
    )


JOB = Job(
    table=TABLE,
    transform=enterprise_event,
    inputs={"honours": Input("raw.gov_honour"), "penalties": Input("raw.gov_penalty")},
    evidence={
        "raw.gov_honour": {"event_id": "event_id", "period": "year"},
        "raw.gov_penalty": {"event_id": "event_id", "period": "year"},
    },
)
