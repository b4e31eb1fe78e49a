"""Summary by district 区县评价汇总, with and without giants.

One cigarette factory or refinery lifts a district's tax and value added per mu above all others, so sums and quotients
are given with and without it. Sums are over the firms' own figures, so merged tenants are not counted twice. Counts by
status and grade have no second figure: one firm more or less does not change what they say.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.columns.arithmetic import VALUE_TYPE, divide
from jobs.columns.rows import row_id
from jobs.job import Input, Job
from jobs.per_mu.rules.book import RuleBook
from jobs.per_mu.rules.frames import BY_DISTRICT, BY_GROUP, BY_LIST, district_frame
from jobs.per_mu.rules.reading import rule_book
from jobs.per_mu.steps.figures import tax_contribution
from jobs.per_mu.steps.giants import giant_amounts, giants, reaches_giant
from schemas.contract import contract

TABLE = "per_mu.district_summary"
STATUSES = ("graded", "exempt", "protected", "data_incomplete", "out_of_scope")


def district_summary(
    population: DataFrame,
    unit: DataFrame,
    enterprise_grade: DataFrame,
    enterprise_year: DataFrame,
    rules: RuleBook,
) -> DataFrame:
    """One row per year, district and list; sums (亩, 万元) over firms that have land and are in scope."""
    grades = enterprise_grade.select("uscc", "year", "final_grade")
    firms = (
        population.select(
            "uscc",
            "year",
            "district_code",
            "list_code",
            "ranking_group",
            "eval_status_code",
            "evaluation_uscc",
            "unit_role_code",
            "figures_as_of",
        )
        .join(
            enterprise_year.drop("district_code", "is_above_scale", "figures_as_of", "row_id"),
            ["uscc", "year"],
            "left",
        )
        .join(grades, ["uscc", "year"], "left")
        .join(district_frame(population.sparkSession, rules.items()), BY_DISTRICT, "left")
        .withColumn("tax", F.when(F.col("tax_components").isNotNull(), tax_contribution()))
        .withColumn("is_landed", _is_landed())
        .transform(lambda f: _with_giants(f, unit, rules))
    )
    return (
        firms.groupBy(*BY_LIST)
        .agg(
            *_counts(),
            *_sums("is_landed"),
            *_sums("is_other", "_without_giants"),
            F.max("figures_as_of").alias("figures_as_of"),
        )
        .withColumns(_quotients() | _quotients("_without_giants") | _least_firms())
        .withColumn("row_id", row_id("year", "district_code", "list_code", algorithm="sha256"))
        .select(*contract(TABLE).column_names)
    )


def _is_landed() -> Column:
    return (F.col("eval_status_code") != "out_of_scope") & (F.coalesce("land_area_mu", F.lit(0)) > 0)


def _with_giants(firms: DataFrame, units: DataFrame, rules: RuleBook) -> DataFrame:
    """``is_giant``: firms of a dominant unit, and firms outside the units that are as large; ``is_other``: no giant."""
    items = rules.items()
    dominant = giants(units, items).select(
        F.col("uscc").alias("evaluation_uscc"), "year", F.lit(True).alias("is_of_giant")
    )
    in_unit = (F.col("eval_status_code") == "graded") & F.col("unit_role_code").isin("own", "merged")
    is_giant = F.when(in_unit, F.coalesce("is_of_giant", F.lit(False))).otherwise(reaches_giant(tax="tax"))
    return (
        firms.join(F.broadcast(dominant), ["evaluation_uscc", "year"], "left")
        .join(F.broadcast(giant_amounts(units, items)), BY_GROUP, "left")
        .withColumn("is_giant", F.col("is_landed") & is_giant)
        .withColumn("is_other", F.col("is_landed") & ~F.col("is_giant"))
    )


def _counts() -> list[Column]:
    def number(condition: Column) -> Column:
        return F.count(F.when(condition, 1))

    has_value_added = F.col("value_added_wan_yuan").isNotNull()
    return [
        F.count("*").alias("firm_count"),
        *[number(F.col("eval_status_code") == s).alias(f"{s}_count") for s in STATUSES],
        *[number(F.col("final_grade") == g).alias(f"grade_{g.lower()}_count") for g in "ABCD"],
        number(F.col("is_landed")).alias("landed_firm_count"),
        number(F.col("is_giant")).alias("giant_count"),
        number(F.col("is_other")).alias("landed_firm_without_giants_count"),
        number(F.col("is_landed") & has_value_added).alias("value_added_firm_count"),
        number(F.col("is_other") & has_value_added).alias("value_added_firm_without_giants_count"),
    ]


def _least_firms() -> dict[str, Column]:
    """Fewest firms behind a sum without giants or its difference from the sum with them, which is the giants' own."""

    def fewest(others: Column, its_giants: Column) -> Column:
        return F.least(others, F.when(its_giants > 0, its_giants))  # least() ignores the null of no giants

    reporting = F.col("value_added_firm_without_giants_count")
    return {
        "least_firm_without_giants_count": fewest(
            F.col("landed_firm_without_giants_count"), F.col("giant_count")
        ),
        "least_value_added_firm_without_giants_count": fewest(
            reporting, F.col("value_added_firm_count") - reporting
        ),
    }


def _names(without: str) -> tuple[str, str, str]:
    """Columns of land, tax and value added."""
    if without:
        return f"land{without}_mu", f"tax_contribution{without}_wan_yuan", f"value_added{without}_wan_yuan"
    return "land_total_mu", "tax_contribution_wan_yuan", "value_added_total_wan_yuan"


def _sums(group: str, without: str = "") -> list[Column]:
    """Land, tax and value added of the firms of a group; value added is missing where none of them reports it."""

    def total(figure: str) -> Column:
        return F.sum(F.when(F.col(group), F.col(figure))).cast(VALUE_TYPE)

    zero = F.lit(0).cast(VALUE_TYPE)
    land, tax, value_added = _names(without)
    return [
        F.coalesce(total("land_area_mu"), zero).alias(land),
        F.coalesce(total("tax"), zero).alias(tax),
        total("value_added_wan_yuan").alias(value_added),
    ]


def _quotients(without: str = "") -> dict[str, Column]:
    """Tax and value added per mu; the latter only where half of the firms report it, else it is too small by far."""
    land, tax, value_added = map(F.col, _names(without))
    reporting, firms = F.col(f"value_added_firm{without}_count"), F.col(f"landed_firm{without}_count")
    return {
        f"tax_per_mu{without}_wan_yuan": divide(tax, land),
        f"value_added_per_mu{without}_wan_yuan": F.when(2 * reporting >= firms, divide(value_added, land)),
    }


JOB = Job(
    table=TABLE,
    transform=district_summary,
    inputs={
        "population": Input("per_mu.population"),
        "unit": Input("per_mu.unit"),
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
