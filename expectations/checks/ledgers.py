"""What suites of quotas and ledgers share: rules, both lines of a movement, and sums to zero."""

from __future__ import annotations

from expectations.gate.suite import Check

#: Rules that the suites read.
QUOTAS = {
    "quotas": {
        "reserve_share_pct": "DOUBLE",
        "term_years": "BIGINT",
        "least_firms": "BIGINT",
        "low": "DOUBLE",
        "middle": "DOUBLE",
    }
}


def transfers(code: str) -> tuple[Check, ...]:
    """Registered transfers are booked within their year or refused with a reason; ``code`` is their number's column."""
    return (
        Check(
            "booked_in_the_year",
            "入账与归还在当年",
            "A transfer counts from a day of the year on, and comes back after that day within it",
            f"""SELECT year, {code} FROM {{table}} WHERE year(booked_date) <> year::INTEGER
                OR returned_date <= booked_date OR year(returned_date) <> year::INTEGER""",
        ),
        Check(
            "reason_of_refusal",
            "不予入账者均有原因",
            "What is refused has a reason, what is booked has none, and has two districts or a creditor",
            f"""SELECT year, {code} FROM {{table}}
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
    )


def double_entry(amount: str) -> tuple[Check, ...]:
    """Each movement has two lines that sum to zero, and so has the whole ledger of a year."""
    return (
        Check(
            "two_lines",
            "每笔两行且合计为零",
            "A movement has one line of each side, and they sum to zero",
            f"""SELECT year, ledger_movement FROM {{table}} GROUP BY ALL
            HAVING count(*) <> 2 OR count(DISTINCT ledger_side) <> 2 OR sum({amount}) <> 0""",
        ),
        Check(
            "sums_to_zero",
            "台账合计为零",
            "All lines of a year sum to zero",
            f"SELECT year, sum({amount}) AS total FROM {{table}} GROUP BY year HAVING total <> 0",
        ),
        Check(
            "sides_agree",
            "两行互为对方账户",
            "The accounts of both lines name each other",
            """SELECT a.year, a.ledger_movement FROM {table} a JOIN {table} b USING (year, ledger_movement)
            WHERE a.ledger_side <> b.ledger_side AND a.counter_account <> b.account""",
        ),
    )
