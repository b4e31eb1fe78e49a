"""Suite 环节指标: every node has figures, and they can be recomputed."""

from __future__ import annotations

from expectations.checks.chain_figures import recomputed
from expectations.gate.suite import Check, Suite

_KEY = "chain_code, node_code, period"


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
            "The nodes' output of a year does not exceed that of the firms, rounding of shares aside",
            """SELECT m.year FROM (SELECT year, sum(output_wan_yuan) AS output FROM {table} WHERE period = year
                GROUP BY year) m
            JOIN (SELECT year, sum(greatest(output_wan_yuan, 0)) AS output FROM core.enterprise_year GROUP BY year) y
            ON y.year = m.year WHERE m.output > y.output + 1""",
        ),
        *recomputed(_KEY),
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
