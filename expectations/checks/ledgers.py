"""What suites of ledgers share: both lines of a movement, and sums to zero."""

from __future__ import annotations

from expectations.gate.suite import Check


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
