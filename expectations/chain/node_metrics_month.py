"""Suite 环节月度指标: every node has figures in each month, and they can be recomputed."""

from __future__ import annotations

from expectations.checks.chain_figures import of_months, recomputed
from expectations.checks.chain_sums import (
    every_node,
    firms_of_positions,
    output_within_city,
    quotient_of_district,
    trades_of_flows,
)
from expectations.checks.part_year import figures_as_of
from expectations.gate.suite import Suite

_KEY = "chain_code, node_code, month"

SUITE = Suite(
    "chain.node_metrics_month",
    (
        figures_as_of(),
        every_node("month"),
        firms_of_positions("month"),
        output_within_city("month"),
        trades_of_flows("month"),
        *of_months(recomputed(_KEY)),
        quotient_of_district(_KEY),
    ),
    may_be_empty=True,
)
