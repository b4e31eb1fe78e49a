"""Baselines 基准值 of each district's lists: published, or computed from the evaluated group of the same year.

One firm can lift a computed baseline above what most of its list can reach. Therefore each is computed with and without
the list's giants, and the rule set's ``giants`` says which of the two is in force.
"""

from __future__ import annotations

from collections.abc import Collection

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.columns.arithmetic import VALUE_TYPE, divide, median_of, multiply
from jobs.columns.rows import row_id
from jobs.columns.values import no_texts
from jobs.job import Input, Job
from jobs.per_mu.rules.book import RuleBook
from jobs.per_mu.rules.frames import BY_DISTRICT, BY_GROUP, Items, district_frame, indicator_frame
from jobs.per_mu.rules.models import WHOLE_LIST
from jobs.per_mu.rules.reading import rule_book
from jobs.per_mu.steps.explanation_of_baseline import explain_baseline
from jobs.per_mu.steps.figures import OF_ENTERPRISES, unit_figures
from jobs.per_mu.steps.giants import giants

KEY = ("year", "district_code", "list_code", "indicator_code")
COLUMNS = (
    "year", "district_code", "list_code", "ranking_group", "indicator_code", "value", "worst_value", "unit_count",
    "scoring_code", "method_code", "value_with_giants", "value_without_giants", "giant_count", "giants",
    "giant_treatment_code", "figures_as_of", "rule_set_id", "rule_source", "row_id",
)  # fmt: skip


def baseline(population: DataFrame, unit: DataFrame, rules: RuleBook) -> DataFrame:
    """One row per year, district, list, group and indicator of the rule sets; value by indicator's unit."""
    return baselines(population, unit, rules.items(), known=OF_ENTERPRISES)


def baselines(population: DataFrame, units: DataFrame, items: Items, *, known: Collection[str]) -> DataFrame:
    """``baseline`` for the given rule sets, of districts, of the city, or of other objects than enterprises.

    A baseline is missing where not above zero. The baseline of a range is its best value, which scores the whole
    weight, and ``worst_value`` the value that scores the least; both are missing where all units are equal.
    """
    session = units.sparkSession
    dominant = giants(units, items).withColumn("is_giant", F.lit(True))
    found = (
        unit_figures(units, items, known)
        .join(F.broadcast(dominant), ["uscc", "year"], "left")
        .withColumn("is_giant", F.coalesce("is_giant", F.lit(False)))
        .transform(_group_values, _has_ranges(items))
    )
    return (
        indicator_frame(session, items)
        .join(F.broadcast(population.select(*BY_DISTRICT, "figures_as_of").distinct()), BY_DISTRICT, "inner")
        .join(district_frame(session, items), BY_DISTRICT, "inner")
        .join(found, [*BY_GROUP, "indicator_code"], "left")
        .withColumns({f"by_method_{group}": _by_method(group) for group in ("all", "others")})
        .withColumns(
            {
                "published_value": _scaled("fixed_value"),
                "value_with_giants": _of_group("all"),
                "value_without_giants": _of_group("others"),
                "giants": F.coalesce("giant_usccs", no_texts()),
            }
        )
        .withColumn("giant_count", F.size("giants").cast("bigint"))
        .withColumn("giant_treatment_code", _treatment())
        .withColumns({"value": _in_force(), "worst_value": _by_treatment("worst_others", "worst_all")})
        .withColumn("unit_count", _units_behind())
        .withColumn("row_id", _row_id())
        .select(*COLUMNS)
    )


def _has_ranges(items: Items) -> bool:
    return any(
        indicator.baseline.method == "range"
        for _, _, rules in items
        for of_list in rules.lists.values()
        for indicator in of_list.indicators.values()
    )


def _row_id() -> Column:
    """The key's identifier; a list that is ranked as a whole keeps the one that it had before there were groups."""
    return F.when(F.col("ranking_group") == WHOLE_LIST, row_id(*KEY, algorithm="sha256")).otherwise(
        row_id(*KEY, "ranking_group", algorithm="sha256")
    )


def _group_values(figures: DataFrame, has_ranges: bool) -> DataFrame:
    """Totals, number and ordered values of the units whose value is defined, of all and of those but the giants."""
    groups = {"all": F.lit(True), "others": ~F.col("is_giant")}
    return (
        figures.where("value is not null")
        .groupBy(*BY_GROUP, "indicator_code")
        .agg(
            *(column for group, belongs in groups.items() for column in _totals(group, belongs)),
            *(column for group, belongs in groups.items() for column in _ends(group, belongs, has_ranges)),
            F.sort_array(F.collect_list(F.when(F.col("is_giant"), F.col("uscc")))).alias("giant_usccs"),
        )
    )


def _totals(group: str, belongs: Column) -> list[Column]:
    of_median = belongs & (F.col("method_code") == "median")
    return [
        *(
            F.sum(F.when(belongs, F.col(name))).cast(VALUE_TYPE).alias(f"{name}s_{group}")
            for name in ("numerator", "denominator", "value")
        ),
        F.count(F.when(belongs, 1)).alias(f"units_{group}"),
        F.sort_array(F.collect_list(F.when(of_median, F.col("value")))).alias(f"ordered_{group}"),
    ]


def _ends(group: str, belongs: Column, has_ranges: bool) -> list[Column]:
    """Best and worst value of a group where the rule scores by them; missing where they are equal."""
    if not has_ranges:
        return [F.lit(None).cast(VALUE_TYPE).alias(f"{end}_{group}") for end in ("best", "worst")]
    value = F.when(belongs & (F.col("method_code") == "range"), F.col("value"))
    is_more = F.max(F.col("scoring_code") == "min_max")
    ends = {"best": F.when(is_more, F.max(value)).otherwise(F.min(value)),
            "worst": F.when(is_more, F.min(value)).otherwise(F.max(value))}  # fmt: skip
    return [F.when(F.max(value) > F.min(value), end).alias(f"{name}_{group}") for name, end in ends.items()]


def _of_group(group: str) -> Column:
    return F.when(F.col("method_code") == "range", F.col(f"best_{group}")).otherwise(
        _scaled(f"by_method_{group}")
    )


def _by_method(group: str) -> Column:
    """The baseline of a group by the rule's method, before its factor; missing for a published figure or a range."""
    numerators, denominators, values, units, ordered = (
        F.col(f"{name}_{group}") for name in ("numerators", "denominators", "values", "units", "ordered")
    )
    return (
        F.when(F.col("method_code") == "aggregate", divide(numerators, denominators))
        .when(F.col("method_code") == "mean", divide(values, units))
        .when(F.col("method_code") == "median", median_of(ordered))
    )


def _scaled(value: str) -> Column:
    """The value times the rule's factor; missing unless it is above zero."""
    scaled = multiply(F.col(value), F.col("factor"))
    return F.when(scaled > 0, scaled)


def _treatment() -> Column:
    return (
        F.when(F.col("method_code") == "fixed", "published")
        .when(F.col("giant_count") == 0, "none")
        .when(F.col("rule_giants") == "with", "counted")
        .when(F.col("value_without_giants").isNull(), "nothing_left")
        .otherwise("left_out")
    )


def _in_force() -> Column:
    """Without giants if they are left out; if nothing is left without them, the list's own value applies."""
    return F.when(F.col("method_code") == "fixed", F.col("published_value")).otherwise(
        _by_treatment("value_without_giants", "value_with_giants")
    )


def _by_treatment(without: str, with_giants: str) -> Column:
    return F.when(F.col("giant_treatment_code") == "left_out", F.col(without)).otherwise(F.col(with_giants))


def _units_behind() -> Column:
    """Units behind the value in force: one for an end of a range, none (missing) for a published figure."""
    units = F.when(F.col("giant_treatment_code") == "left_out", F.col("units_others")).otherwise(
        F.col("units_all")
    )
    return (
        F.when(F.col("method_code") == "range", F.col("value").isNotNull().cast("int"))
        .when(F.col("method_code") != "fixed", F.coalesce(units, F.lit(0)))
        .cast("bigint")
    )


JOB = Job(
    table="per_mu.baseline",
    transform=baseline,
    inputs={
        "population": Input("per_mu.population"),
        "unit": Input("per_mu.unit"),
    },
    rules=rule_book,
    evidence={
        "per_mu.population": {
            "year": "year",
            "district_code": "district_code",
            "list_code": "list_code",
            "ranking_group": "ranking_group",
        }
    },
    explain=explain_baseline,
)
