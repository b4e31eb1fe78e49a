"""Baselines 基准值 of each district's lists: published, or computed from the evaluated group of the same year."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.columns.arithmetic import VALUE_TYPE, divide, median_of, multiply
from jobs.columns.rows import row_id
from jobs.job import Input, Job
from jobs.per_mu.rules.book import RuleBook
from jobs.per_mu.rules.frames import BY_DISTRICT, BY_LIST, Items, district_frame, indicator_frame
from jobs.per_mu.rules.reading import rule_book
from jobs.per_mu.steps.figures import unit_figures

KEY = ("year", "district_code", "list_code", "indicator_code")


def baseline(population: DataFrame, unit: DataFrame, rules: RuleBook) -> DataFrame:
    """One row per year, district, list and indicator of the rule sets; value by indicator's unit."""
    return baselines(population, unit, rules.items())


def baselines(population: DataFrame, units: DataFrame, items: Items) -> DataFrame:
    """``baseline`` for the given rule sets, of districts or of the city; missing where not above zero."""
    session = units.sparkSession
    found = unit_figures(units, items).transform(_group_values)
    return (
        indicator_frame(session, items)
        .join(F.broadcast(population.select(*BY_DISTRICT).distinct()), BY_DISTRICT, "left_semi")
        .join(district_frame(session, items), BY_DISTRICT, "inner")
        .join(found, [*BY_LIST, "indicator_code"], "left")
        .withColumn("by_method", _by_method())
        .withColumn("scaled", multiply(F.col("by_method"), F.col("factor")))
        .withColumn("value", F.when(F.col("scaled") > 0, F.col("scaled")))
        # a published figure rests on no unit of the list
        .withColumn("unit_count", F.when(F.col("method_code") != "fixed", F.coalesce("units", F.lit(0))))
        .withColumn("row_id", row_id(*KEY, algorithm="sha256"))
        .select(
            "year", "district_code", "list_code", "indicator_code", "value", "unit_count", "method_code",
            "rule_set_id", "rule_source", "row_id",
        )
    )  # fmt: skip


def _group_values(figures: DataFrame) -> DataFrame:
    """Totals, mean and median over the units whose value is defined."""
    return (
        figures.where("value is not null")
        .groupBy(*BY_LIST, "indicator_code")
        .agg(
            F.sum("numerator").cast(VALUE_TYPE).alias("numerators"),
            F.sum("denominator").cast(VALUE_TYPE).alias("denominators"),
            F.sum("value").cast(VALUE_TYPE).alias("values"),
            F.count("*").alias("units"),
            F.sort_array(F.collect_list("value")).alias("ordered"),
        )
    )


def _by_method() -> Column:
    """The baseline by the rule's method, before its factor."""
    return (
        F.when(F.col("method_code") == "fixed", F.col("fixed_value"))
        .when(F.col("method_code") == "aggregate", divide(F.col("numerators"), F.col("denominators")))
        .when(F.col("method_code") == "mean", divide(F.col("values"), F.col("units")))
        .otherwise(median_of(F.col("ordered")))
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
        "per_mu.population": {"year": "year", "district_code": "district_code", "list_code": "list_code"}
    },
)
