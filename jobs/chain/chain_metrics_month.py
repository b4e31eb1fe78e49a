"""产业链月度指标 Figures of chains by month, cumulative from January: sums of their nodes, each firm counts once."""

from __future__ import annotations

from pyspark.sql import DataFrame

from jobs.chain.rules.policy import MetricRules, metric_rules
from jobs.chain.steps.chains import figures_of_chains
from jobs.chain.steps.figures import figures_of_months, of_months, of_periods
from jobs.columns.rows import row_id
from jobs.job import Input, Job
from schemas.contract import contract

TABLE = "chain.chain_metrics_month"


def chain_metrics_month(
    nodes: DataFrame,
    months: DataFrame,
    history: DataFrame,
    positions: DataFrame,
    grades: DataFrame,
    rules: MetricRules,
) -> DataFrame:
    """One row per chain and month.

    Args:
        nodes: figures of the chains' nodes up to the month.
        months, history, positions, grades: those of the firms, as for chain.node_metrics_month.
    """
    return (
        figures_of_chains(of_periods(nodes), figures_of_months(months, history), positions, grades, rules)
        .transform(of_months)
        .withColumn("row_id", row_id("chain_code", "month"))
        .select(*contract(TABLE).column_names)
    )


JOB = Job(
    table=TABLE,
    transform=chain_metrics_month,
    inputs={
        "nodes": Input("chain.node_metrics_month"),
        "months": Input("core.enterprise_month"),
        "history": Input("core.enterprise_year", "upto"),
        "positions": Input("chain.node_enterprise", "year_of"),
        "grades": Input("per_mu.enterprise_grade", "year_of"),
    },
    rules=metric_rules,
    evidence={"chain.node_metrics_month": {"chain_code": "chain_code", "month": "month"}},
)
