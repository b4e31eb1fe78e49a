"""Effects of grades: base, rate and amount of every measure that holds for a firm."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.columns.arithmetic import VALUE_TYPE, divide, multiply
from jobs.columns.rows import with_part
from jobs.resource.rules.consequences import ConsequenceRules
from jobs.resource.rules.measures import EFFECTS

FIGURES = [*EFFECTS, "land_own_mu", "land_let_mu"]
#: Yuan in 万元.
YUAN = 10_000


def executed_from(rules: ConsequenceRules) -> Column:
    """First month in which a year's result holds: the one after publication, else the rule's of the next year."""
    following = (F.col("year").cast("int") + 1).cast("string")
    assumed = F.concat(following, F.lit(f"-{rules.given.execution_month:02d}"))
    return F.coalesce(F.date_format(F.add_months("published_date", 1), "yyyy-MM"), assumed)


def with_effects(standing: DataFrame, figures: DataFrame, rules: ConsequenceRules) -> DataFrame:
    """Firms and years of ``standing`` (with any state), one row for each measure that holds for the grade.

    A measure holds if it does so on the first day of execution. Amounts are those of the evaluation year's figures.
    """
    step = rules.frame(standing.sparkSession)
    day = F.to_date(F.concat("executed_from_month", F.lit("-01")))
    # standings reach back to the first year, for years in D; a run computes the years of the figures alone
    asked = F.broadcast(figures.select("year").distinct())
    found = (
        standing.join(asked, "year", "left_semi")
        .withColumn("executed_from_month", executed_from(rules))
        .withColumn("is_month_assumed", F.col("published_date").isNull())
        .transform(with_part, figures.select("uscc", "year", *FIGURES), ["uscc", "year"])
        .join(step, ["district_code", "final_grade"], "inner")
        .where(holds(day))
    )
    return found.transform(_with_amounts).drop("from_date", "to_date", "from_years", "to_years", *FIGURES)


def holds(day: Column) -> Column:
    """The step holds on a day for the firm's years in D."""
    years = F.col("years_in_d_count")
    return (
        (day >= F.col("from_date"))
        & (day <= F.col("to_date"))
        & (years >= F.col("from_years"))
        & (years <= F.col("to_years"))
    )


def _with_amounts(rows: DataFrame) -> DataFrame:
    bases = (F.when(F.col("base_name") == name, F.col(name).cast(VALUE_TYPE)) for name in EFFECTS)
    zero = F.lit(0).cast(VALUE_TYPE)
    own = F.coalesce(F.col("land_own_mu").cast(VALUE_TYPE), zero)
    let = F.coalesce(F.col("land_let_mu").cast(VALUE_TYPE), zero)
    is_part = F.col("own_use_only") & (let > 0)
    effect = F.col("effect")
    return (
        rows.withColumn("base_amount", F.coalesce(*bases))
        .withColumns({"own_mu": own, "held_mu": (own + let).cast(VALUE_TYPE)})
        .withColumn("own_share", divide(F.col("own_mu"), F.col("held_mu")))
        .withColumn("base_share", F.when(is_part, F.col("own_share")).otherwise(F.lit(1)).cast(VALUE_TYPE))
        .withColumn("counted", multiply(F.col("base_amount"), F.col("base_share")))
        .withColumn("product", multiply(F.col("counted"), F.col("rate")))
        .withColumn(
            "amount_wan_yuan",
            F.when(effect == "wan_yuan", F.col("product")).when(
                effect == "yuan", divide(F.col("product"), F.lit(YUAN))
            ),
        )
        .withColumn("quota_change_tce", F.when(effect == "tce", F.col("product")))
        .drop("own_mu", "held_mu", "own_share", "counted", "product")
    )
