"""Suite 区县用能指标: the district's standard is the weighted mean of its industries', balances are the ledger's."""

from __future__ import annotations

from expectations.gate.suite import Check, Suite

SUITE = Suite(
    "resource.energy_quota_district",
    (
        Check(
            "weighted_mean",
            "区县标准等于行业标准按权重加权",
            "The standard is the industries' standards times their weights, within the rounding of the weights",
            """SELECT t.year, t.district_code FROM {table} t JOIN (
                SELECT year, district_code, sum(weight_pct / 100 * energy_standard) AS mean,
                    max(energy_standard) AS most
                FROM resource.energy_quota GROUP BY ALL) q USING (year, district_code)
            WHERE abs(t.energy_standard - q.mean) > 0.0001 * (1 + q.most)""",
        ),
        Check(
            "city_is_weighted_sum",
            "全市指标等于各企业指标之和",
            "The districts' quotas sum to the firms'",
            """SELECT year FROM (SELECT year, sum(full_quota_tce) AS quota FROM {table} GROUP BY year) t
            FULL JOIN (SELECT year, sum(full_quota_tce) AS quota FROM resource.energy_allocation GROUP BY year) f
            USING (year) WHERE t.quota IS DISTINCT FROM f.quota""",
        ),
        Check(
            "closing",
            "余缺等于台账结清额",
            "The balance is what the ledger's closing line takes from the district",
            """SELECT t.year, t.district_code FROM {table} t LEFT JOIN resource.energy_ledger l
                ON l.year = t.year AND l.ledger_movement = 'closing:' || t.district_code AND l.ledger_side = 'giver'
            WHERE t.balance_tce IS DISTINCT FROM -l.amount_tce""",
        ),
        Check(
            "trade_sums_to_zero",
            "全市交易转入等于转出",
            "What the districts received in a year is what they gave",
            """SELECT year FROM {table} GROUP BY year HAVING sum(received_tce) <> sum(given_tce)""",
        ),
        Check(
            "held_of_use",
            "区县指标为能耗的三成至三倍",
            "A district holds 30 to 300 % of what it uses: else firms are missing or in the wrong district",
            """SELECT year, district_code, completed_pct FROM {table}
            WHERE least_firm_count >= 20 AND completed_pct NOT BETWEEN 30 AND 300""",
            level="warn",
        ),
    ),
    may_be_empty=True,
)  # fmt: skip
