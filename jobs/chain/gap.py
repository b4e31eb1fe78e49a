"""环节强弱与缺口 State of nodes: missing, weak, strong, dependent on one firm; by the rules of ``state_rules.yml``."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.chain.rules.policy import Condition, StateRule, StateRules, state_rules
from jobs.columns.rows import row_id
from jobs.columns.values import present
from jobs.job import Input, Job
from schemas.contract import contract

TABLE = "chain.gap"


def gap(nodes: DataFrame, metrics: DataFrame, rules: StateRules) -> DataFrame:
    """One row per node and year.

    Args:
        nodes: the nodes of the year.
        metrics: their figures for the complete year.
    """
    held = [_holds(rule) for rule in rules.rules]
    state = F.coalesce(*(F.when(is_so, F.lit(r.state)) for is_so, r in zip(held, rules.rules, strict=True)))
    # the last rule always holds: it is a reason only where no other rule holds
    reasons = present(
        *(F.when(is_so, F.lit(r.reason)) for is_so, r in zip(held[:-1], rules.rules, strict=False))
    )
    return (
        nodes.drop("row_id")
        .join(metrics.drop("chain_code", "row_id"), ["node_code", "year"], "inner")
        .withColumn("state_code", state)
        .withColumn(
            "state_reasons",
            F.when(F.size(reasons) > 0, reasons).otherwise(present(F.lit(rules.rules[-1].reason))),
        )
        .withColumn("rule_set_hash", F.lit(rules.hash))
        .withColumn("row_id", row_id("node_code", "year"))
        .select(*contract(TABLE).column_names)
    )


def _holds(rule: StateRule) -> Column:
    """All conditions hold; a condition on a missing figure does not."""
    all_hold = F.lit(True)
    for condition in rule.when:
        all_hold = all_hold & F.coalesce(_limit(condition), F.lit(False))
    return all_hold


def _limit(c: Condition) -> Column:
    figure = (
        F.col(c.figure).cast("decimal(24,6)") if c.figure != "is_covered" else F.col(c.figure).cast("int")
    )
    if c.below is not None:
        return figure < F.lit(c.below)
    if c.at_most is not None:
        return figure <= F.lit(c.at_most)
    if c.above is not None:
        return figure > F.lit(c.above)
    return figure >= F.lit(c.at_least)


JOB = Job(
    table=TABLE,
    transform=gap,
    inputs={"nodes": Input("chain.node"), "metrics": Input("chain.node_metrics")},
    rules=state_rules,
    evidence={
        "chain.node_metrics": {"node_code": "node_code", "period": "year"},
        "chain.node_enterprise": {"node_code": "node_code", "year": "year"},
    },
)
