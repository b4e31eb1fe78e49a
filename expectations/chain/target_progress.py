"""Suite 产业链规划目标进度: each chain against its part of the plan's target."""

from __future__ import annotations

from expectations.gate.suite import Check, Suite

_KEY = "chain_code, year"

SUITE = Suite(
    "chain.target_progress",
    (
        Check(
            "output_of_chain",
            "产值与产业链指标一致",
            "Exactly the chains have a row in each year, with the output of chain.chain_metrics",
            """SELECT coalesce(t.chain_code, m.chain_code) AS chain_code, coalesce(t.year, m.year) AS year
            FROM {table} t FULL JOIN chain.chain_metrics m ON m.chain_code = t.chain_code AND m.year = t.year
            WHERE t.chain_code IS NULL OR m.chain_code IS NULL
                OR t.output_wan_yuan IS DISTINCT FROM m.output_wan_yuan""",
        ),
        Check(
            "targets_in_proportion",
            "各链目标按比例分解",
            "On the path's first year each chain has the same part of the target as of the output",
            """WITH parts AS (SELECT chain_code, year, target_wan_yuan / sum(target_wan_yuan) OVER y AS of_target,
                output_wan_yuan / sum(output_wan_yuan) OVER y AS of_output FROM {table}
                WHERE expected_wan_yuan IS NOT NULL WINDOW y AS (PARTITION BY year)
                QUALIFY year = min(year) OVER ())
            SELECT chain_code, year FROM parts WHERE abs(of_target - of_output) > 0.000002""",
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
