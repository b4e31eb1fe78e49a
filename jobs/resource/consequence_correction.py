"""更正退补 Reversals: what a correction of a grade takes back, measure by measure.

A correction of one year's grade changes that year's consequences, and those of later years in which years in D are
counted. Each row says what was due before and after the correction; the difference is refunded to the firm or recovered
from it. The first amounts and all differences sum to the amounts in force (resource.consequence).
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.columns.arithmetic import VALUE_TYPE
from jobs.columns.rows import materialised, row_id
from jobs.job import Input, Job
from jobs.resource.rules.consequences import ConsequenceRules, consequence_rules
from jobs.resource.steps.effects import with_effects
from jobs.resource.steps.standings import FIRM, NEVER, results, standings
from schemas.contract import contract

TABLE = "resource.consequence_correction"
KEY = [*FIRM, "measure_code", "corrected_year", "corrected_version"]
STATE = ["corrected_year", "corrected_version"]


def consequence_correction(
    figures: DataFrame,
    grades: DataFrame,
    publications: DataFrame,
    succession: DataFrame,
    rules: ConsequenceRules,
) -> DataFrame:
    """One row per firm, year, measure and correction that changes what the measure brings."""
    states = standings(results(grades, publications), succession, rules.given.gap_interrupts)
    corrected = states.where(F.col("corrected_year") != NEVER).select(*FIRM).distinct()
    # few firms: everything else is left out before amounts are computed
    states = materialised(states.join(F.broadcast(corrected), FIRM, "left_semi"))
    effects = materialised(
        with_effects(states, figures, rules).select(
            *FIRM, "measure_code", *STATE, "amount_wan_yuan", "quota_change_tce", "treatment_code",
            "consequence_rule_id",
        )
    )  # fmt: skip
    measures = effects.select(*FIRM, "measure_code").distinct()
    return (
        states.join(measures, FIRM, "inner")
        .join(effects, [*FIRM, "measure_code", *STATE], "left")
        .transform(_beside_the_state_before)
        .where((F.col("corrected_year") != NEVER) & _is_changed())
        .withColumns(
            {
                "difference_wan_yuan": (
                    _or_zero("amount_wan_yuan") - _or_zero("amount_before_wan_yuan")
                ).cast(VALUE_TYPE),
                "quota_difference_tce": (_or_zero("quota_change_tce") - _or_zero("quota_before_tce")).cast(
                    VALUE_TYPE
                ),
                "row_id": row_id(*KEY),
            }
        )
        .withColumn(
            "settlement_code",
            F.when(F.col("difference_wan_yuan") < 0, "refund")
            .when(F.col("difference_wan_yuan") > 0, "recovery")
            .otherwise("no_money"),
        )
        .withColumnRenamed("amount_wan_yuan", "amount_after_wan_yuan")
        .withColumnRenamed("treatment_code", "treatment_after_code")
        .select(*contract(TABLE).column_names)
    )


def _beside_the_state_before(rows: DataFrame) -> DataFrame:
    order = Window.partitionBy(*FIRM, "measure_code").orderBy(*STATE)
    before = {
        "grade_before": "final_grade",
        "amount_before_wan_yuan": "amount_wan_yuan",
        "quota_before_tce": "quota_change_tce",
        "treatment_before_code": "treatment_code",
        "superseded_version": "evaluation_version",
    }
    return rows.withColumns({name: F.lag(column).over(order) for name, column in before.items()})


def _is_changed() -> Column:
    return (
        (_or_zero("amount_wan_yuan") != _or_zero("amount_before_wan_yuan"))
        | (_or_zero("quota_change_tce") != _or_zero("quota_before_tce"))
        | ~F.col("treatment_code").eqNullSafe(F.col("treatment_before_code"))
    )


def _or_zero(amount: str) -> Column:
    return F.coalesce(F.col(amount), F.lit(0).cast(VALUE_TYPE))


JOB = Job(
    table=TABLE,
    transform=consequence_correction,
    inputs={
        "figures": Input("core.enterprise_year"),
        "grades": Input("per_mu.enterprise_grade", "upto"),
        "publications": Input("per_mu.publication", "upto"),
        "succession": Input("core.succession", "upto"),
    },
    rules=consequence_rules,
    evidence={
        "per_mu.publication": {"uscc": "uscc", "year": "corrected_year"},
        "core.enterprise_year": {"uscc": "uscc", "year": "year"},
    },
)
