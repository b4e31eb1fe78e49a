"""Suite 用能权交易: every registered row is booked or refused with a reason, and few are refused."""

from __future__ import annotations

from expectations.gate.suite import Check, Suite

SUITE = Suite(
    "resource.energy_transfer",
    (
        Check(
            "all_of_the_register",
            "登记的每笔均有结论",
            "Each row of the register has a row here",
            """SELECT period AS year, quota_transfer_code FROM raw.gov_energy_quota_transfer r
            WHERE r.period IN (SELECT year FROM {table}) AND NOT EXISTS (SELECT 1 FROM {table} t
                WHERE t.year = r.period AND t.quota_transfer_code = r.quota_transfer_code)""",
        ),
        Check(
            "reason_of_refusal",
            "不予入账者均有原因",
            "What is refused has a reason, what is booked has none, and has two districts or a creditor",
            """SELECT year, quota_transfer_code FROM {table}
            WHERE (transfer_state_code = 'refused') <> (transfer_refusal_code IS NOT NULL)
                OR transfer_state_code = 'accepted' AND giver_district_code IS NULL""",
        ),
        Check(
            "few_refused",
            "不予入账不超过十分之一",
            "At most a tenth of a year's register is refused: else its unit or accounts have changed",
            """SELECT year, count(*) FILTER (transfer_state_code = 'refused') AS refused, count(*) AS registered
            FROM {table} GROUP BY year HAVING registered >= 40 AND 10 * refused > registered""",
            level="warn",
        ),
    ),
    may_be_empty=True,
)  # fmt: skip
