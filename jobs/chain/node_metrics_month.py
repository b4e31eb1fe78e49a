"""环节月度指标 Figures of nodes by month: statistics are cumulative from January, and so are trades up to the month."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.chain.rules.policy import MetricRules, metric_rules
from jobs.chain.steps.figures import figures_of_months, of_months, to_date
from jobs.chain.steps.nodes import FLOW, figures_of_nodes
from jobs.chain.steps.purchases import bought_by_month
from jobs.columns.rows import row_id
from jobs.job import Input, Job
from schemas.contract import contract

TABLE = "chain.node_metrics_month"


def node_metrics_month(
    months: DataFrame,
    history: DataFrame,
    positions: DataFrame,
    grades: DataFrame,
    flows: DataFrame,
    trades: DataFrame,
    rules: MetricRules,
) -> DataFrame:
    """One row per node and month, nodes without firms included.

    Months of a year whose firms have no positions yet have no row: its directory comes after the year's end, and until
    then every node would look as if it had no firm.

    Args:
        months: figures of the months to compute.
        history: figures of the years up to them, for growth.
        positions, grades: of the months' years.
        flows, trades: flows and trades from January up to the months.
    """
    return (
        figures_of_nodes(
            months.select("year", F.col("month").alias("period")).join(
                F.broadcast(positions.select("year").distinct()), "year", "left_semi"
            ),
            figures_of_months(months, history),
            positions,
            grades,
            to_date(flows.select(*FLOW), months),
            to_date(bought_by_month(trades), months),
            rules,
        )
        .transform(of_months)
        .withColumn("row_id", row_id("chain_code", "node_code", "month"))
        .select(*contract(TABLE).column_names)
    )


JOB = Job(
    table=TABLE,
    transform=node_metrics_month,
    inputs={
        "months": Input("core.enterprise_month"),
        "history": Input("core.enterprise_year", "upto"),
        "positions": Input("chain.node_enterprise", "year_of"),
        "grades": Input("per_mu.enterprise_grade", "year_of"),
        "flows": Input("chain.supply_flow", "to_date"),
        "trades": Input("chain.trade", "to_date"),
    },
    rules=metric_rules,
    evidence={
        "chain.node_enterprise": {"node_code": "node_code", "year": "year"},
        "chain.supply_flow": {"seller_node_code": "node_code", "month": "month"},
    },
)
