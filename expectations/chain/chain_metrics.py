"""Suite 产业链指标: amounts are sums over nodes, and each firm counts once."""

from __future__ import annotations

from expectations.checks.chain_figures import recomputed
from expectations.gate.suite import Check, Suite

_KEY = "chain_code, period"
_AMOUNTS = (
    "output_wan_yuan", "value_added_wan_yuan", "revenue_wan_yuan", "profit_wan_yuan", "rd_expense_wan_yuan",
    "export_value_wan_yuan", "energy_tce", "comparable_output_wan_yuan", "demand_wan_yuan", "purchases_wan_yuan",
)  # fmt: skip
_SUMS = ", ".join(f"sum({name}) AS {name}" for name in _AMOUNTS)
_DIFFER = " OR ".join(f"t.{name} IS DISTINCT FROM n.{name}" for name in _AMOUNTS)


SUITE = Suite(
    "chain.chain_metrics",
    (
        Check(
            "sums_of_nodes",
            "产业链等于各环节之和",
            "Amounts of a chain are exactly the sums over its nodes",
            f"""SELECT coalesce(t.chain_code, n.chain_code) AS chain_code, coalesce(t.period, n.period) AS period
            FROM {{table}} t
            FULL JOIN (SELECT chain_code, period, count(*) AS nodes, {_SUMS} FROM chain.node_metrics GROUP BY ALL) n
            ON n.chain_code = t.chain_code AND n.period = t.period
            WHERE t.node_count IS DISTINCT FROM n.nodes OR {_DIFFER}""",
        ),
        Check(
            "firms_once",
            "企业不重复计算",
            "A firm counts once in a chain, however many nodes it is in",
            """SELECT t.chain_code, t.period FROM {table} t LEFT JOIN (
                SELECT chain_code, year, count(DISTINCT uscc) AS firms FROM chain.node_enterprise
                WHERE is_confirmed GROUP BY ALL) p
            ON p.chain_code = t.chain_code AND p.year = t.year WHERE t.firm_count <> coalesce(p.firms, 0)""",
        ),
        *recomputed(_KEY),
    ),
)
