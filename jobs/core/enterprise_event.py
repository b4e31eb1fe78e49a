"""荣誉、处罚与失信 Honours, penalties, accidents and credit records of enterprises."""

from __future__ import annotations

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from jobs.columns.rows import row_id
from jobs.job import Input, Job
from schemas.contract import contract

TABLE = "core.enterprise_event"


def enterprise_event(honours: DataFrame, penalties: DataFrame, credits: DataFrame) -> DataFrame:
    """One row per event and year in which it was issued; a credit record also in the year of its removal."""
    no_level = F.lit(None).cast("string")
    never = {"repaired_date": F.lit(None).cast("date"), "repair_document_code": F.lit(None).cast("string")}
    awarded = honours.withColumns(
        {"event_kind_code": F.lit("honour"), "event_code": F.col("honour_code"), **never}
    )
    decided = penalties.withColumns(
        {
            "event_code": F.col("penalty_code"),
            "level_code": no_level,
            "valid_until_date": F.lit(None).cast("date"),
        }
    )
    columns = [c for c in contract(TABLE).column_names if c not in ("year", "row_id")]
    return (
        awarded.select("period", *columns)
        .unionByName(decided.select("period", *columns))
        .unionByName(
            listed(credits).withColumns({"level_code": no_level, **never}).select("period", *columns)
        )
        .withColumn("year", F.left("period", F.lit(4)))
        .withColumn("row_id", row_id("event_id", "year"))
        .select(*contract(TABLE).column_names)
    )


def listed(credits: DataFrame) -> DataFrame:
    """Credit records as last reported in each year; valid until the day of their removal."""
    latest = Window.partitionBy("event_id", F.left("period", F.lit(4))).orderBy(F.col("period").desc())
    return (
        credits.withColumn("_place", F.row_number().over(latest))
        .where("_place = 1")
        .withColumns(
            {
                "event_kind_code": F.lit("credit"),
                "event_code": F.col("credit_code"),
                "event_date": F.col("listed_date"),
                "valid_until_date": F.col("removed_date"),
            }
        )
    )


JOB = Job(
    table=TABLE,
    transform=enterprise_event,
    inputs={
        "honours": Input("raw.gov_honour"),
        "penalties": Input("raw.gov_penalty"),
        "credits": Input("raw.gov_credit", "year"),
    },
    evidence={
        "raw.gov_honour": {"event_id": "event_id", "period": "year"},
        "raw.gov_penalty": {"event_id": "event_id", "period": "year"},
        "raw.gov_credit": {"event_id": "event_id", "period": "year"},
    },
)
