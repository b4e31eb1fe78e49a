"""统计数据授权状态 Consent to the use of statistics: may an enterprise's statistics of a year be shown outside it?

Statistics that identify a firm may serve no other end than statistics (统计法, 2024年修正, 第二十八条), unless the firm
consents. No evaluation reads this table, so a firm that does not consent neither gains nor loses by it. Whoever shows
an enterprise's row reads it, and core.consent for the days.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from operator import or_

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.columns.rows import at_most, row_id, with_part
from jobs.core.enterprise_year import STATISTICS
from jobs.job import Input, Job
from schemas.contract import contract

TABLE = "core.consent_state"
#: Column → purpose for which the platform shows figures of single firms.
PURPOSES: Mapping[str, str] = {
    "per_mu_consent_code": "per_mu_evaluation",
    "profile_consent_code": "enterprise_profile",
    "chain_consent_code": "chain_analysis",
}


def consent_state(figures: DataFrame, consents: DataFrame) -> DataFrame:
    """One row per enterprise and year; the latest consent of each purpose decides."""
    purpose, key = "consent_purpose_code", ["uscc", "year"]
    latest = at_most(consents, [*key, purpose], "consent_from_date").groupBy(*key)
    known = latest.agg(
        *(
            F.bool_or(F.when(F.col(purpose) == code, F.col("is_consent_withdrawn"))).alias(
                f"withdrawn_{column}"
            )
            for column, code in PURPOSES.items()
        )
    )
    reported = reduce(or_, (F.col(c).isNotNull() for c in STATISTICS))
    states = {
        column: F.when(~F.col("is_in_statistics"), "not_needed")
        .when(F.col(f"withdrawn_{column}"), "withdrawn")
        .when(~F.col(f"withdrawn_{column}"), "given")
        .otherwise("not_given")
        for column in PURPOSES
    }
    rows = figures.select(*key, "district_code", reported.alias("is_in_statistics"))
    return (
        with_part(rows, known, key)
        .withColumns(states)
        .withColumn("row_id", row_id(*key))
        .select(*contract(TABLE).column_names)
    )


JOB = Job(
    table=TABLE,
    transform=consent_state,
    inputs={"figures": Input("core.enterprise_year"), "consents": Input("core.consent")},
    evidence={
        "core.enterprise_year": {"uscc": "uscc", "year": "year"},
        "core.consent": {"uscc": "uscc", "year": "year"},
    },
)
