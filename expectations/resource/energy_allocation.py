"""Suite 企业用能指标: quotas follow from standard, value added, reserve and cut."""

from __future__ import annotations

from expectations.gate.suite import Check, Suite

SUITE = Suite(
    "resource.energy_allocation",
    (
        Check(
            "parts",
            "核定等于分配加预留，指标等于分配减削减",
            "By the standard is allocated and reserve; the quota is allocated less the cut, never below zero",
            """SELECT uscc, year FROM {table} WHERE full_quota_tce <> allocated_tce + reserve_tce
                OR quota_tce <> allocated_tce - cut_tce OR quota_tce < 0""",
        ),
        Check(
            "by_the_standard",
            "核定等于计划增加值乘标准",
            "The quota by the standard is planned value added times the standard, within rounding",
            """SELECT uscc, year FROM {table}
            WHERE abs(full_quota_tce::DOUBLE
                    - coalesce(planned_value_added_wan_yuan::DOUBLE * energy_standard::DOUBLE, 0))
                > 0.000002 + full_quota_tce::DOUBLE / 1000000000""",
        ),
        Check(
            "reserve",
            "区县预留比例与规则一致",
            "The reserve is the rule's share",
            """SELECT uscc, year FROM {table}, rules.quotas
            WHERE abs(reserve_tce - full_quota_tce * reserve_share_pct / 100) > 0.00001""",
        ),
        Check(
            "one_standard",
            "同行业同年同一标准",
            "Firms of an industry and year have one standard",
            """SELECT year, industry_division_code FROM {table} WHERE industry_division_code IS NOT NULL
            GROUP BY ALL HAVING count(DISTINCT coalesce(energy_standard, -1)) > 1""",
        ),
        Check(
            "quota_by_use",
            "全市指标为能耗的四成至两倍",
            "The city's quota is two fifths to twice its energy: else a unit slipped or value added is missing",
            """SELECT year, sum(full_quota_tce) AS quota, sum(energy_tce) AS used FROM {table}
            GROUP BY year HAVING quota < 0.4 * used OR quota > 2 * used""",
            level="warn",
        ),
    ),
    may_be_empty=True,
    rules={"quotas": {"reserve_share_pct": "DOUBLE"}},
)  # fmt: skip
