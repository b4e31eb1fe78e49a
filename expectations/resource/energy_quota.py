"""Suite 分区县分行业用能指标: sums are those of the firms, weights sum to 100 %."""

from __future__ import annotations

from expectations.gate.suite import Check, Suite

_KEY = "year, district_code, industry_division_code"

SUITE = Suite(
    "resource.energy_quota",
    (
        Check(
            "sums_of_firms",
            "合计与企业明细一致",
            "Quota, cut and energy are those of the firms",
            f"""SELECT {_KEY} FROM {{table}} t FULL JOIN (
                SELECT {_KEY}, sum(full_quota_tce) AS quota, sum(cut_tce) AS cut, sum(energy_tce) AS used
                FROM resource.energy_allocation WHERE industry_division_code IS NOT NULL GROUP BY ALL) f USING ({_KEY})
            WHERE t.full_quota_tce IS DISTINCT FROM f.quota OR t.cut_tce IS DISTINCT FROM f.cut
                OR t.energy_tce IS DISTINCT FROM coalesce(f.used, 0)""",
        ),
        Check(
            "weights",
            "各区县权重之和为100%",
            "The weights of a district sum to 100 %",
            """SELECT year, district_code, sum(weight_pct) AS weights FROM {table} GROUP BY ALL
            HAVING abs(weights - 100) > 0.01""",
        ),
        Check(
            "balance",
            "余缺等于指标减削减减能耗",
            "The balance is quota less cut and energy, and the state says its sign",
            f"""SELECT {_KEY} FROM {{table}} WHERE balance_tce <> full_quota_tce - cut_tce - energy_tce
                OR (balance_tce < 0) <> (quota_state_code = 'shortage')""",
        ),
        Check(
            "one_standard",
            "同行业同年同一标准",
            "Districts have one standard of an industry",
            """SELECT year, industry_division_code FROM {table} GROUP BY ALL
            HAVING count(DISTINCT energy_standard) > 1""",
        ),
    ),
    may_be_empty=True,
)  # fmt: skip
