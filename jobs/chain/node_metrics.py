"""环节指标 Figures of nodes by year.

A firm's figures count in a node in proportion to its share there; only confirmed positions count. Growth compares the
same firms (同口径). Demand and purchases are those of the year's months with trades.
"""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.chain.rules.policy import MetricRules, metric_rules
from jobs.chain.steps.figures import figures_of_years
from jobs.chain.steps.nodes import FLOW, figures_of_nodes
from jobs.chain.steps.purchases import bought_by_month
from jobs.columns.rows import row_id
from jobs.job import Input, Job
from schemas.contract import contract

TABLE = "chain.node_metrics"


def node_metrics(
    years: DataFrame,
    history: DataFrame,
    months: DataFrame,
    positions: DataFrame,
    grades: DataFrame,
    flows: DataFrame,
    trades: DataFrame,
    rules: MetricRules,
) -> DataFrame:
    """One row per node and year, nodes without firms included.

    Args:
        years: figures of the years to compute.
        history: figures of the years up to them, for growth.
        positions, grades: of the years.
        months, flows, trades: figures, flows and trades of the years' months.
    """
    year_of = F.left("month", F.lit(4)).alias("period")
    return (
        figures_of_nodes(
            years.select("year", F.col("year").alias("period")),
            figures_of_years(years, months, history),
            positions,
            grades,
            flows.select(*FLOW, year_of),
            bought_by_month(trades).select("uscc", "bought", year_of),
            rules,
        )
        .withColumn("row_id", row_id("chain_code", "node_code", "year"))
        .select(*contract(TABLE).column_names)
    )


JOB = Job(
    table=TABLE,
    transform=node_metrics,
    inputs={
        "years": Input("core.enterprise_year"),
        "history": Input("core.enterprise_year", "upto"),
        "months": Input("core.enterprise_month", "year"),
        "positions": Input("chain.node_enterprise"),
        "grades": Input("per_mu.enterprise_grade"),
        "flows": Input("chain.supply_flow", "year"),
        "trades": Input("chain.trade", "year"),
    },
    rules=metric_rules,
    evidence={
        "chain.node_enterprise": {"node_code": "node_code", "year": "year"},
        "chain.supply_flow": {"seller_node_code": "node_code", "year": "year"},
    },
)
