"""低效认定 Judgement of firms by the conditions of low efficiency, and whether they stand on the list year by year."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.columns.arithmetic import VALUE_TYPE, divide, multiply
from jobs.columns.rows import with_part
from jobs.columns.values import flags, no_texts
from jobs.resource.rules.efficiency import FirmRules
from jobs.resource.steps.standings import FIRM

BY_LIST = ["year", "district_code", "list_code"]


def judged(
    standing: DataFrame, units: DataFrame, population: DataFrame, baselines: DataFrame, figures: DataFrame,
    rules: FirmRules,
) -> DataFrame:  # fmt: skip
    """One row per firm and complete year that is graded, or should have been: figures, bounds and conditions that hold.

    A firm whose data are incomplete is not judged (``is_judged``); it has no conditions of its own.
    """
    complete = population.where("figures_as_of = year")
    unit = units.select(
        F.col("uscc").alias("evaluation_uscc"), "year", "tax_contribution_wan_yuan",
        F.col("land_area_mu").alias("unit_land_mu"),
    )  # fmt: skip
    bound = baselines.where("indicator_code = 'I1'").select(
        *BY_LIST, F.col("value").alias("baseline"), F.col("unit_count").alias("baseline_unit_count")
    )
    people = figures.select(*FIRM, "insured_count", "land_own_mu")
    graded = (
        standing.where("final_grade IS NOT NULL")
        .select(*FIRM, "district_code", "list_code", "final_grade", "years_in_d_count")
        .transform(with_part, complete.select(*FIRM, "evaluation_uscc", "town_code"), FIRM)
        .join(unit, ["evaluation_uscc", "year"], "left")
        .join(F.broadcast(bound), BY_LIST, "left")
        .transform(with_part, people, FIRM)
        .withColumn("is_judged", F.lit(True))
        .transform(_with_conditions, rules)
    )
    unjudged = (
        complete.where("eval_status_code = 'data_incomplete'")
        # a published grade stands although the data have become incomplete since
        .join(graded.select(*FIRM), FIRM, "left_anti")
        .select(*FIRM, "district_code", "list_code", "town_code")
        .withColumns({"is_judged": F.lit(False), "failed_conditions": no_texts()})
    )
    return graded.unionByName(unjudged, allowMissingColumns=True)


def _with_conditions(rows: DataFrame, rules: FirmRules) -> DataFrame:
    """Tax and persons per mu beside their bounds, and the conditions that hold."""
    own, persons = F.col("land_own_mu"), F.col("insured_count")
    in_lists = F.col("list_code").isin(*rules.judged_lists)
    low = F.coalesce(in_lists & (F.col("tax_per_mu_wan_yuan") < F.col("tax_per_mu_bound")), F.lit(False))
    few = F.coalesce(
        in_lists
        & (own >= F.lit(rules.land_from_mu))
        & (F.col("persons_per_mu") < F.col("persons_per_mu_bound")),
        F.lit(False),
    )
    return (
        rows.withColumns(
            {
                "tax_per_mu_wan_yuan": divide(F.col("tax_contribution_wan_yuan"), F.col("unit_land_mu")),
                "tax_per_mu_bound": multiply(F.col("baseline"), F.lit(rules.tax_share_of_baseline)),
                "persons_per_mu": divide(F.coalesce(persons, F.lit(0)).cast(VALUE_TYPE), own.cast(VALUE_TYPE)),
                "persons_per_mu_bound": F.lit(rules.least_persons_per_mu).cast(VALUE_TYPE),
            }
        )
        .withColumn(
            "failed_conditions",
            flags(grade_d=F.col("final_grade") == "D", land_under_used=few & low, low_tax=low),
        )
        .drop("tax_contribution_wan_yuan", "unit_land_mu", "baseline", "insured_count")
    )  # fmt: skip


def on_the_list(rows: DataFrame) -> DataFrame:
    """With the firm's place on the list: whether it stands there, since when, and what changed since the year before.

    A firm whose data are incomplete stays where it was: silence lifts nobody. A year in which the firm was neither
    graded nor should have been (closed, moved out, protected) ends its time on the list.
    """
    order = Window.partitionBy("uscc").orderBy("year")
    before = order.rowsBetween(Window.unboundedPreceding, -1)
    run = Window.partitionBy("uscc", "run").orderBy("year")
    so_far = run.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    stay = Window.partitionBy("uscc", "run", "stay")
    own = F.when(F.col("is_judged"), F.size("failed_conditions") > 0)
    previous = F.lag("is_listed").over(run)
    return (
        rows.withColumn("run", F.col("year").cast("int") - F.row_number().over(order))
        .withColumn("is_low", own)
        .withColumn("is_listed", F.coalesce(F.last("is_low", ignorenulls=True).over(so_far), F.lit(False)))
        .withColumn("stay", F.sum(F.when(F.col("is_listed"), 0).otherwise(1)).over(so_far))
        .withColumn("listed_since_year", F.min(F.when(F.col("is_listed"), F.col("year"))).over(stay))
        .withColumn("was_listed", F.coalesce(previous, F.lit(False)))
        .withColumn(
            "was_ever_listed", F.coalesce(F.max(F.col("is_listed").cast("int")).over(before), F.lit(0)) > 0
        )
        .withColumn("listing_state_code", _state())
        .drop("run", "is_low", "stay")
    )


def _state() -> Column:
    return (
        F.when(~F.col("is_listed"), F.lit(None).cast("string"))
        .when(~F.col("is_judged"), "unjudged")
        .when(F.col("was_listed"), "kept")
        .when(F.col("was_ever_listed"), "returned")
        .otherwise("new")
    )


def beside_the_year_before(rows: DataFrame, *columns: str) -> DataFrame:
    """With columns of the firm's row of the year before, as ``<column>_before``."""
    following = rows.select(
        "uscc",
        (F.col("year").cast("int") + 1).cast("string").alias("year"),
        *(F.col(name).alias(f"{name}_before") for name in columns),
    )
    return with_part(rows, following, FIRM)
