"""Suite 碳效码: levels follow from figures, and an industry's mean from enough firms."""

from __future__ import annotations

from expectations.gate.suite import Check, Suite

SUITE = Suite(
    "resource.carbon_code",
    (
        Check(
            "level_of_intensity",
            "碳水平与单位增加值碳排放一致",
            "Low, middle and high follow from CO2 per value added",
            """SELECT uscc, year FROM {table}, rules.quotas WHERE carbon_level_code IS DISTINCT FROM
                CASE WHEN carbon_intensity <= low THEN 'low' WHEN carbon_intensity <= middle THEN 'middle'
                    WHEN carbon_intensity IS NOT NULL THEN 'high' END""",
        ),
        Check(
            "few_firms",
            "企业过少的行业无均值",
            "An industry has a mean only with the rule's number of firms",
            """SELECT uscc, year FROM {table}, rules.quotas
            WHERE industry_carbon_intensity IS NOT NULL AND industry_firm_count < least_firms""",
        ),
        Check(
            "noted",
            "缺项均有说明",
            "Where a part of the code is missing a note says why",
            """SELECT uscc, year FROM {table} WHERE carbon_efficiency_level IS NULL AND len(carbon_notes) = 0
                AND industry_division_code IS NOT NULL""",
        ),
        Check(
            "middle_of_industry",
            "行业内一级与五级均不过半",
            "Of an industry with fifty firms at most nine tenths have the best level and half the worst",
            """SELECT year, industry_division_code, count(*) FILTER (carbon_efficiency_level = 5) AS worst,
                count(*) FILTER (carbon_efficiency_level = 1) AS best, count(carbon_efficiency_level) AS firms
            FROM {table} GROUP BY ALL HAVING firms >= 50 AND (2 * worst > firms OR 10 * best > 9 * firms)""",
            level="warn",
        ),
        Check(
            "power_within_energy",
            "用电折算不超过综合能耗",
            "At most a tenth of the firms report less energy than their electricity: else energy is hidden",
            """SELECT year, count(*) FILTER (list_contains(carbon_notes, 'power_above_energy')) AS above,
                count(*) AS firms FROM {table} GROUP BY year HAVING firms >= 40 AND 10 * above > firms""",
            level="warn",
        ),
    ),
    may_be_empty=True,
    rules={"quotas": {"low": "DOUBLE", "middle": "DOUBLE", "least_firms": "BIGINT"}},
)  # fmt: skip
