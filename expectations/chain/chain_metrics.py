"""Suite 产业链指标: the sums of the nodes, and firms once."""

from __future__ import annotations

from expectations.suite import Check, Suite

_KEY = "chain_code, period"
_AMOUNTS = (
    "output_wan_yuan", "value_added_wan_yuan", "revenue_wan_yuan", "profit_wan_yuan", "rd_expense_wan_yuan",
    "export_value_wan_yuan", "energy_tce", "comparable_output_wan_yuan", "demand_wan_yuan", "purchases_wan_yuan",
)  # fmt: skip
_SUMS = ", ".join(f"sum({name}) AS {name}" for name in _AMOUNTS)
_DIFFER = " OR ".join(f"t.{name} IS DISTINCT FROM n.{name}" for name in _AMOUNTS)


def _percent(column: str, part: str, total: str) -> str:
    quotient = f"100 * CAST({part} AS DOUBLE) / CAST({total} AS DOUBLE)"
    return (
        f"SELECT {_KEY}, {column} FROM {{table}} WHERE {column} IS NOT NULL AND (coalesce({total}, 0) <= 0 "
        f"OR abs({column} - {quotient}) > 0.0001)"
    )


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
            "A firm counts once in a chain, however many nodes it stands in",
            """SELECT t.chain_code, t.period FROM {table} t LEFT JOIN (
                SELECT chain_code, year, count(DISTINCT uscc) AS firms FROM chain.node_enterprise
                WHERE is_confirmed GROUP BY ALL) p
            ON p.chain_code = t.chain_code AND p.year = t.year WHERE t.firm_count <> coalesce(p.firms, 0)""",
        ),
        Check(
            "grades_within_firms",
            "等级企业数不大于企业数",
            "No count of some firms is larger than that of all",
            f"""SELECT {_KEY} FROM {{table}} WHERE firm_count < greatest(proven_count, above_scale_count,
                reporting_count, champion_count, little_giant_count, lead_firm_count,
                grade_a_count + grade_b_count + grade_c_count + grade_d_count)""",
        ),
        Check(
            "demand_is_sum",
            "本地加市外等于采购额",
            "Demand met here and from outside is the recorded demand, and outside purchases are part of all",
            f"""SELECT {_KEY} FROM {{table}} WHERE demand_local_wan_yuan + demand_outside_wan_yuan <> demand_wan_yuan
                OR purchases_outside_wan_yuan > purchases_wan_yuan""",
        ),
        Check(
            "local_supply",
            "本地配套率可复算",
            "The local supply rate is demand met here by demand",
            _percent("local_supply_pct", "demand_local_wan_yuan", "demand_wan_yuan"),
        ),
        Check(
            "dependence",
            "对外依存度可复算",
            "Dependence on others is outside purchases by purchases",
            _percent("outside_dependence_pct", "purchases_outside_wan_yuan", "purchases_wan_yuan"),
        ),
        Check(
            "coverage",
            "采购数据覆盖率可复算",
            "Coverage is recorded by estimated purchases",
            _percent("purchase_coverage_pct", "purchases_wan_yuan", "estimated_purchases_wan_yuan"),
        ),
        Check(
            "growth",
            "同口径增速可复算",
            "Growth of output is that of the same firms",
            _percent(
                "output_growth_pct",
                "(comparable_output_wan_yuan - comparable_output_before_wan_yuan)",
                "comparable_output_before_wan_yuan",
            ),
        ),
        Check(
            "concentration_ordered",
            "集中度有序",
            "The largest firm is among the five largest, and the index lies between its square and what CR1 allows",
            f"""SELECT {_KEY} FROM {{table}} WHERE cr1_pct > cr5_pct OR hhi < cr1_pct * cr1_pct - 0.01
                OR hhi > 100 * cr1_pct + 0.01""",
        ),
    ),
)
