"""Suite 环节指标: every node has figures, and they can be recomputed."""

from __future__ import annotations

from expectations.checks.chain_figures import recomputed, year_is_december
from expectations.checks.chain_sums import (
    every_node,
    firms_of_positions,
    output_within_city,
    quotient_of_district,
    trades_of_flows,
)
from expectations.checks.part_year import figures_as_of
from expectations.gate.suite import Check, Suite

_TABLE = "chain.node_metrics"
_KEY = "chain_code, node_code, year"

SUITE = Suite(
    _TABLE,
    (
        figures_as_of(),
        every_node("year"),
        firms_of_positions("year"),
        output_within_city("year"),
        trades_of_flows("year"),
        *recomputed(_KEY),
        year_is_december(_TABLE, "node_code"),
        quotient_of_district(_KEY),
        Check(
            "firms_steady",
            "企业数与上年相近",
            "The chains' confirmed firms do not halve or double from one year to the next",
            """WITH years AS (SELECT year, sum(firm_count) AS firms FROM {table} GROUP BY year)
            SELECT c.year FROM years c JOIN years p ON CAST(p.year AS INTEGER) + 1 = CAST(c.year AS INTEGER)
            WHERE p.firms >= 100 AND (c.firms > 2 * p.firms OR 2 * c.firms < p.firms)""",
            level="warn",
        ),
    ),
)
