"""Summary by district 区县评价汇总, with and without giants.

One cigarette factory or refinery lifts a district's tax and value added per mu above all others, so figures are given
with and without it. Sums are over the firms' own figures, so merged tenants are not counted twice.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.columns.arithmetic import VALUE_TYPE, divide
from jobs.columns.rows import row_id, whole
from jobs.job import Input, Job
from jobs.per_mu.rules.book import RuleBook
from jobs.per_mu.rules.frames import BY_DISTRICT, BY_LIST, district_frame
from jobs.per_mu.rules.reading import rule_book
from jobs.per_mu.steps.figures import tax_contribution

SCOPES = ("all", "without_giants")
STATUSES = ("graded", "exempt", "protected", "data_incomplete", "out_of_scope")


def district_summary(
    population: DataFrame, enterprise_grade: DataFrame, enterprise_year: DataFrame, rules: RuleBook
) -> DataFrame:
    """One row per year, district, list and scope; sums (亩, 万元) over firms that have land and are in scope."""
    grades = enterprise_grade.select("uscc", "year", "final_grade")
    firms = (
        population.select("uscc", "year", "district_code", "list_code", "eval_status_code")
        .join(enterprise_year.drop("district_code", "is_above_scale", "row_id"), ["uscc", "year"], "left")
        .join(grades, ["uscc", "year"], "left")
        .join(district_frame(population.sparkSession, rules.items()), BY_DISTRICT, "left")
        .withColumn("tax", F.when(F.col("tax_components").isNotNull(), tax_contribution()))
        .transform(_with_giants)
    )
    scoped = firms.withColumn(
        "scope_code",
        F.explode(F.when(F.col("is_giant"), F.array(F.lit("all"))).otherwise(F.array(*map(F.lit, SCOPES)))),
    )
    return (
        scoped.groupBy(*BY_LIST, "scope_code")
        .agg(*_counts(), *_sums())
        .withColumns(
            {
                "tax_per_mu_wan_yuan": divide(F.col("tax_contribution_wan_yuan"), F.col("land_total_mu")),
                "value_added_per_mu_wan_yuan": divide(
                    F.col("value_added_total_wan_yuan"), F.col("land_total_mu")
                ),
                "least_firm_count": _least_firms(),
                "row_id": row_id("year", "district_code", "list_code", "scope_code", algorithm="sha256"),
            }
        )
        .select(
            "year", "district_code", "list_code", "scope_code", "firm_count", "graded_count",
            "exempt_count", "protected_count", "data_incomplete_count", "out_of_scope_count",
            "grade_a_count", "grade_b_count", "grade_c_count", "grade_d_count", "landed_firm_count",
            "least_firm_count", "land_total_mu", "tax_contribution_wan_yuan", "value_added_total_wan_yuan",
            "tax_per_mu_wan_yuan", "value_added_per_mu_wan_yuan", "row_id",
        )
    )  # fmt: skip


def _with_giants(firms: DataFrame) -> DataFrame:
    """A giant has at least the rule set's share of its list's tax or value added."""

    def large(figure: str) -> Column:
        total = F.sum(F.when(F.col(figure) > 0, F.col(figure))).over(whole(*BY_LIST)).cast(VALUE_TYPE)
        return F.coalesce((F.col(figure) > 0) & (F.col(figure) >= total * F.col("giant_share")), F.lit(False))

    landed = (F.col("eval_status_code") != "out_of_scope") & (F.coalesce("land_area_mu", F.lit(0)) > 0)
    return firms.withColumn("is_landed", landed).withColumn(
        "is_giant", large("tax") | large("value_added_wan_yuan")
    )


def _counts() -> list[Column]:
    return [
        F.count("*").alias("firm_count"),
        *[F.count(F.when(F.col("eval_status_code") == s, 1)).alias(f"{s}_count") for s in STATUSES],
        *[F.count(F.when(F.col("final_grade") == g, 1)).alias(f"grade_{g.lower()}_count") for g in "ABCD"],
        F.count(F.when(F.col("is_landed"), 1)).alias("landed_firm_count"),
        *[F.count(F.when(which, 1)).alias(name) for name, which in _parts().items()],
    ]


def _parts() -> dict[str, Column]:
    """Firms that sums stand for besides all with land: those with value added, and the giants of both."""
    has_value_added = F.col("is_landed") & F.col("value_added_wan_yuan").isNotNull()
    return {
        "valued": has_value_added,
        "giants": F.col("is_landed") & F.col("is_giant"),
        "valued_giants": has_value_added & F.col("is_giant"),
    }


def _least_firms() -> Column:
    """Fewest firms that a sum of the row stands for, or its difference from the sum with the giants."""
    giants = [F.max(name).over(whole(*BY_LIST)) for name in ("giants", "valued_giants")]
    is_without = F.col("scope_code") == "without_giants"
    some = [F.when(F.col("valued") > 0, F.col("valued")), *(F.when(is_without & (n > 0), n) for n in giants)]
    return F.least("landed_firm_count", *some)


def _sums() -> list[Column]:
    def total(figure: str) -> Column:
        return F.sum(F.when(F.col("is_landed"), F.col(figure))).cast(VALUE_TYPE)

    zero = F.lit(0).cast(VALUE_TYPE)
    return [
        F.coalesce(total("land_area_mu"), zero).alias("land_total_mu"),
        F.coalesce(total("tax"), zero).alias("tax_contribution_wan_yuan"),
        total("value_added_wan_yuan").alias("value_added_total_wan_yuan"),
    ]


JOB = Job(
    table="per_mu.district_summary",
    transform=district_summary,
    inputs={
        "population": Input("per_mu.population"),
        "enterprise_grade": Input("per_mu.enterprise_grade"),
        "enterprise_year": Input("core.enterprise_year"),
    },
    rules=rule_book,
    evidence={
        "per_mu.population": {"year": "year", "district_code": "district_code", "list_code": "list_code"},
        "per_mu.enterprise_grade": {
            "year": "year",
            "district_code": "district_code",
            "list_code": "list_code",
        },
    },
)
