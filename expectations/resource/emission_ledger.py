"""Suite 排污权台账: double entry, and no part of an account below zero on any day."""

from __future__ import annotations

from expectations.checks.ledgers import double_entry
from expectations.gate.suite import Check, Suite

SUITE = Suite(
    "resource.emission_ledger",
    (
        *double_entry("amount_t"),
        Check(
            "never_negative",
            "账户任何一日不为负",
            "At the end of no day a part of a firm's account is below zero",
            """WITH days AS (SELECT year, uscc, pollutant_code, account_part_code, booked_date,
                    sum(amount_t) AS amount FROM {table} WHERE uscc IS NOT NULL GROUP BY 1, 2, 3, 4, 5),
                balances AS (SELECT year, uscc, pollutant_code, account_part_code, booked_date, sum(amount) OVER (
                    PARTITION BY year, uscc, pollutant_code, account_part_code ORDER BY booked_date) AS balance
                    FROM days)
            SELECT * FROM balances WHERE balance < 0""",
        ),
        Check(
            "as_registered",
            "交易行与登记一致",
            "A line of a transfer has the amount of the register, and only booked ones have lines",
            """SELECT t.year, t.ledger_movement FROM {table} t
            LEFT JOIN resource.emission_transfer r ON r.year = t.year
                AND r.right_transfer_code = split_part(t.ledger_movement, ':', 1)
            WHERE t.ledger_entry_kind_code <> 'allocation'
                AND (r.transfer_state_code IS DISTINCT FROM 'accepted' OR abs(t.amount_t) <> r.transferred_t)""",
        ),
    ),
)  # fmt: skip
