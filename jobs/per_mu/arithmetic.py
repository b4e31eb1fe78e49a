"""Exact division for published figures.

Spark's decimal division rounds to what precision is left, so a quotient rounded again may be one step off.
Here the quotient is found in whole numbers: ``floor((2 n 10^s + d) / 2 d)`` is n/d rounded half up at s digits.
"""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

#: Values and scores are kept with six digits.
SCALE = 6
VALUE_TYPE = "decimal(24,6)"
#: A larger quotient (land of a millionth of a mu) stops here instead of stopping the job.
LARGEST = 10**17


def divide(
    numerator: Column, denominator: Column, scale: Column | int = SCALE, mode: Column | str = "half_up"
) -> Column:
    """Quotient of two columns with at most six digits after the point, rounded once.

    Missing where a side is missing or the denominator is zero. ``mode`` is ``half_up`` (away from zero at
    the half, 四舍五入) or ``down`` (cut, 截位); ``scale`` is 0 to 6 digits.
    """
    return _quotient(_whole(numerator), _whole(denominator), scale, mode)


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

    Each side stands in the expression as seldom as can be, since divisions are nested.
    """
    digits = F.lit(scale) if isinstance(scale, int) else scale
    half_up = (F.lit(mode) if isinstance(mode, str) else mode) == "half_up"
    sides = F.struct(
        F.abs(numerator).cast("decimal(31,0)").alias("n"),
        F.abs(denominator).cast("decimal(30,0)").alias("d"),
        (F.signum(numerator) * F.signum(denominator)).cast("int").alias("sign"),
        F.pow(F.lit(10), digits).cast("decimal(7,0)").alias("step"),
        half_up.alias("half_up"),
    )
    # a one-element array binds the operands to a name: each is written once, however often it is used
    return F.get(F.transform(F.array(sides), _of_sides), F.lit(0))


def _of_sides(x: Column) -> Column:
    n2 = (x["n"] * x["step"] * 2).cast("decimal(38,0)")
    up = F.when(x["half_up"], x["d"]).otherwise(F.lit(0).cast("decimal(30,0)"))
    exact = (n2 + up).cast("decimal(38,0)")
    d2 = (x["d"] * 2).cast("decimal(31,0)")
    below = ((exact - exact % d2) / d2).cast("decimal(24,0)")
    most = (F.lit(LARGEST) * x["step"]).cast("decimal(24,0)")
    whole = F.when(n2 / d2 >= most, most).otherwise(below) * x["sign"]
    value = (whole.cast("decimal(24,0)") / x["step"]).cast(VALUE_TYPE)
    return F.when(x["d"] > 0, value)
