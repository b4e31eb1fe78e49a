"""Indicator values and scores 指标值与得分, by the formula of the rule set, within cap and floor."""

from __future__ import annotations

from collections.abc import Collection

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.columns.arithmetic import VALUE_TYPE, divide, median_of, score, score_of_range
from jobs.columns.rows import row_id
from jobs.job import Input, Job
from jobs.per_mu.rules.book import RuleBook
from jobs.per_mu.rules.frames import BY_GROUP, Items, scoring_code
from jobs.per_mu.rules.models import BY_OTHERS, VALUE_ADDED, indicator_definitions
from jobs.per_mu.rules.reading import rule_book
from jobs.per_mu.steps.figures import OF_ENTERPRISES, unit_figures

#: Indicators whose denominator is land, and those whose numerator is value added.
PER_MU = tuple(code for code, d in indicator_definitions().items() if d.denominator == "land_area_mu")
OF_VALUE_ADDED = tuple(code for code, d in indicator_definitions().items() if d.numerator == VALUE_ADDED)
BY_VALUE_ADDED = tuple(code for code, d in indicator_definitions().items() if d.denominator == VALUE_ADDED)


def indicator_value(unit: DataFrame, baseline: DataFrame, rules: RuleBook) -> DataFrame:
    """One row per unit of evaluation, year and indicator; score in points."""
    return (
        indicator_values(unit, baseline, rules.items(), known=OF_ENTERPRISES)
        .withColumn("row_id", row_id("uscc", "year", "indicator_code", algorithm="sha256"))
        .select(
            "uscc", "year", "indicator_code", "district_code", "list_code", "ranking_group", "numerator", "denominator",
            "value", "baseline", "worst_value", "scoring_code", "weight", "score", "is_missing", "note_code",
            "figures_as_of", "rule_set_id", "row_id",
        )
    )  # fmt: skip


def indicator_values(
    units: DataFrame, baseline: DataFrame, items: Items, *, known: Collection[str]
) -> DataFrame:
    """``indicator_value`` for the given rule sets, of districts, of the city, or of other objects than enterprises."""
    in_force = baseline.select(*BY_GROUP, "indicator_code", F.col("value").alias("baseline"), "worst_value")
    formulas = {
        scoring_code(rule, indicator_definitions()[name])
        for _, _, rules in items
        for of_list in rules.lists.values()
        for name, rule in of_list.indicators.items()
    }
    return (
        unit_figures(units, items, known)
        .join(F.broadcast(in_force), [*BY_GROUP, "indicator_code"], "left")
        .withColumn("is_missing", F.col("value").isNull())
        .transform(_with_own_score, formulas)
        .transform(_with_score)
    )


def _plain_score(formulas: Collection[str]) -> Column:
    """Score by the formula, before cap and floor; a plan has those formulas only that its rule sets use."""
    value, baseline, worst = F.col("value"), F.col("baseline"), F.col("worst_value")
    how = (F.col("weight"), F.col("score_scale"), F.col("rounding_mode"))
    by_range = score_of_range(value, baseline, worst, F.col("least_share"), *how)
    scores = {
        "ratio": score(value, baseline, *how),
        "ratio_less": F.greatest(score(2 * baseline - value, baseline, *how), F.lit(0).cast(VALUE_TYPE)),
        "min_max": by_range,
        "min_max_less": by_range,
    }
    if formulas == {"ratio"}:
        return scores["ratio"]
    chosen = F.lit(None).cast(VALUE_TYPE)
    for code in sorted(formulas):
        chosen = F.when(F.col("scoring_code") == code, scores[code]).otherwise(chosen)
    return chosen


def _with_own_score(figures: DataFrame, formulas: Collection[str]) -> DataFrame:
    """Score of the units whose value is defined, and a note where it is not the plain result of the formula."""
    plain = _plain_score(formulas)
    negative = (F.col("value") < 0) & F.col("zero_negative") & F.col("indicator_code").isin(*OF_VALUE_ADDED)
    cap = (F.col("cap_ratio") * F.col("weight")).cast(VALUE_TYPE)
    floor = F.col("floor").cast(VALUE_TYPE)
    return (
        figures.withColumn("plain_score", plain)
        .withColumn(
            "own_note",
            F.when(F.col("is_missing"), None)
            .when(F.col("baseline").isNull(), "no_baseline")
            .when(negative, "negative_zero")
            .when(F.col("plain_score") > cap, "capped")
            .when(F.col("plain_score") < floor, "floored"),
        )
        .withColumn(
            "own_score",
            F.when(F.col("is_missing"), None)
            .when(F.col("own_note").isin("no_baseline", "negative_zero"), F.lit(0))
            .when(F.col("own_note") == "capped", cap)
            .when(F.col("own_note") == "floored", floor)
            .otherwise(F.col("plain_score"))
            .cast(VALUE_TYPE),
        )
        .drop("plain_score")
    )


def _with_score(figures: DataFrame) -> DataFrame:
    """Missing values by policy: the list's average score (黄岩区2022 for emissions), its median score, or nothing.

    A figure withheld by a firm that owes it (排污许可管理条例, article 22) has a policy of its own. A denominator
    reported as zero is scored as a missing value, and its note says that it was reported.
    """
    average = divide(F.col("list_points"), F.col("list_units"), F.col("score_scale"), F.col("rounding_mode"))
    no_land = F.coalesce(F.col("denominator") <= 0, F.lit(False)) & F.col("indicator_code").isin(*PER_MU)
    policy = F.col("missing_policy")
    # A loss divides nothing, and divided by anything it gives a value below zero. A rule set that gives no points for
    # such a value gives none by way of the list's other units either: a firm with a loss would gain by not telling the
    # other figure.
    by_loss = F.col("zero_negative") & (
        (F.coalesce(F.col("denominator") <= 0, F.lit(False)) & F.col("indicator_code").isin(*BY_VALUE_ADDED))
        | (F.coalesce(F.col("numerator") < 0, F.lit(False)) & F.col("indicator_code").isin(*OF_VALUE_ADDED))
    )
    # the same holds for a rule set that gives no points without land
    by_group = policy.isin(*BY_OTHERS) & ~(no_land & (F.col("zero_land") == "zero_score")) & ~by_loss
    none = F.lit(0).cast(VALUE_TYPE)
    of_group = F.when(policy == "group_median", F.col("median_score")).otherwise(average)
    by_median = policy == "group_median"
    is_zero = F.coalesce((F.col("denominator") <= 0) & F.col("numerator").isNotNull(), F.lit(False))
    of_group_note = (
        F.when(is_zero & by_median, "zero_median")
        .when(is_zero, "zero_average")
        .when(by_median, "group_median")
        .otherwise("group_average")
    )
    return (
        figures.join(F.broadcast(_scores_of_lists(figures)), [*BY_GROUP, "indicator_code"], "left")
        .withColumn("group_score", F.when(by_group & ~F.col("is_withheld"), of_group))
        .withColumns(
            {
                "score": F.when(F.col("is_withheld"), F.least(none, F.coalesce("list_lowest", none)))
                .otherwise(F.coalesce("own_score", "group_score", none))
                .cast(VALUE_TYPE),
                "note_code": F.when(~F.col("is_missing"), F.col("own_note"))
                .when(F.col("is_withheld"), "withheld_zero")
                .when(F.col("group_score").isNotNull(), of_group_note)
                .when(by_group, "group_empty")
                .when(by_loss, "negative_zero")
                .when(no_land, "zero_land")
                .otherwise("missing_zero"),
            }
        )
    )


def _scores_of_lists(figures: DataFrame) -> DataFrame:
    """One row per list and indicator: sum, number, least and median of the scores of units that have a value.

    An aggregate, joined: a window would sort every unit's indicators by list. The median is of those lists only that
    use it.
    """
    how = ["score_scale", "rounding_mode"]
    of_median = F.when(F.col("missing_policy") == "group_median", F.col("own_score"))
    return (
        figures.groupBy(*BY_GROUP, "indicator_code", *how)
        .agg(
            F.sum("own_score").cast(VALUE_TYPE).alias("list_points"),
            F.count("own_score").alias("list_units"),
            F.min("own_score").alias("list_lowest"),
            F.sort_array(F.collect_list(of_median)).alias("ordered"),
        )
        .withColumn("median_score", median_of(F.col("ordered"), *map(F.col, how)))
        .drop("ordered", *how)
    )


JOB = Job(
    table="per_mu.indicator_value",
    transform=indicator_value,
    inputs={
        "unit": Input("per_mu.unit"),
        "baseline": Input("per_mu.baseline"),
    },
    rules=rule_book,
    evidence={
        "per_mu.unit": {"uscc": "uscc", "year": "year"},
        "per_mu.population": {"evaluation_uscc": "uscc", "year": "year"},
        "per_mu.baseline": {
            "year": "year", "district_code": "district_code", "list_code": "list_code",
            "ranking_group": "ranking_group", "indicator_code": "indicator_code",
        },
    },
)  # fmt: skip
