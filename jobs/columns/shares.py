"""Shares, growth and compound growth, exact and rounded once."""

from __future__ import annotations

from decimal import Decimal

from pyspark.sql import Column
from pyspark.sql import functions as F

from jobs.columns.arithmetic import AMOUNT, ratio

PERCENT_TYPE = "decimal(18,4)"
#: Compound growth is given in steps of 0.01 %.
STEPS = 10_000


def share_pct(part: Column, whole: Column) -> Column:
    """``part / whole`` in percent with four digits, rounded half up; missing unless the whole is above zero.

    Also missing beyond 10^14 percent, which is no share of anything.
    """
    return (ratio(part, whole) * F.lit(Decimal(100))).try_cast(PERCENT_TYPE)


def growth_pct(now: Column, before: Column) -> Column:
    """``now / before`` in percent with four digits, rounded half up, less 100; missing unless ``before`` is above 0."""
    return ((ratio(now, before) - F.lit(Decimal(1))) * F.lit(Decimal(100))).try_cast(PERCENT_TYPE)


def cagr_pct(now: Column, before: Column) -> Column:
    """Compound yearly growth over three years in percent, to 0.01 %, rounded half up.

    The growth is ``k / 10000`` for the whole number k with
    ``before × (20000 + 2k - 1)³ ≤ 8 × now × 10000³ < before × (20000 + 2k + 1)³``.
    A floating-point cube root only guesses k; whole numbers decide. Missing unless both ends are above zero;
    beyond a factor of a million in three years, up or down, missing too.
    """
    defined = (now > 0) & (before > 0) & (now < before * 1_000_000) & (now * 1_000_000 > before)
    guess = F.round((F.cbrt(now.cast("double") / before.cast("double")) - 1) * STEPS).cast("bigint")
    target = now.cast(AMOUNT) * F.lit(Decimal(8 * STEPS**3))
    steps = (
        guess
        + F.when(target >= _cubed(before, guess, 1), 1).otherwise(0)
        - F.when(target < _cubed(before, guess, -1), 1).otherwise(0)
    )
    return F.when(defined, (steps.cast("decimal(12,0)") * F.lit(Decimal("0.01"))).cast(PERCENT_TYPE))


def _cubed(before: Column, steps: Column, half: int) -> Column:
    """``before × (20000 + 2 steps + half)³``; the cube of a factor of 100 a year has 19 digits."""
    edge = (steps * 2 + 2 * STEPS + half).cast("decimal(7,0)")
    square = (edge * edge).cast("decimal(13,0)")
    cube = (square * edge).cast("decimal(19,0)")
    return before.cast(AMOUNT) * cube
