"""Single months out of cumulative figures, by the text of the rule, in plain Python.

A figure of a month is what has come since January. What the month itself brought is that less what had come by the
month that the firm told before in the year; before its first month it had nothing. It stands for all months since then.
"""

from __future__ import annotations

from decimal import Decimal

#: Firm, month → cumulative figure, or None where the firm left it blank.
Told = dict[tuple[str, str], Decimal | None]


def single_months(told: Told) -> dict[tuple[str, str], tuple[Decimal | None, int, bool]]:
    """Firm, month → what the month brought, how many months that stands for, and whether the figure fell."""
    found = {}
    for firm, month in told:
        year, number = month.split("-")
        earlier = [n for n in range(1, int(number)) if (firm, f"{year}-{n:02}") in told]
        last = max(earlier, default=0)
        now = told[firm, month]
        before = told[firm, f"{year}-{last:02}"] if last else Decimal(0)
        brought = None if now is None or before is None else now - before
        found[firm, month] = (brought, int(number) - last, brought is not None and brought < 0)
    return found
