"""评价结果运用 What follows from a grade: relief, surcharges, quota and treatment of each graded firm.

Amounts are signed by the firm's cost: relief is below zero, a surcharge above. They are computed from the evaluation
year's figures, the last complete ones when a result comes to hold; what is billed is in resource.power_price_month.
"""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.columns.rows import row_id
from jobs.job import Input, Job
from jobs.resource.rules.consequences import ConsequenceRules, consequence_rules
from jobs.resource.steps.effects import with_effects
from jobs.resource.steps.standings import in_force, results, standings
from schemas.contract import contract

TABLE = "resource.consequence"
KEY = ["uscc", "year", "measure_code"]


def consequence(
    figures: DataFrame,
    grades: DataFrame,
    publications: DataFrame,
    succession: DataFrame,
    rules: ConsequenceRules,
) -> DataFrame:
    """One row per graded firm, year and measure that a rule has for its grade in force."""
    standing = standings(results(grades, publications), succession, rules.given.gap_interrupts).transform(
        in_force
    )
    lacks_base = F.col("base_name").isNotNull() & F.col("base_amount").isNull()
    return (
        with_effects(standing, figures, rules)
        .withColumns(
            {
                "consequence_note_code": F.when(lacks_base, "no_base").when(
                    F.col("base_share") < 1, "let_land"
                ),
                "row_id": row_id(*KEY),
            }
        )
        .select(*contract(TABLE).column_names)
    )


JOB = Job(
    table=TABLE,
    transform=consequence,
    inputs={
        "figures": Input("core.enterprise_year"),
        "grades": Input("per_mu.enterprise_grade", "upto"),
        "publications": Input("per_mu.publication", "upto"),
        "succession": Input("core.succession", "upto"),
    },
    rules=consequence_rules,
    evidence={
        "per_mu.enterprise_grade": {
            "uscc": "uscc",
            "year": "year",
            "evaluation_version": "evaluation_version",
        },
        "core.enterprise_year": {"uscc": "uscc", "year": "year"},
    },
)
