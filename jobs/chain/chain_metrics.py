"""产业链指标 Figures of chains: amounts are the sums of their nodes, each firm counts once.

A firm may be in several nodes of a chain: it is counted once, and concentration uses its output in all of them
together.
"""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.chain.rules.policy import MetricRules, metric_rules
from jobs.chain.steps.figures import (
    AMOUNTS,
    COMPARABLE,
    FLOWS,
    GRADES,
    MONEY,
    allocated,
    concentration,
    counts,
    figures_of_firms,
    is_lead,
    ratios,
    with_concentration,
    with_grades,
)
from jobs.columns.rows import row_id
from jobs.job import Input, Job
from schemas.contract import contract

TABLE = "chain.chain_metrics"


#: Counts of firms, counted again instead of summed, since a firm may be in several nodes.
FIRMS = (
    "firm_count", "proven_count", "above_scale_count", "champion_count", "little_giant_count", "reporting_count",
    "comparable_count", "lead_firm_count", *(f"grade_{g.lower()}_count" for g in GRADES),
)  # fmt: skip


def chain_metrics(
    nodes: DataFrame,
    years: DataFrame,
    months: DataFrame,
    history: DataFrame,
    positions: DataFrame,
    grades: DataFrame,
    months_of_years: DataFrame,
    rules: MetricRules,
) -> DataFrame:
    """One row per chain and period.

    Args:
        nodes: figures of the chain's nodes in the period.
        years, months, history, positions, grades, months_of_years: those of the firms, as for chain.node_metrics.
    """
    figures = figures_of_firms(years, months, history, months_of_years)
    firms = allocated(positions, figures, rules.lead_output_wan_yuan)
    return (
        _sums(nodes)
        .join(_counts(positions, grades), ["chain_code", "year"], "left")
        .join(_of_firms(firms, rules), ["chain_code", "period"], "left")
        .withColumns({name: F.coalesce(name, F.lit(0)) for name in FIRMS})
        .transform(ratios)
        .withColumn("row_id", row_id("chain_code", "period"))
        .select(*contract(TABLE).column_names)
    )


def _sums(nodes: DataFrame) -> DataFrame:
    """Sums over the nodes."""
    money = (*COMPARABLE, *FLOWS)
    kinds = AMOUNTS | dict.fromkeys(money, MONEY)
    return nodes.groupBy("chain_code", "period", "year").agg(
        *(F.sum(name).cast(kind).alias(name) for name, kind in kinds.items()),
        F.count("*").alias("node_count"),
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


JOB = Job(
    table=TABLE,
    transform=chain_metrics,
    inputs={
        "nodes": Input("chain.node_metrics"),
        "years": Input("core.enterprise_year"),
        "months": Input("core.enterprise_month"),
        "history": Input("core.enterprise_year", "upto"),
        "positions": Input("chain.node_enterprise", "year_of"),
        "grades": Input("per_mu.enterprise_grade", "year_of"),
        "months_of_years": Input("core.enterprise_month", "year"),
    },
    rules=metric_rules,
    evidence={"chain.node_metrics": {"chain_code": "chain_code", "period": "period"}},
)
