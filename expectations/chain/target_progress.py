"""Suite 产业链规划目标进度: each chain and their sum against the plan's targets."""

from __future__ import annotations

from expectations.gate.suite import Check, Suite

_KEY = "chain_code, year"

SUITE = Suite(
    "chain.target_progress",
    (
        Check(
            "all_is_sum",
            "合计等于各链之和",
            "ALL is the sum of the chains",
            """SELECT year FROM {table} GROUP BY year HAVING count(*) FILTER (chain_code = 'ALL') <> 1
                OR sum(output_wan_yuan) FILTER (chain_code = 'ALL')
                IS DISTINCT FROM sum(output_wan_yuan) FILTER (chain_code <> 'ALL')""",
        ),
        Check(
            "output_of_chain",
            "产值与产业链指标一致",
            "A chain's output is that of chain.chain_metrics",
            """SELECT t.chain_code, t.year FROM {table} t LEFT JOIN chain.chain_metrics m
            ON m.chain_code = t.chain_code AND m.period = t.year
            WHERE t.chain_code <> 'ALL' AND t.output_wan_yuan IS DISTINCT FROM m.output_wan_yuan""",
        ),
        Check(
            "gap_is_difference",
            "差距可复算",
            "The gap is output less expected output",
            f"""SELECT {_KEY} FROM {{table}}
            WHERE target_gap_wan_yuan IS DISTINCT FROM output_wan_yuan - expected_wan_yuan""",
        ),
        Check(
            "target_steady",
            "目标各年一致",
            "A chain's target is the same in every year",
            "SELECT chain_code FROM {table} GROUP BY chain_code HAVING count(DISTINCT target_wan_yuan) > 1",
        ),
    ),
)
