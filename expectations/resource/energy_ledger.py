"""Suite 用能权台账: double entry, accounts closed to zero, and no account that gives more than it holds."""

from __future__ import annotations

from expectations.checks.ledgers import double_entry
from expectations.gate.suite import Check, Suite

SUITE = Suite(
    "resource.energy_ledger",
    (
        *double_entry("amount_tce"),
        Check(
            "closed",
            "年末结清后各区县账户为零",
            "After the closing line each district's accounts are at zero",
            """SELECT year, district_code, sum(amount_tce) AS rest FROM {table} WHERE district_code <> '330200'
            GROUP BY ALL HAVING rest <> 0""",
        ),
        Check(
            "as_registered",
            "交易行与登记一致",
            "A line of a trade has the amount of the register, and only booked ones have lines",
            """SELECT t.year, t.ledger_movement FROM {table} t
            LEFT JOIN resource.energy_transfer r ON r.year = t.year
                AND r.quota_transfer_code = split_part(t.ledger_movement, ':', 1)
            WHERE t.ledger_entry_kind_code IN ('transfer', 'lease', 'lease_return')
                AND (r.transfer_state_code IS DISTINCT FROM 'accepted' OR abs(t.amount_tce) <> r.transferred_tce)""",
        ),
    ),
    may_be_empty=True,
)  # fmt: skip
