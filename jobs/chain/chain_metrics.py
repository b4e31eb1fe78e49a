"""产业链指标 Figures of chains by year: amounts are the sums of their nodes, each firm counts once."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.chain.rules.policy import MetricRules, metric_rules
from jobs.chain.steps.chains import figures_of_chains
from jobs.chain.steps.figures import figures_of_years
from jobs.columns.rows import row_id
from jobs.job import Input, Job
from schemas.contract import contract

TABLE = "chain.chain_metrics"


def chain_metrics(
    nodes: DataFrame,
    years: DataFrame,
    history: DataFrame,
    months: DataFrame,
    positions: DataFrame,
    grades: DataFrame,
    rules: MetricRules,
) -> DataFrame:
    """One row per chain and year.

    Args:
        nodes: figures of the chains' nodes in the year.
        years, history, months, positions, grades: those of the firms, as for chain.node_metrics.
    """
    by_period = nodes.withColumn("period", F.col("year"))
    return (
        figures_of_chains(by_period, figures_of_years(years, months, history), positions, grades, rules)
        .withColumn("row_id", row_id("chain_code", "year"))
        .select(*contract(TABLE).column_names)
    )


JOB = Job(
    table=TABLE,
    transform=chain_metrics,
    inputs={
        "nodes": Input("chain.node_metrics"),
        "years": Input("core.enterprise_year"),
        "history": Input("core.enterprise_year", "upto"),
        "months": Input("core.enterprise_month", "year"),
        "positions": Input("chain.node_enterprise"),
        "grades": Input("per_mu.enterprise_grade"),
    },
    rules=metric_rules,
    evidence={"chain.node_metrics": {"chain_code": "chain_code", "year": "year"}},
)
