"""The arithmetic of a score 得分算式: as a line that a reader can verify, and computed again with decimals.

Works on rows of per_mu.indicator_value, without Spark. Releases made before there were other formulas have ratios only.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from jobs.per_mu.steps.told import figure

Row = Mapping[str, Any]


def formula_of(row: Row) -> str:
    """The formula of an indicator: a code of the list scoring."""
    return str(row.get("scoring_code") or "ratio")


def arithmetic(row: Row, least_share: Decimal) -> str:
    """The score of a row that has a value and a baseline, before cap and floor.

    >>> row = {"value": Decimal(60), "baseline": Decimal(110), "worst_value": Decimal(10), "weight": Decimal(50)}
    >>> arithmetic(row, Decimal("0.2"))
    '60 ÷ 110 × 50'
    >>> arithmetic({**row, "scoring_code": "ratio_less"}, Decimal("0.2"))
    '(2 − 60 ÷ 110) × 50'
    >>> arithmetic({**row, "scoring_code": "min_max"}, Decimal("0.2"))
    '50 × [0.2 + 0.8 × (60 − 10) ÷ (110 − 10)]'
    """
    value, base, weight = (figure(row[name]) for name in ("value", "baseline", "weight"))
    if formula_of(row) == "ratio":
        return f"{value} ÷ {base} × {weight}"
    if formula_of(row) == "ratio_less":
        return f"(2 − {value} ÷ {base}) × {weight}"
    worst = figure(row["worst_value"])
    least, rest = figure(least_share), figure(1 - least_share)
    return f"{weight} × [{least} + {rest} × ({value} − {worst}) ÷ ({base} − {worst})]"


def computed(row: Row, least_share: Decimal) -> Decimal:
    """The same as a number, not rounded; a value beyond an end of a range counts as the end."""
    value, base, weight = row["value"], row["baseline"], row["weight"]
    if formula_of(row) == "ratio":
        return Decimal(value * weight / base)
    if formula_of(row) == "ratio_less":
        return Decimal(max(2 * base - value, Decimal(0)) * weight / base)
    worst = row["worst_value"]
    reached = min(Decimal(1), max(Decimal(0), (value - worst) / (base - worst)))
    return Decimal(weight * (least_share + (1 - least_share) * reached))
