"""Suite 环节强弱与缺口: every node has a state that agrees with its figures."""

from __future__ import annotations

from expectations.gate.suite import Check, Suite

_KEY = "node_code, year"

SUITE = Suite(
    "chain.gap",
    (
        Check(
            "every_node",
            "各环节均有状态",
            "Exactly the nodes of the year have a state",
            """SELECT coalesce(t.node_code, n.node_code) AS node_code, coalesce(t.year, n.year) AS year
            FROM {table} t FULL JOIN chain.node n ON n.node_code = t.node_code AND n.year = t.year
            WHERE t.node_code IS NULL OR n.node_code IS NULL""",
        ),
        Check(
            "covered",
            "服务环节不判断缺失",
            "Exactly the nodes without an industrial class are not covered",
            """SELECT t.node_code, t.year FROM {table} t JOIN chain.node n ON n.node_code = t.node_code
                AND n.year = t.year WHERE (t.state_code = 'not_covered') = n.is_covered""",
        ),
        Check(
            "missing_has_no_firm",
            "缺失环节没有企业",
            "A node is missing if and only if no firm is proven to be in it",
            f"""SELECT {_KEY} FROM {{table}}
            WHERE state_code <> 'not_covered' AND (state_code = 'missing') <> (proven_count = 0)""",
        ),
        Check(
            "figures_of_metrics",
            "数据与环节指标一致",
            "The figures behind a state are those of the node",
            """SELECT t.node_code, t.year FROM {table} t LEFT JOIN chain.node_metrics m
            ON m.node_code = t.node_code AND m.period = t.year
            WHERE t.firm_count IS DISTINCT FROM m.firm_count OR t.proven_count IS DISTINCT FROM m.proven_count
                OR t.cr1_pct IS DISTINCT FROM m.cr1_pct
                OR t.local_supply_pct IS DISTINCT FROM m.local_supply_pct""",
        ),
        Check(
            "reasons_given",
            "状态均有依据",
            "Every state has its reasons",
            f"SELECT {_KEY} FROM {{table}} WHERE len(state_reasons) = 0",
        ),
        Check(
            "missing_share",
            "缺失环节占比合理",
            "Less than half of the covered nodes are missing; otherwise positions were not determined",
            """SELECT year FROM {table} WHERE state_code <> 'not_covered' GROUP BY year
            HAVING count(*) FILTER (state_code = 'missing') >= 0.5 * count(*)""",
            level="warn",
        ),
    ),
)
