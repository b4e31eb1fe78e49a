"""Estimated rank in the city 全市测算排名: one rule set and one baseline for all districts.

Districts are evaluated by their own rule sets, so no official city-wide rank exists; every row is labelled 测算.
"""

from __future__ import annotations

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from jobs.columns.rows import materialised, row_id, whole
from jobs.job import Input, Job
from jobs.per_mu.baseline import baselines
from jobs.per_mu.indicator_value import indicator_values
from jobs.per_mu.rules.book import RuleBook
from jobs.per_mu.rules.frames import district_frame
from jobs.per_mu.rules.reading import rule_book
from jobs.per_mu.steps.figures import OF_ENTERPRISES
from jobs.per_mu.steps.grades import totals
from jobs.per_mu.steps.ranking import percentile, ranking_order
from jobs.per_mu.unit import of_city
from schemas.places import CITY

LABEL = "测算"


def city_rank(population: DataFrame, unit: DataFrame, rules: RuleBook) -> DataFrame:
    """One row per unit of evaluation and year: points and rank under the city rule set."""
    items = rules.city_items()
    units = of_city(unit)
    whole_city = population.withColumn("district_code", F.lit(CITY))
    found = materialised(baselines(whole_city, units, items, known=OF_ENTERPRISES))
    known = unit.select("uscc", "year", "district_code", "list_code", "figures_as_of")
    rule_sets = district_frame(unit.sparkSession, items).select("year", "rule_set_id", "rule_set_hash")
    place = Window.partitionBy("year", "list_code").orderBy(*ranking_order(-F.col("total_score")))
    return (
        totals(indicator_values(units, found, items, known=OF_ENTERPRISES))
        .withColumnRenamed("indicator_score", "total_score")
        .join(known, ["uscc", "year"], "inner")
        .join(rule_sets, "year", "inner")
        .withColumns(
            {
                "city_rank": F.rank().over(place).cast("int"),
                "list_size": F.count("*").over(whole("year", "list_code")).cast("int"),
                "label_zh": F.lit(LABEL),
                "row_id": row_id("uscc", "year", algorithm="sha256"),
            }
        )
        .withColumn("percentile_pct", percentile(F.col("city_rank"), F.col("list_size")))
        .select(
            "uscc", "year", "district_code", "list_code", "total_score", "city_rank", "list_size",
            "percentile_pct", "label_zh", "figures_as_of", "rule_set_id", "rule_set_hash", "row_id",
        )
    )  # fmt: skip


JOB = Job(
    table="per_mu.city_rank",
    transform=city_rank,
    inputs={
        "population": Input("per_mu.population"),
        "unit": Input("per_mu.unit"),
    },
    rules=rule_book,
    evidence={
        "per_mu.unit": {"uscc": "uscc", "year": "year"},
        "per_mu.population": {"evaluation_uscc": "uscc", "year": "year"},
    },
)
