"""Size classes 规模档: in a published sum each firm counts with the middle of its class, not with its own amount.

Classes are the steps of the preferred numbers R5 (GB/T 321: 1, 1.6, 2.5, 4, 6.3, 10, …), their middles are those of R10
between them. A firm of 17.3 million yuan of tax is in the class 16 to 25 million and counts as 20.

Why not the exact sum: between two releases in which one firm joins, leaves or is corrected, the difference of a sum is
that firm's figure. Why not a rounded sum: the firm is in several cells (district, industry, city), and each rounds at
another point, so several differences together are finer than the rounding; whoever knows the other firms needs only
one. Sums of classes are a function of the firms' classes alone. From all cells of all releases together, even with
the figures of all other firms, nobody learns more than a firm's class, and a class is wider than ±20 %: its upper end
is at least 1.56 times its lower one.

The price is accuracy: a firm's amount is off by at most 28 %, a sum over many firms by far less, because the errors
cancel. Middles are geometric means, about the mean of a class where, as among firms, larger ones are rarer.
"""

from __future__ import annotations

from decimal import Decimal

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.columns.arithmetic import VALUE_TYPE

#: Lower ends of the classes of a decade, R5.
ENDS = tuple(map(Decimal, ("1", "1.6", "2.5", "4", "6.3")))
#: What a firm of the class counts as, R10.
MIDDLES = tuple(map(Decimal, ("1.25", "2", "3.15", "5", "8")))
#: Powers of ten by the number of digits of an amount in millionths.
_DECADES = [Decimal(10) ** (digits - 6) for digits in range(18)]


def with_class(firms: DataFrame) -> DataFrame:
    """``low`` and ``high`` ends of the class of ``amount`` without its sign, and ``counted``, its middle with the sign.

    All are zero for an amount below ``least``, and missing where the amount is.
    """
    size, decade = F.col("size"), F.col("decade")
    digits = F.length((size * F.lit(Decimal(10**6))).cast("decimal(24,0)").cast("string"))
    step = sum(((size >= decade * F.lit(end)).cast("int") for end in ENDS[1:]), F.lit(0))
    is_none = size < F.col("least")

    def of_class(values: tuple[Decimal, ...]) -> Column:
        at = F.get(F.array(*(F.lit(v.quantize(Decimal("0.01"))) for v in values)), F.col("step"))
        return F.when(is_none, F.lit(Decimal(0))).otherwise(decade * at).cast(VALUE_TYPE)

    return (
        firms.withColumn("size", F.abs("amount").cast("decimal(18,6)"))
        .withColumn("decade", F.get(F.array(*(F.lit(_decimal(d)) for d in _DECADES)), digits - 1))
        .withColumn("step", step)
        .withColumns(
            {"low": of_class(ENDS), "high": of_class((*ENDS[1:], Decimal(10))), "middle": of_class(MIDDLES)}
        )
        .withColumn("counted", F.when(F.col("amount") < 0, -F.col("middle")).otherwise(F.col("middle")))
        .drop("size", "decade", "step", "middle")
    )


def _decimal(power: Decimal) -> Decimal:
    """All literals of the array with six digits after the point, so that they have one type."""
    return power.quantize(Decimal("0.000001"))
