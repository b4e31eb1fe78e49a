"""区县低效企业 Firms of low efficiency by district: listed, new, visited, lifted and gone, beside the plan's aim."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.columns.arithmetic import VALUE_TYPE, divide
from jobs.columns.rows import row_id, whole
from jobs.job import Input, Job
from jobs.resource.rules.efficiency import EfficiencyRules, efficiency_rules
from schemas.contract import contract

TABLE = "resource.low_efficiency_district"
KEY = ["year", "district_code"]


def low_efficiency_district(
    population: DataFrame, listed: DataFrame, lifted: DataFrame, rules: EfficiencyRules
) -> DataFrame:
    """One row per complete year and district."""
    graded = (
        population.where("figures_as_of = year")
        .groupBy(*KEY)
        .agg(F.count(F.when(F.col("eval_status_code") == "graded", 1)).alias("graded_count"))
    )
    state = F.col("listing_state_code")
    now = listed.groupBy(*KEY).agg(
        F.count("*").alias("listed_count"),
        *(F.count(F.when(state == code, 1)).alias(f"{code}_count") for code in ("new", "returned", "kept", "unjudged")),
        F.count(F.when(F.col("is_overdue"), 1)).alias("overdue_count"),
        F.count(F.when(F.col("visit_count") > 0, 1)).alias("visited_firm_count"),
    )  # fmt: skip
    of_before = listed.select(
        "uscc", (F.col("year").cast("int") + 1).cast("string").alias("year"), "district_code"
    )
    before = of_before.groupBy(*KEY).agg(F.count("*").alias("listed_before_count"))
    present = listed.select("uscc", "year").unionByName(lifted.select("uscc", "year"))
    # neither listed nor lifted: closed, moved out of the city, protected or no longer evaluated
    gone = (
        of_before.join(present, ["uscc", "year"], "left_anti")
        .groupBy(*KEY)
        .agg(F.count("*").alias("gone_count"))
    )
    up = lifted.groupBy(*KEY).agg(F.count("*").alias("lifted_count"))
    counts = (
        "listed_count", "new_count", "returned_count", "kept_count", "unjudged_count", "overdue_count",
        "visited_firm_count", "listed_before_count", "lifted_count", "gone_count",
    )  # fmt: skip
    in_city = F.sum("listed_before_count").over(whole("year")).cast(VALUE_TYPE)
    aim = (F.col("listed_before_count") * rules.firms.aim_per_year).cast(VALUE_TYPE)
    return (
        graded.join(now, KEY, "left")
        .join(before, KEY, "left")
        .join(up, KEY, "left")
        .join(gone, KEY, "left")
        .withColumns({name: F.coalesce(name, F.lit(0)) for name in counts})
        .withColumns({"aim": aim, "in_city": in_city})
        .withColumn("aim_count", divide(F.col("aim"), F.col("in_city"), 0))
        .withColumn("row_id", row_id(*KEY))
        .select(*contract(TABLE).column_names)
    )


JOB = Job(
    table=TABLE,
    transform=low_efficiency_district,
    inputs={
        "population": Input("per_mu.population"),
        "listed": Input("resource.low_efficiency", "upto"),
        "lifted": Input("resource.lifted"),
    },
    rules=efficiency_rules,
    evidence={
        "resource.low_efficiency": {"year": "year", "district_code": "district_code"},
        "per_mu.population": {"year": "year", "district_code": "district_code"},
    },
)
