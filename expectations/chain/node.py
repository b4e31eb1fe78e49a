"""Suite 产业链环节: every chain has nodes, and the nodes and products that they name are consistent."""

from __future__ import annotations

from expectations.gate.suite import Check, Suite

SUITE = Suite(
    "chain.node",
    (
        Check(
            "every_chain",
            "各产业链均有环节",
            "Every chain of the plan has nodes in every year",
            """SELECT c.code AS chain_code, y.year FROM codes.chain c
            CROSS JOIN (SELECT DISTINCT year FROM {table}) y
            ANTI JOIN {table} t ON t.chain_code = c.code AND t.year = y.year""",
        ),
        Check(
            "code_of_chain",
            "环节代码属于产业链",
            "A node's code begins with its chain",
            "SELECT node_code, year FROM {table} WHERE NOT starts_with(node_code, chain_code || '-')",
        ),
        Check(
            "neighbours_known",
            "上下游与替代环节存在",
            "Nodes named as fed or as substitutes are nodes of the year",
            """SELECT n.node_code, n.year, n.other FROM (
                SELECT node_code, year, unnest(list_concat(fed_node_codes, substitute_node_codes)) AS other
                FROM {table}) n
            ANTI JOIN {table} t ON t.node_code = n.other AND t.year = n.year""",
        ),
        Check(
            "one_home",
            "产品只有一个环节",
            "A product belongs to one node of the year",
            """SELECT year, product FROM (SELECT year, unnest(product_codes) AS product FROM {table})
            GROUP BY ALL HAVING count(*) > 1""",
        ),
    ),
)
