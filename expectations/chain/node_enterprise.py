"""Suite 企业环节定位: every firm's shares sum to 1, and confirmed positions have evidence."""

from __future__ import annotations

from expectations.gate.suite import Check, Suite

_KEY = "uscc, node_code, year"

SUITE = Suite(
    "chain.node_enterprise",
    (
        Check(
            "shares_sum_to_1",
            "环节占比之和为1",
            "A firm's shares of a year sum to exactly 1",
            "SELECT uscc, year FROM {table} GROUP BY ALL HAVING sum(position_share) <> 1",
        ),
        Check(
            "every_firm",
            "名录企业均有定位",
            "Exactly the firms of the directory have positions",
            """SELECT coalesce(t.uscc, e.uscc) AS uscc, coalesce(t.year, e.year) AS year
            FROM (SELECT DISTINCT uscc, year FROM {table}) t
            FULL JOIN core.enterprise e ON e.uscc = t.uscc AND e.year = t.year
            WHERE t.uscc IS NULL OR e.uscc IS NULL""",
        ),
        Check(
            "node_known",
            "环节存在",
            "Every node is a node of the year or OUT, with its chain",
            """SELECT t.uscc, t.node_code, t.year FROM {table} t
            LEFT JOIN chain.node n ON n.node_code = t.node_code AND n.year = t.year
            WHERE t.chain_code <> coalesce(n.chain_code, CASE t.node_code WHEN 'OUT' THEN 'OUT' ELSE '' END)""",
        ),
        Check(
            "confirmed_stands",
            "确认的定位有占比",
            "A confirmed position has a share and is in a chain",
            f"SELECT {_KEY} FROM {{table}} WHERE is_confirmed AND (position_share = 0 OR node_code = 'OUT')",
        ),
        Check(
            "confirmed_by_evidence",
            "确认有依据",
            "A confirmed position rests on products, sales, a class's only node, class and purchases, or an override",
            f"""SELECT {_KEY} FROM {{table}} WHERE is_confirmed AND NOT list_has_any(position_reasons,
                ['declared', 'sold', 'only_node_of_class', 'class_and_purchases', 'override'])""",
        ),
        Check(
            "override_explained",
            "人工认定有理由",
            "An override has its reason and document",
            f"""SELECT {_KEY} FROM {{table}}
            WHERE list_contains(position_reasons, 'override') <> (override_reason IS NOT NULL)""",
        ),
        Check(
            "confirmed_share",
            "确认占比合理",
            "Of the firms above scale in any chain, at least half are confirmed",
            """SELECT year FROM (SELECT uscc, year, bool_or(is_confirmed) AS ok, max(node_code) AS most FROM {table}
                WHERE is_above_scale AND position_share > 0 GROUP BY ALL HAVING bool_or(node_code <> 'OUT'))
            GROUP BY year HAVING count(*) FILTER (ok) < 0.5 * count(*)""",
            level="warn",
        ),
    ),
)
