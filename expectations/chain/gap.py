"""Suite 环节强弱与缺口: every node has a state that agrees with its figures, and the rules tell nodes apart."""

from __future__ import annotations

from expectations.checks.part_year import figures_as_of
from expectations.gate.suite import Check, Suite

_KEY = "node_code, year"
#: From this number of nodes with output on, a rule that holds for all or none of them does not tell them apart.
_LEAST = 30
#: A rule about rare firms, such as champions, may hold for no node of a small city: "none" is judged from here on. The
#: models have about 260 nodes with output in a full city.
_LEAST_FOR_NONE = 200
_CONDITION = {
    "state": "VARCHAR", "reason": "VARCHAR", "field": "VARCHAR", "op": "VARCHAR", "than": "VARCHAR",
    "operand": "DOUBLE",
}  # fmt: skip
#: The conditions on numbers of the rules that judge nodes with firms, judged again from the rules' text and the row's
#: figures. A rule of weak nodes is about all nodes with firms, the others are about those with output.
_JUDGED = """WITH figures AS (
    SELECT t.year, t.node_code, t.state_reasons, coalesce(t.output_wan_yuan, 0) > 0 AS has_output, to_json(t) AS figure
    FROM {table} t WHERE t.is_covered AND t.proven_count > 0),
sides AS (
    SELECT f.* EXCLUDE (figure), c.*, CAST(json_extract_string(f.figure, '$.' || c.field) AS DOUBLE) AS value,
        c.operand * CASE WHEN c.than IS NULL THEN 1
            ELSE CAST(json_extract_string(f.figure, '$.' || c.than) AS DOUBLE) END AS bound
    FROM figures f JOIN rules.state_condition c ON c.state = 'weak'
        OR (f.has_output AND c.state IN ('single_point', 'strong'))),
judged AS (
    SELECT *, CASE op WHEN 'lt' THEN value < bound WHEN 'le' THEN value <= bound WHEN 'gt' THEN value > bound
        WHEN 'ge' THEN value >= bound ELSE value = bound END AS holds FROM sides),
told AS (
    SELECT year, state, reason, node_code, has_output, list_contains(any_value(state_reasons), reason) AS holds
    FROM judged
    GROUP BY year, state, reason, node_code, has_output HAVING bool_and(holds IS NOT NULL)),
"""
_COUNTS = """count(holds) AS nodes, count(*) FILTER (holds) AS held,
        count(holds) FILTER (has_output) AS nodes_with_output,
        count(*) FILTER (holds AND has_output) AS held_with_output"""
_RULES = f"{_JUDGED} shares AS (SELECT year, state, reason, {_COUNTS} FROM told GROUP BY year, state, reason)"
_CONDITIONS = f"""{_JUDGED} shares AS (SELECT year, reason, field, {_COUNTS} FROM judged
    GROUP BY year, reason, field, op, than, operand)"""
_ALL = f"nodes_with_output >= {_LEAST} AND held_with_output = nodes_with_output"
_NONE = f"nodes >= {_LEAST_FOR_NONE} AND held = 0"

SUITE = Suite(
    "chain.gap",
    (
        figures_as_of(),
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
                AND n.year = t.year
            WHERE (t.state_code = 'not_covered') = n.is_covered OR t.is_covered <> n.is_covered""",
        ),
        Check(
            "missing_has_no_firm",
            "缺失环节没有企业",
            "A node is missing if and only if no firm is proven to be in it",
            f"""SELECT {_KEY} FROM {{table}}
            WHERE state_code <> 'not_covered' AND (state_code = 'missing') <> (proven_count = 0)""",
        ),
        Check(
            "no_output_not_rated",
            "无产值环节不评优势或一般",
            "A node without output is neither strong nor normal, and only such a node has the state without output",
            f"""SELECT {_KEY} FROM {{table}} WHERE CASE WHEN coalesce(output_wan_yuan, 0) > 0
                THEN state_code = 'no_output' ELSE state_code IN ('strong', 'normal') END""",
        ),
        Check(
            "figures_of_metrics",
            "数据与环节指标一致",
            "The figures behind a state are those of the node and of its chain",
            """SELECT t.node_code, t.year FROM {table} t LEFT JOIN chain.node_metrics m
            ON m.node_code = t.node_code AND m.year = t.year
            LEFT JOIN chain.chain_metrics c ON c.chain_code = t.chain_code AND c.year = t.year
            WHERE t.firm_count IS DISTINCT FROM m.firm_count OR t.proven_count IS DISTINCT FROM m.proven_count
                OR t.cr1_pct IS DISTINCT FROM m.cr1_pct OR t.output_wan_yuan IS DISTINCT FROM m.output_wan_yuan
                OR t.local_supply_pct IS DISTINCT FROM m.local_supply_pct
                OR t.output_growth_pct IS DISTINCT FROM m.output_growth_pct
                OR t.chain_output_growth_pct IS DISTINCT FROM c.output_growth_pct""",
        ),
        Check(
            "size_quotient",
            "规模商可复算",
            "The size quotient is the node's output in terms of the mean output of its chain's nodes with output",
            f"""SELECT {_KEY} FROM (SELECT *, avg(CAST(output_wan_yuan AS DOUBLE)) FILTER (output_wan_yuan > 0)
                OVER (PARTITION BY chain_code, year) AS mean FROM {{table}})
            WHERE (size_quotient IS NOT NULL) <> (coalesce(output_wan_yuan, 0) > 0)
                OR abs(size_quotient - output_wan_yuan / mean) > 0.0001""",
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
        # a rule that makes every node strong says nothing; that every node of a small city is weak may be true
        Check(
            "strong_for_all",
            "优势规则不对所有环节成立",
            f"From {_LEAST} nodes with output and with the rule's figures on, no rule makes all of them strong",
            f"""{_RULES} SELECT year, reason, nodes_with_output, held_with_output FROM shares
            WHERE {_ALL} AND state = 'strong'""",
        ),
        Check(
            "rule_for_all",
            "状态规则不对所有环节成立",
            f"From {_LEAST} nodes with output and with the rule's figures on, no other rule holds for all of them",
            f"""{_RULES} SELECT year, reason, nodes_with_output, held_with_output FROM shares
            WHERE {_ALL} AND state <> 'strong'""",
            level="warn",
        ),
        Check(
            "rule_for_none",
            "状态规则至少对一个环节成立",
            f"From {_LEAST_FOR_NONE} nodes with the rule's figures on, each rule holds for some of them",
            f"{_RULES} SELECT year, reason, nodes, held FROM shares WHERE {_NONE}",
            level="warn",
        ),
        Check(
            "condition_for_all_or_none",
            "规则条件可区分环节",
            f"From {_LEAST} nodes with output on no condition holds for all, from {_LEAST_FOR_NONE} on for none",
            f"{_CONDITIONS} SELECT * FROM shares WHERE ({_ALL}) OR ({_NONE})",
            level="warn",
        ),
    ),
    rules={"state_condition": _CONDITION},
)
