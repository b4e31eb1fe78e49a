"""Checks shared by the figures of nodes and of chains: each figure can be recomputed."""

from __future__ import annotations

from expectations.checks.growth import noted
from expectations.gate.suite import Check


def recomputed(key: str) -> tuple[Check, ...]:
    """Checks of a table of chain figures with this key; its column before the period names the node or chain."""
    place = key.split(", ")[-2]
    return (
        Check(
            "grades_within_firms",
            "等级企业数不大于企业数",
            "No count of some firms exceeds the count of all",
            f"""SELECT {key} FROM {{table}} WHERE firm_count < greatest(proven_count, above_scale_count,
                reporting_count, champion_count, little_giant_count, lead_firm_count,
                grade_a_count + grade_b_count + grade_c_count + grade_d_count)""",
        ),
        Check(
            "demand_is_sum",
            "本地加市外等于采购额",
            "Local and outside demand sum to demand, and outside purchases do not exceed purchases",
            f"""SELECT {key} FROM {{table}} WHERE demand_local_wan_yuan + demand_outside_wan_yuan <> demand_wan_yuan
                OR purchases_outside_wan_yuan > purchases_wan_yuan""",
        ),
        Check(
            "local_supply",
            "本地配套率可复算",
            "The local supply rate is demand met locally divided by demand",
            _percent(key, "local_supply_pct", "demand_local_wan_yuan", "demand_wan_yuan"),
        ),
        Check(
            "dependence",
            "对外依存度可复算",
            "Outside dependence is outside purchases divided by purchases",
            _percent(key, "outside_dependence_pct", "purchases_outside_wan_yuan", "purchases_wan_yuan"),
        ),
        Check(
            "coverage",
            "采购数据覆盖率可复算",
            "Coverage is covered purchases divided by estimated purchases",
            _percent(
                key, "purchase_coverage_pct", "covered_purchases_wan_yuan", "estimated_purchases_wan_yuan"
            ),
        ),
        Check(
            "covered_within_estimate",
            "已覆盖采购额不超过估算",
            "Covered purchases do not exceed the estimated ones, and all three figures of the estimate stand together",
            f"""SELECT {key} FROM {{table}} WHERE covered_purchases_wan_yuan > estimated_purchases_wan_yuan
                OR (covered_purchases_wan_yuan IS NULL) <> (estimated_purchases_wan_yuan IS NULL)
                OR (excess_purchases_wan_yuan IS NULL) <> (estimated_purchases_wan_yuan IS NULL)""",
        ),
        Check(
            "growth",
            "同口径增速可复算",
            "Output growth is that of the same firms",
            _percent(
                key,
                "output_growth_pct",
                "(comparable_output_wan_yuan - comparable_output_before_wan_yuan)",
                "comparable_output_before_wan_yuan",
            ),
        ),
        noted(key, {f"{name}_growth_pct": f"{name}_wan_yuan" for name in ("output", "value_added")}),
        Check(
            "one_growth",
            "年度与十二月增速一致",
            "A year and its months to December grow equally where their outputs are equal",
            f"""SELECT y.* EXCLUDE (output, growth) FROM (SELECT {key}, output_wan_yuan AS output,
                output_growth_pct AS growth FROM {{table}} WHERE period = year) y
            JOIN {{table}} m ON m.{place} = y.{place} AND m.period = y.period || '-12'
            WHERE m.output_wan_yuan = y.output AND abs(m.output_growth_pct - y.growth) > 0.0001""",
        ),
        Check(
            "concentration_ordered",
            "集中度有序",
            "CR1 does not exceed CR5, and the HHI is between CR1 squared and 100 times CR1",
            f"""SELECT {key} FROM {{table}} WHERE cr1_pct > cr5_pct OR hhi < cr1_pct * cr1_pct - 0.01
                OR hhi > 100 * cr1_pct + 0.01""",
        ),
    )


def _percent(key: str, column: str, part: str, total: str) -> str:
    quotient = f"100 * CAST({part} AS DOUBLE) / CAST({total} AS DOUBLE)"
    return (
        f"SELECT {key}, {column} FROM {{table}} WHERE {column} IS NOT NULL AND (coalesce({total}, 0) <= 0 "
        f"OR abs({column} - {quotient}) > 0.0001)"
    )
