"""产业链规划目标进度 Progress of the ten chains toward the plan's target.

The plan names one figure, the ten chains' output in 2025 (五(二)1). The path to it and its split over the chains are
choices, each with its reason in ``targets.yml``.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.chain.rules.policy import Target, target
from jobs.chain.steps.figures import MONEY
from jobs.columns.arithmetic import divide
from jobs.columns.rows import row_id
from jobs.job import Input, Job
from schemas.contract import contract

TABLE = "chain.target_progress"
ALL = "ALL"


def target_progress(nodes: DataFrame, chains: DataFrame, history: DataFrame, rules: Target) -> DataFrame:
    """One row per chain, and ALL, and year; amounts in 万元.

    Args:
        nodes: only their years are used.
        chains: figures of the chains in the year.
        history: figures up to the year; the path begins with those of the base year.
    """
    base = _with_all(history.where(F.col("period") == str(rules.base_year))).select(
        "chain_code", F.col("output_wan_yuan").alias("base")
    )
    # one row even without the base year: the path is then missing, the output is not
    base_all = base.agg(F.max(F.when(F.col("chain_code") == ALL, F.col("base"))).alias("base_all"))
    rows = (
        _with_all(chains.join(nodes.select("year").distinct(), "year", "left_semi"))
        .join(F.broadcast(base), "chain_code", "left")
        .crossJoin(F.broadcast(base_all))
    )
    return (
        rows.withColumn("target_wan_yuan", _target(rules))
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


def _with_all(chains: DataFrame) -> DataFrame:
    """The chains' output, and their sum as ALL."""
    rows = chains.select("chain_code", "year", "output_wan_yuan")
    total = rows.groupBy("year").agg(F.sum("output_wan_yuan").cast(MONEY).alias("output_wan_yuan"))
    return rows.unionByName(total.select(F.lit(ALL).alias("chain_code"), "year", "output_wan_yuan"))


def _target(rules: Target) -> Column:
    """The target; for a chain its part, by the base year's output."""
    whole = F.lit(rules.target_wan_yuan).cast(MONEY)
    # with more digits the product would be rounded twice
    part = divide(F.col("base"), F.col("base_all")).cast("decimal(9,6)")
    return F.when(F.col("chain_code") == ALL, whole).otherwise(F.round(whole * part, 6).cast(MONEY))


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
        "nodes": Input("chain.node"),
        "chains": Input("chain.chain_metrics"),
        "history": Input("chain.chain_metrics", "upto"),
    },
    rules=target,
    evidence={"chain.chain_metrics": {"chain_code": "chain_code", "period": "year"}},
)
