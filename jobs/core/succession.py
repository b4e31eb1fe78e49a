"""承继关系 Successions: for whom the rows of a code count from which day on.

The rules are those of ``jobs/core/identity.py``; they are applied here once, and every table that moves rows reads
the few rows that come of it.
"""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.core.identity import followed, never, row_id
from jobs.job import Input, Job
from schemas.contract import contract

TABLE = "core.succession"


def succession(made: DataFrame, events: DataFrame) -> DataFrame:
    """One row per code, enterprise behind it and year in which it came to be that one.

    Args:
        made: changes of the years that are made.
        events: those and all before.
    """
    codes = followed(events).withColumn("known_at", F.get("claims", F.lit(0))["known_at"])
    clear = codes.select(
        "code", "kind", "known_at", F.explode("spans").alias("span"), F.lit(False).alias("is_disputed")
    ).select("code", "kind", "known_at", "is_disputed", "span.since", "span.head")
    disputed = codes.where(F.col("until") < never()).select(
        "code", "kind", "known_at", F.lit(True).alias("is_disputed"), F.col("until").alias("since"),
        F.col("code").alias("head"),
    )  # fmt: skip
    return (
        clear.unionByName(disputed)
        .select(
            F.col("code").alias("from_uscc"),
            F.col("head").alias("to_uscc"),
            F.year("since").cast("string").alias("year"),
            F.col("kind").alias("identifier_kind_code"),
            F.col("since").alias("valid_from_date"),
            "is_disputed",
            "known_at",
        )
        .join(F.broadcast(made.select("year").distinct()), "year", "left_semi")
        .withColumn("row_id", row_id("from_uscc", "to_uscc", "year"))
        .select(*contract(TABLE).column_names)
    )


JOB = Job(
    table=TABLE,
    transform=succession,
    inputs={"made": Input("core.identity_event"), "events": Input("core.identity_event", "upto")},
    evidence={"core.identity_event": {"from_uscc": "from_uscc"}},
)
