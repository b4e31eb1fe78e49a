"""Suite 环节指标: every node of the period, and figures that can be computed again."""

from __future__ import annotations

from expectations.suite import Check, Suite

_KEY = "chain_code, node_code, period"


def _percent(column: str, part: str, total: str) -> str:
    quotient = f"100 * CAST({part} AS DOUBLE) / CAST({total} AS DOUBLE)"
    return (
        f"SELECT {_KEY}, {column} FROM {{table}} WHERE {column} IS NOT NULL AND (coalesce({total}, 0) <= 0 "
        f"OR abs({column} - {quotient}) > 0.0001)"
    )


SUITE = Suite(
    "chain.node_metrics",
    (
        Check(
            "every_node",
            "各环节均有指标",
            "Every node of the year has figures for the year",
            """SELECT n.node_code, n.year FROM chain.node n
            ANTI JOIN {table} t ON t.node_code = n.node_code AND t.period = n.year""",
        ),
        Check(
            "firms_of_positions",
            "企业数与定位一致",
            "The firms of a node are those with a confirmed position",
            """SELECT t.node_code, t.period FROM {table} t LEFT JOIN (
                SELECT node_code, year, count(*) AS firms, count(*) FILTER (is_above_scale) AS above
                FROM chain.node_enterprise WHERE is_confirmed GROUP BY ALL) p
            ON p.node_code = t.node_code AND p.year = t.year
            WHERE t.firm_count <> coalesce(p.firms, 0) OR t.above_scale_count <> coalesce(p.above, 0)""",
        ),
        Check(
            "output_within_city",
            "环节产值之和不超过全市",
            "The nodes' output of a year does not exceed that of the firms (but for the rounding of shares)",
            """SELECT m.year FROM (SELECT year, sum(output_wan_yuan) AS output FROM {table} WHERE period = year
                GROUP BY year) m
            JOIN (SELECT year, sum(greatest(output_wan_yuan, 0)) AS output FROM core.enterprise_year GROUP BY year) y
            ON y.year = m.year WHERE m.output > y.output + 1""",
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
        Check(
            "quotient_of_district",
            "区位商有区县",
            "A location quotient names its district",
            f"""SELECT {_KEY} FROM {{table}}
            WHERE (location_quotient IS NULL) <> (specialised_district_code IS NULL)""",
        ),
        Check(
            "firms_steady",
            "企业数与上年相近",
            "The chains' confirmed firms do not halve or double from one year to the next",
            """WITH years AS (SELECT year, sum(firm_count) AS firms FROM {table} WHERE period = year GROUP BY year)
            SELECT c.year FROM years c JOIN years p ON CAST(p.year AS INTEGER) + 1 = CAST(c.year AS INTEGER)
            WHERE p.firms >= 100 AND (c.firms > 2 * p.firms OR 2 * c.firms < p.firms)""",
            level="warn",
        ),
    ),
)
