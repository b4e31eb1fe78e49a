"""Grades of enterprises 评价等级: a unit's own, or that of the unit which a firm is evaluated with.

Totals, ranks, quotas, vetoes and protections of units are those of ``jobs/per_mu/steps/grades.py``, which other objects
of the evaluation share.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.columns.rows import row_id
from jobs.columns.values import present
from jobs.job import Input, Job
from jobs.per_mu.rules.book import RuleBook
from jobs.per_mu.rules.frames import BY_GROUP
from jobs.per_mu.rules.reading import rule_book
from jobs.per_mu.steps.decided import with_decisions
from jobs.per_mu.steps.explanation import explain_row
from jobs.per_mu.steps.grades import EFFECTS, filled_effects, graded_units, totals, with_final_grade


def enterprise_grade(
    population: DataFrame,
    enterprise: DataFrame,
    indicator_value: DataFrame,
    adjustment: DataFrame,
    steps: DataFrame,
    manual: DataFrame,
    published: DataFrame,
    rules: RuleBook,
) -> DataFrame:
    """One row per graded enterprise and year, version 1; tenants that follow a holder share its result."""
    graded = population.where("eval_status_code = 'graded'")
    units = (
        graded.where("unit_role_code = 'own'")
        .select("uscc", *BY_GROUP)
        .join(totals(indicator_value), ["uscc", "year"], "inner")
        .join(_points(adjustment), ["uscc", "year"], "left")
        .join(F.broadcast(_left_out(population)), BY_GROUP, "left")
        .transform(graded_units, rules.items())
    )
    return (
        _shared(graded, units, adjustment)
        .join(enterprise.select("uscc", "year", "enterprise_name"), ["uscc", "year"], "inner")
        .transform(with_decisions, steps, manual, published)
        .withColumns({"evaluation_version": F.lit(1), "supersedes": F.lit(None).cast("int")})
        .withColumn("row_id", row_id("uscc", "year", "evaluation_version", algorithm="sha256"))
        .select(
            "uscc", "year", "enterprise_name", "final_grade", "total_score", "rank_in_list", "list_size",
            "percentile_pct", "district_code", "town_code", "list_code", "ranking_group", "initial_grade",
            "grade_reasons", "indicator_score", "bonus_points", "penalty_points", "is_tie", "evaluation_uscc",
            "evaluation_version", "supersedes", "status_code", "figures_as_of", "rule_set_id", "rule_set_hash",
            "row_id",
        )
    )  # fmt: skip


def _points(adjustment: DataFrame) -> DataFrame:
    """One row per firm with adjustments: points before caps, vetoes and protections."""
    points = F.col("points")
    return adjustment.groupBy("uscc", "year").agg(
        F.sum(F.when(points > 0, points).otherwise(F.lit(0))).cast("decimal(18,4)").alias("bonus"),
        F.sum(F.when(points < 0, -points).otherwise(F.lit(0))).cast("decimal(18,4)").alias("penalty"),
        *(_codes_of(effect).alias(effect) for effect in EFFECTS),
    )


def _codes_of(effect: str) -> Column:
    """Codes of the vetoes or protections with this effect, in a fixed order."""
    return F.array_sort(F.collect_set(F.when(F.col("effect_code") == effect, F.col("adjustment_code"))))


def _left_out(population: DataFrame) -> DataFrame:
    """Numbers of exempt and protected firms by group; some rule sets count them in the quota's base."""
    status = F.col("eval_status_code")
    return population.groupBy(*BY_GROUP).agg(
        F.count(F.when(status == "exempt", 1)).alias("exempt_firms"),
        F.count(F.when(status == "protected", 1)).alias("protected_firms"),
    )


def _shared(graded: DataFrame, units: DataFrame, adjustment: DataFrame) -> DataFrame:
    """Every graded firm with its own result, or its unit's.

    A tenant's initial grade is the unit's final grade. Its own vetoes and protections then apply to it alone; the
    holder's grade does not change by them.
    """
    own = F.col("unit_role_code") == "own"
    of_unit = ("initial_grade", "final_grade", "grade_reasons", "rank_in_list", "percentile_pct")
    results = units.select(
        F.col("uscc").alias("evaluation_uscc"), "year", "indicator_score", "bonus_points", "penalty_points",
        "total_score", "list_size", "is_tie", "veto_overrides", "rule_set_id", "rule_set_hash",
        *(F.col(c).alias(f"unit_{c}") for c in of_unit),
    )  # fmt: skip
    how = F.when(F.col("unit_role_code") == "inherits", "inherited:").otherwise("shared:")
    follower_reasons = F.concat(present(F.concat(how, "evaluation_uscc")), "grade_reasons")
    return (
        graded.drop("rule_set_id", "rule_set_hash")
        .join(results, ["evaluation_uscc", "year"], "inner")
        .join(_points(adjustment).drop("bonus", "penalty"), ["uscc", "year"], "left")
        .withColumns(
            {
                "ranked_grade": F.col("unit_final_grade"),
                "initial_grade": F.when(own, F.col("unit_initial_grade")).otherwise(
                    F.col("unit_final_grade")
                ),
                **filled_effects(),
            }
        )
        .transform(with_final_grade)
        .withColumns(
            {
                "final_grade": F.when(own, F.col("unit_final_grade")).otherwise(F.col("final_grade")),
                "grade_reasons": F.when(own, F.col("unit_grade_reasons")).otherwise(follower_reasons),
                "rank_in_list": F.when(own, F.col("unit_rank_in_list")),
                "percentile_pct": F.when(own, F.col("unit_percentile_pct")),
            }
        )
    )


JOB = Job(
    table="per_mu.enterprise_grade",
    transform=enterprise_grade,
    inputs={
        "population": Input("per_mu.population"),
        "enterprise": Input("core.enterprise"),
        "indicator_value": Input("per_mu.indicator_value"),
        "adjustment": Input("per_mu.adjustment"),
        "steps": Input("raw.gov_evaluation_step"),
        "manual": Input("raw.gov_grade_adjustment"),
        "published": Input("raw.gov_grade_publication"),
    },
    rules=rule_book,
    evidence={
        "per_mu.population": {"uscc": "uscc", "year": "year"},
        "per_mu.indicator_value": {"uscc": "evaluation_uscc", "year": "year"},
        "per_mu.adjustment": {"uscc": "uscc", "year": "year"},
        "raw.gov_evaluation_step": {"district_code": "district_code", "period": "year"},
        "raw.gov_grade_adjustment": {"uscc": "uscc", "period": "year"},
        "raw.gov_grade_publication": {"uscc": "uscc", "period": "year"},
    },
    explain=explain_row,
    absent="per_mu.population",
)
