"""身份待核 Identities for review: identifiers with contradicting claims, for a person to decide."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.columns.rows import row_id
from jobs.core.steps.following import SUCCEEDED
from jobs.job import Input, Job
from schemas.contract import contract

TABLE = "core.identity_review"
KEY = ["identifier_kind_code", "identifier", "year"]


def identity_review(identifiers: DataFrame) -> DataFrame:
    """One row per identifier in dispute and year in which the dispute arose."""
    kind = F.col("identifier_kind_code")
    # a code with one claimant is in dispute only because its successors form a cycle
    of_codes = F.when(F.size("claimants") == 1, "cycle").otherwise("two_successors")
    reason = (
        F.when(kind.isin(sorted(set(SUCCEEDED.values()))), of_codes)
        .when(kind.isin("meter_account", "certificate"), "overlapping_use")
        .otherwise("two_claimants")
    )
    return (
        identifiers.where("is_disputed")
        .groupBy(*KEY)
        .agg(
            F.array_sort(F.collect_set("uscc")).alias("claimants"),
            F.array_sort(F.collect_set("source_feed")).alias("source_feeds"),
            F.max("known_at").alias("known_at"),
        )
        .withColumn("review_reason_code", reason)
        .withColumn("row_id", row_id(*KEY))
        .select(*contract(TABLE).column_names)
    )


JOB = Job(
    table=TABLE,
    transform=identity_review,
    inputs={"identifiers": Input("core.enterprise_identifier")},
    evidence={
        "core.enterprise_identifier": {
            "identifier_kind_code": "identifier_kind_code", "identifier": "identifier", "year": "year",
        }
    },
)  # fmt: skip
