"""Exact division for published figures.

Spark's decimal division rounds to what precision is left, so a quotient rounded again may be one step off.
Here the quotient is found in whole numbers: ``floor((2 n 10^s + d) / 2 d)`` is n/d rounded half up at s digits.
"""

from __future__ import annotations

from decimal import Decimal

from pyspark.sql import Column
from pyspark.sql import functions as F

#: Values and scores are kept with six digits.
SCALE = 6
VALUE_TYPE = "decimal(24,6)"
#: A larger quotient (land of a millionth of a mu) stops here instead of stopping the job; in millionths it still
#: is a 64-bit whole number, as Spark's integral division wants it.
LARGEST = 10**12


def divide(
    numerator: Column, denominator: Column, scale: Column | int = SCALE, mode: Column | str = "half_up"
) -> Column:
    """Quotient of two columns with at most six digits after the point, rounded once.

    Missing where a side is missing or the denominator is zero. ``mode`` is ``half_up`` (away from zero at
    the half, 四舍五入) or ``down`` (cut, 截位); ``scale`` is 0 to 6 digits.
    """
    return _quotient(_whole(numerator), _whole(denominator), scale, mode)


def multiply(amount: Column, factor: Column) -> Column:
    """Product with six digits after the point, rounded half up once; missing where a side is missing."""
    # Spark's own product of two such decimals keeps seven digits, and a second rounding may be a step off
    millionths_squared = F.lit(10 ** (2 * SCALE)).cast("decimal(13,0)")
    return _quotient(_whole(amount) * _whole(factor), millionths_squared, SCALE, "half_up")


def score(
    value: Column,
    baseline: Column,
    weight: Column,
    scale: Column | int = SCALE,
    mode: Column | str = "half_up",
) -> Column:
    """``value / baseline × weight`` in points, rounded once (黄岩区2022: 指标值÷基准值×权重)."""
    # value and baseline in millionths, weight in ten-thousandths: the powers of ten cancel but for one
    points = _whole(value) * (weight * 10**4).cast("decimal(7,0)")
    return _quotient(points, _whole(baseline) * F.lit(10**4).cast("decimal(5,0)"), scale, mode)


def _whole(amount: Column) -> Column:
    """An amount in millionths."""
    return (amount.cast("decimal(24,6)") * F.lit(10**SCALE).cast("decimal(7,0)")).cast("decimal(24,0)")


def _quotient(numerator: Column, denominator: Column, scale: Column | int, mode: Column | str) -> Column:
    """Quotient of two whole columns.

    Native expressions only: a higher-order function would bind each side to a name, but Spark interprets those
    row by row, which took half of a run. Operands that stand here several times should be columns, not formulas.
    """
    digits = F.lit(scale) if isinstance(scale, int) else scale
    half_up = (F.lit(mode) if isinstance(mode, str) else mode) == "half_up"
    n = F.abs(numerator).cast("decimal(31,0)")
    d = F.abs(denominator).cast("decimal(30,0)")
    twice_n = (n * F.pow(F.lit(10), digits).cast("decimal(7,0)") * 2).cast("decimal(38,0)")
    twice_d = F.nullif((d * 2).cast("decimal(31,0)"), F.lit(0).cast("decimal(31,0)"))
    up = F.when(half_up, d).otherwise(F.lit(0).cast("decimal(30,0)"))
    most = F.pow(F.lit(10), digits).cast("bigint") * LARGEST
    whole = F.when(twice_n.cast("double") / twice_d.cast("double") >= most.cast("double"), most).otherwise(
        F.call_function("div", (twice_n + up).cast("decimal(38,0)"), twice_d)
    )
    signed = F.when((numerator < 0) != (denominator < 0), -whole).otherwise(whole)
    millionths = signed.cast("decimal(19,0)") * F.pow(F.lit(10), SCALE - digits).cast("decimal(7,0)")
    return (millionths * F.lit(Decimal(1).scaleb(-SCALE))).cast(VALUE_TYPE)
