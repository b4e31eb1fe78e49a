"""Suite 排污权交易: a row is booked or refused with a reason, within its year, and few are refused."""

from __future__ import annotations

from expectations.gate.suite import Check, Suite

SUITE = Suite(
    "resource.emission_transfer",
    (
        Check(
            "booked_in_the_year",
            "入账与归还在当年",
            "A transfer counts from a day of the year on, and comes back after that day within it",
            """SELECT year, right_transfer_code FROM {table} WHERE year(booked_date) <> year::INTEGER
                OR returned_date <= booked_date OR year(returned_date) <> year::INTEGER""",
        ),
        Check(
            "reason_of_refusal",
            "不予入账者均有原因",
            "What is refused has a reason, what is booked has none, and has two districts or a creditor",
            """SELECT year, right_transfer_code FROM {table}
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
    may_be_empty=False,
)  # fmt: skip
