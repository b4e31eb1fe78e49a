"""Single months derived from cumulative figures, in plain Python from the text of the rule.

A reported figure is cumulative since January. The single figure is the reported figure minus that of the month which
the firm reported before in the same year; its first month has nothing to subtract. It covers all months since then.
"""

from __future__ import annotations

from decimal import Decimal

#: Firm, month → cumulative figure, or None where the firm left it blank.
Told = dict[tuple[str, str], Decimal | None]


def single_months(told: Told) -> dict[tuple[str, str], tuple[Decimal | None, int, bool]]:
    """Firm, month → single figure, number of months that it covers, and whether the cumulative figure fell."""
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
