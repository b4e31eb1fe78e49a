"""Figures of chains by period: the steps that the tables of years and of months share.

A firm may be in several nodes of a chain: it is counted once, and concentration uses its output in all of them
together.
"""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.chain.rules.policy import MetricRules
from jobs.chain.steps.figures import (
    AMOUNTS,
    COMPARABLE,
    FLOWS,
    GRADES,
    MONEY,
    allocated,
    concentration,
    counts,
    is_lead,
    ratios,
    with_concentration,
    with_grades,
)

#: Counts of firms, counted again instead of summed, since a firm may be in several nodes.
FIRMS = (
    "firm_count", "proven_count", "above_scale_count", "champion_count", "little_giant_count", "reporting_count",
    "comparable_count", "lead_firm_count", *(f"grade_{g.lower()}_count" for g in GRADES),
)  # fmt: skip


def figures_of_chains(
    nodes: DataFrame, figures: DataFrame, positions: DataFrame, grades: DataFrame, rules: MetricRules
) -> DataFrame:
    """One row per chain and period.

    Args:
        nodes: figures of the chains' nodes by period.
        figures: figures of firms by period.
        positions, grades: of the periods' years.
    """
    firms = allocated(positions, figures, rules.lead_output_wan_yuan)
    return (
        _sums(nodes)
        .join(_counts(positions, grades), ["chain_code", "year"], "left")
        .join(_of_firms(firms, rules), ["chain_code", "period"], "left")
        .withColumns({name: F.coalesce(name, F.lit(0)) for name in FIRMS})
        .transform(ratios)
    )


def _sums(nodes: DataFrame) -> DataFrame:
    """Sums over the nodes."""
    money = (*COMPARABLE, *FLOWS)
    kinds = AMOUNTS | dict.fromkeys(money, MONEY)
    return nodes.groupBy("chain_code", "period", "year").agg(
        *(F.sum(name).cast(kind).alias(name) for name, kind in kinds.items()),
        F.count("*").alias("node_count"),
        # the same for all nodes of a period
        F.max("trade_month_count").alias("trade_month_count"),
        F.max("figures_as_of").alias("figures_as_of"),
    )


def _counts(positions: DataFrame, grades: DataFrame) -> DataFrame:
    """Firms by chain and year, each once."""
    once = (
        with_grades(positions, grades)
        .groupBy("chain_code", "year", "uscc")
        .agg(
            *(
                F.max(c).alias(c)
                for c in ("is_proven", "is_above_scale", "is_champion", "is_little_giant", "grade")
            )
        )
    )
    return once.groupBy("chain_code", "year").agg(*counts())


def _of_firms(firms: DataFrame, rules: MetricRules) -> DataFrame:
    """Concentration over firms, and counts of firms with output, by chain and period."""
    by = ("chain_code", "period")
    once = firms.groupBy(*by, "uscc").agg(
        F.sum("output_wan_yuan").cast(MONEY).alias("output_wan_yuan"),
        F.max("is_compared").alias("is_compared"),
    )
    return (
        once.transform(with_concentration, *by)
        .groupBy(*by)
        .agg(
            F.count("output_wan_yuan").alias("reporting_count"),
            F.count(F.when(F.col("is_compared"), 1)).alias("comparable_count"),
            F.count(F.when(is_lead(rules.lead_output_wan_yuan), 1)).alias("lead_firm_count"),
            *concentration(),
        )
    )
