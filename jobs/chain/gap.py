"""环节强弱与缺口 State of nodes: missing, weak, strong, dependent on one firm; by the rules of ``state_rules.yml``."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.chain.rules.policy import StateRule, StateRules, state_rules
from jobs.chain.steps.figures import MONEY
from jobs.columns.arithmetic import divide
from jobs.columns.rows import row_id, whole
from jobs.columns.values import present
from jobs.job import Input, Job
from jobs.rules.condition import compiled
from schemas.contract import contract

TABLE = "chain.gap"


def gap(nodes: DataFrame, metrics: DataFrame, chains: DataFrame, rules: StateRules) -> DataFrame:
    """One row per node and year.

    Args:
        nodes: the nodes of the year.
        metrics: their figures.
        chains: figures of their chains.
    """
    held = [_holds(rule) for rule in rules.rules]
    state = F.coalesce(*(F.when(is_so, F.lit(r.state)) for is_so, r in zip(held, rules.rules, strict=True)))
    # the last rule always holds: it is a reason only where no other rule holds
    reasons = present(
        *(F.when(is_so, F.lit(r.reason)) for is_so, r in zip(held[:-1], rules.rules, strict=False))
    )
    growth = chains.select("chain_code", "year", F.col("output_growth_pct").alias("chain_output_growth_pct"))
    return (
        nodes.drop("row_id")
        .join(metrics.drop("chain_code", "row_id"), ["node_code", "year"], "inner")
        .withColumn("size_quotient", _size_quotient())
        .join(F.broadcast(growth), ["chain_code", "year"], "left")
        .withColumn("state_code", state)
        .withColumn(
            "state_reasons",
            F.when(F.size(reasons) > 0, reasons).otherwise(present(F.lit(rules.rules[-1].reason))),
        )
        .withColumn("rule_set_hash", F.lit(rules.hash))
        .withColumn("row_id", row_id("node_code", "year"))
        .select(*contract(TABLE).column_names)
    )


def _size_quotient() -> Column:
    """The node's output divided by the mean output of its chain's nodes that have output."""
    output = F.col("output_wan_yuan")
    has_output = output > 0
    of_chain = whole("chain_code", "year")
    count = F.count(F.when(has_output, 1)).over(of_chain)
    total = F.sum(F.when(has_output, output)).over(of_chain).cast(MONEY)
    return F.when(has_output, divide((output * count).cast(MONEY), total))


def _holds(rule: StateRule) -> Column:
    """Whether the rule certainly holds; on a missing figure it does not."""
    return F.coalesce(compiled(rule.node), F.lit(False)) if rule.node else F.lit(True)


JOB = Job(
    table=TABLE,
    transform=gap,
    inputs={
        "nodes": Input("chain.node"),
        "metrics": Input("chain.node_metrics"),
        "chains": Input("chain.chain_metrics"),
    },
    rules=state_rules,
    evidence={
        "chain.node_metrics": {"node_code": "node_code", "year": "year"},
        "chain.node_enterprise": {"node_code": "node_code", "year": "year"},
    },
)
