"""产业链规划目标进度 Progress of the ten chains toward the plan's target.

The plan names one figure, the ten chains' output in 2025 (五(二)1). The path to it and its split over the chains are
choices, each with its reason in ``targets.yml``.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.chain.rules.policy import Target, target
from jobs.chain.steps.figures import MONEY
from jobs.columns.arithmetic import divide
from jobs.columns.rows import row_id, whole
from jobs.job import Input, Job
from schemas.contract import contract

TABLE = "chain.target_progress"


def target_progress(chains: DataFrame, history: DataFrame, rules: Target) -> DataFrame:
    """One row per chain and year; amounts in 万元.

    Args:
        chains: figures of the chains in the year.
        history: figures up to the year; the path begins with those of the base year.
    """
    base = history.where(F.col("year") == str(rules.base_year)).transform(_with_targets, rules)
    return (
        chains.select("chain_code", "year", "output_wan_yuan")
        # without the base year the path is missing, the output is not
        .join(F.broadcast(base), "chain_code", "left")
        .withColumn("expected_wan_yuan", _expected(rules))
        .withColumns(
            {
                "target_gap_wan_yuan": (F.col("output_wan_yuan") - F.col("expected_wan_yuan")).cast(MONEY),
                "target_progress_pct": (
                    divide(F.col("output_wan_yuan"), F.col("target_wan_yuan")) * F.lit(100)
                ).cast("decimal(24,6)"),
                "target_year": F.lit(str(rules.target_year)),
                "rule_source": F.lit(rules.source),
                "row_id": row_id("chain_code", "year"),
            }
        )
        .select(*contract(TABLE).column_names)
    )


def _with_targets(base: DataFrame, rules: Target) -> DataFrame:
    """Each chain's output of the base year, and its part of the plan's target in proportion to it.

    The part is the difference of two rounded sums, up to the chain and before it in the order of codes: so the parts
    add up to exactly the plan's target.
    """
    upto = (
        Window.partitionBy("year")
        .orderBy("chain_code")
        .rowsBetween(Window.unboundedPreceding, Window.currentRow)
    )
    plan = F.lit(rules.target_wan_yuan).cast(MONEY)

    def part(of: Column) -> Column:
        # with more digits the product would be rounded twice
        return F.round(plan * divide(of, F.col("base_all")).cast("decimal(9,6)"), 6).cast(MONEY)

    return (
        base.select("chain_code", "year", F.col("output_wan_yuan").alias("base"))
        .where("base is not null")
        .withColumns(
            {
                "upto": F.sum("base").over(upto).cast(MONEY),
                "base_all": F.sum("base").over(whole("year")).cast(MONEY),
            }
        )
        .withColumn("before", (F.col("upto") - F.col("base")).cast(MONEY))
        .select(
            "chain_code",
            "base",
            (part(F.col("upto")) - part(F.col("before"))).cast(MONEY).alias("target_wan_yuan"),
        )
    )


def _expected(rules: Target) -> Column:
    """Equal yearly steps from the base year's output; missing before that year, constant after the target year."""
    steps = rules.target_year - rules.base_year
    done = F.least(F.col("year").cast("int") - rules.base_year, F.lit(steps))
    climbed = divide(((F.col("target_wan_yuan") - F.col("base")) * done).cast(MONEY), F.lit(steps))
    return F.when(done >= 0, (F.col("base") + climbed).cast(MONEY))


JOB = Job(
    table=TABLE,
    transform=target_progress,
    inputs={
        "chains": Input("chain.chain_metrics"),
        "history": Input("chain.chain_metrics", "upto"),
    },
    rules=target,
    evidence={"chain.chain_metrics": {"chain_code": "chain_code", "year": "year"}},
)
