"""Suite 产业链指标: amounts are sums over nodes, and each firm counts once."""

from __future__ import annotations

from expectations.checks.chain_figures import recomputed, year_is_december
from expectations.checks.chain_sums import firms_once, sums_of_nodes, trade_months_of_nodes
from expectations.checks.part_year import figures_as_of
from expectations.gate.suite import Suite

_TABLE = "chain.chain_metrics"

SUITE = Suite(
    _TABLE,
    (
        figures_as_of(),
        sums_of_nodes("chain.node_metrics", "year"),
        trade_months_of_nodes("chain.node_metrics", "year"),
        firms_once("year"),
        *recomputed("chain_code, year"),
        year_is_december(_TABLE, "chain_code"),
    ),
)
