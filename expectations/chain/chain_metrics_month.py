"""Suite 产业链月度指标: amounts are sums over nodes, and each firm counts once."""

from __future__ import annotations

from expectations.checks.chain_figures import of_months, recomputed
from expectations.checks.chain_sums import firms_once, sums_of_nodes, trade_months_of_nodes
from expectations.checks.part_year import figures_as_of
from expectations.gate.suite import Suite

SUITE = Suite(
    "chain.chain_metrics_month",
    (
        figures_as_of(),
        sums_of_nodes("chain.node_metrics_month", "month"),
        trade_months_of_nodes("chain.node_metrics_month", "month"),
        firms_once("month"),
        *of_months(recomputed("chain_code, month")),
    ),
    may_be_empty=True,
)
