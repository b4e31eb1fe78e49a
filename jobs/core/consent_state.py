"""统计数据授权状态 Consent to the use of statistics: may an enterprise's statistics of a year be shown outside it?

Statistics that identify a firm may serve no other end than statistics (统计法, 2024年修正, 第二十八条), unless the firm
consents. No evaluation reads this table, so a firm that does not consent neither gains nor loses by it. Whoever shows
an enterprise's row reads it, and core.consent for the days.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from operator import or_
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.columns.rows import at_most, row_id, with_part
from jobs.core.enterprise_year import STATISTICS
from jobs.job import Input, Job
from jobs.rules.base import Row
from schemas.coded import title
from schemas.contract import contract

TABLE = "core.consent_state"
#: Purposes for which the platform shows figures of single firms.
PURPOSES = ("per_mu_evaluation", "enterprise_profile", "chain_analysis")
#: Their columns.
STATES = ("per_mu_consent_code", "profile_consent_code", "chain_consent_code")


def consent_state(figures: DataFrame, consents: DataFrame) -> DataFrame:
    """One row per enterprise and year; the latest consent of each purpose decides."""
    purpose, key = F.col("consent_purpose_code"), ["uscc", "year"]
    known = (
        at_most(consents, [*key, "consent_purpose_code"], "consent_from_date")
        .groupBy(*key)
        .agg(*(F.bool_or(F.when(purpose == p, F.col("is_consent_withdrawn"))).alias(p) for p in PURPOSES))
    )
    reported = reduce(or_, (F.col(c).isNotNull() for c in STATISTICS))
    rows = figures.select(*key, "district_code", reported.alias("is_in_statistics"))
    return (
        with_part(rows, known, key)
        .withColumns(
            {
                "per_mu_consent_code": state("per_mu_evaluation"),
                "profile_consent_code": state("enterprise_profile"),
                "chain_consent_code": state("chain_analysis"),
            }
        )
        .withColumn("row_id", row_id(*key))
        .select(*contract(TABLE).column_names)
    )


def state(purpose: str) -> Column:
    """The state for a purpose; its column says whether the latest consent was withdrawn, and is null without one."""
    return (
        F.when(~F.col("is_in_statistics"), "not_needed")
        .when(F.col(purpose), "withdrawn")
        .when(~F.col(purpose), "given")
        .otherwise("not_given")
    )


def explain_row(row: Row, query: Callable[..., list[dict[str, Any]]]) -> list[str]:
    """A line per purpose: the state, and the days of each consent."""
    held = query(
        "FROM core.consent WHERE uscc = ? AND year = ? ORDER BY consent_from_date", row["uscc"], row["year"]
    )
    lines = []
    for column, purpose in zip(STATES, PURPOSES, strict=True):
        days = [
            f"{c['consent_from_date']} 起"
            + (f"，{c['consent_end_date']} 失效 ends" if c["consent_end_date"] else "")
            for c in held
            if c["consent_purpose_code"] == purpose
        ]
        about, now = title("consent_purpose", purpose), title("consent_state", row[column])
        lines.append(f"{about.zh} {about.en}: {now.zh} {now.en}" + (f"（{'；'.join(days)}）" if days else ""))
    return lines


JOB = Job(
    table=TABLE,
    transform=consent_state,
    inputs={"figures": Input("core.enterprise_year"), "consents": Input("core.consent")},
    evidence={
        "core.enterprise_year": {"uscc": "uscc", "year": "year"},
        "core.consent": {"uscc": "uscc", "year": "year"},
    },
    explain=explain_row,
)
