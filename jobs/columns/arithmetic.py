"""Exact division for published figures.

Spark rounds a quotient of decimals to the digits of its type, so rounding it again may be one step off. Spark keeps up
to 38 digits of a quotient, other engines four more than the dividend has. Jobs therefore use neither ``/`` nor ``avg``
but compute in whole numbers: ``floor((2 n 10^s + d) / 2 d)`` is n/d rounded half up at s digits.
"""

from __future__ import annotations

from decimal import Decimal

from pyspark.sql import Column
from pyspark.sql import functions as F

#: Digits after the point of values and scores.
SCALE = 6
VALUE_TYPE = "decimal(24,6)"
AMOUNT = "decimal(18,6)"
PERCENT_TYPE = "decimal(18,4)"
#: Compound growth has steps of 0.01 %.
STEPS = 10_000
#: Largest yearly change in times the base, 1,000 %: beyond it the base is almost nothing, and a rate says nothing.
#: Assumed: docs/concepts/where-the-rules-are-silent.md.
LARGEST_CHANGE = 10
#: Limit of a quotient: a larger one (land of a millionth of a mu) is capped, so that it does not fail the job. In
#: millionths the limit still fits 64 bits, which Spark's integral division requires.
LARGEST = 10**12


def div(number: Column, by: int) -> Column:
    """Quotient of a whole number by a whole number above zero, truncated toward zero."""
    return F.call_function("div", number, F.lit(by))


def rounded_div(number: Column, by: Column) -> Column:
    """``number / by`` of whole numbers as a whole number, rounded half up once; missing unless ``by`` is above zero.

    The quotient must fit 64 bits. A decimal ``number`` has no digits after the point and at most 36 before it.
    """
    positive = F.when(by > 0, by)
    # div truncates toward zero, so the half has the number's sign
    half = F.when(number < 0, -positive).otherwise(positive)
    return F.call_function("div", number * F.lit(Decimal(2)) + half, positive * F.lit(Decimal(2)))


def divide(
    numerator: Column, denominator: Column, scale: Column | int = SCALE, mode: Column | str = "half_up"
) -> Column:
    """Quotient of two columns with at most six digits after the point, rounded once.

    Missing where a side is missing or the denominator is not above zero. ``mode`` is ``half_up`` (away from
    zero at the half, 四舍五入) or ``down`` (truncated, 截位); ``scale`` is 0 to 6 digits.
    """
    return _quotient(_whole(numerator), _whole(denominator), scale, mode)


def median_of(ordered: Column, scale: Column | int = SCALE, mode: Column | str = "half_up") -> Column:
    """The middle value of an ascending array of amounts, or the mean of the two middle ones; missing if it is empty.

    It is exact; Spark's own median is a double.
    """
    size = F.size(ordered)
    low, high = (F.get(ordered, div(place, 2).cast("int")) for place in (size - 1, size))
    return divide((low + high).cast(VALUE_TYPE), F.lit(2), scale, mode)


def ratio(part: Column, whole: Column) -> Column:
    """``part / whole`` of two amounts with six digits, rounded half up; missing unless the whole is above zero.

    For tables with dozens of quotients, whose expressions must be short. Also missing beyond ``LARGEST``, which no
    real ratio reaches, and where a side has more than twelve digits before the point.
    """
    n, d = (_whole(side.try_cast(AMOUNT)) for side in (part, whole))
    within = F.when(F.abs(n) <= d * F.lit(Decimal(LARGEST)), n)
    steps = rounded_div(within * F.lit(Decimal(10**SCALE)), d)
    return (steps.cast("decimal(19,0)") * F.lit(Decimal(1).scaleb(-SCALE))).cast(VALUE_TYPE)


def multiply(amount: Column, factor: Column) -> Column:
    """Product with six digits after the point, rounded half up once; missing where a side is missing."""
    # Spark's product of two such decimals keeps seven digits; rounding it again may be one step off
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
    # millionths of value and baseline cancel; the denominator's factor cancels the weight's ten-thousandths
    points = _whole(value) * (weight * 10**4).cast("decimal(7,0)")
    return _quotient(points, _whole(baseline) * F.lit(10**4).cast("decimal(5,0)"), scale, mode)


def score_of_range(
    value: Column,
    best: Column,
    worst: Column,
    least_share: Column,
    weight: Column,
    scale: Column | int = SCALE,
    mode: Column | str = "half_up",
) -> Column:
    """``weight × [s + (1 - s) × (value - worst) / (best - worst)]`` in points, rounded once (旌德县2022: s = 0.2).

    A value beyond an end scores as the end does. ``least_share`` s has two digits after the point.
    """
    width = F.abs(_whole(best) - _whole(worst))
    toward_best = F.when(best > worst, _whole(value) - _whole(worst)).otherwise(_whole(worst) - _whole(value))
    reached = F.greatest(F.lit(Decimal(0)), F.least(toward_best, width))
    percent = (least_share * 100).cast("decimal(3,0)")
    points = (percent * width + (F.lit(Decimal(100)) - percent) * reached) * (weight * 10**4).cast(
        "decimal(7,0)"
    )
    # least() and greatest() skip nulls, so test for them
    defined = F.when(value.isNotNull() & best.isNotNull() & worst.isNotNull(), points)
    return _quotient(defined, width * F.lit(Decimal(10**6)), scale, mode)


def _whole(amount: Column) -> Column:
    """An amount in millionths."""
    return (amount.cast("decimal(24,6)") * F.lit(10**SCALE).cast("decimal(7,0)")).cast("decimal(24,0)")


def _by_scale(scale: Column | int, values: list[Decimal]) -> Column:
    """The one of ``values``, for 0 to 6 digits, that belongs to a scale; by look-up where the scale is a column."""
    return F.lit(values[scale]) if isinstance(scale, int) else F.get(F.array(*map(F.lit, values)), scale)


def _quotient(numerator: Column, denominator: Column, scale: Column | int, mode: Column | str) -> Column:
    """Quotient of two columns of whole numbers; missing unless the denominator is above zero.

    Uses native expressions only: a higher-order function could bind each side to a name, but Spark interprets
    higher-order functions row by row. Uses few of them: Java does not compile long methods, which cost a tenth of a
    run. Each operand occurs several times, so pass columns, not formulas.
    """
    half_up = (F.lit(mode) if isinstance(mode, str) else mode) == "half_up"
    d = denominator.cast("decimal(26,0)")
    limit = d * F.lit(Decimal(LARGEST))
    n = F.greatest(-limit, F.least(numerator.cast("decimal(31,0)"), limit))
    twice_steps = _by_scale(scale, [Decimal(2 * 10**digits) for digits in range(SCALE + 1)])
    step = _by_scale(scale, [Decimal(1).scaleb(-digits) for digits in range(SCALE + 1)])
    # integral division truncates toward zero, so the half has the numerator's sign
    half = F.when(half_up, F.when(n < 0, -d).otherwise(d)).otherwise(F.lit(Decimal(0)))
    steps = F.call_function("div", n * twice_steps + half, d * F.lit(Decimal(2)))
    # least() and greatest() skip nulls, so test for them
    is_defined = numerator.isNotNull() & (denominator > 0)
    return F.when(is_defined, (steps.cast("decimal(19,0)") * step.cast("decimal(7,6)")).cast(VALUE_TYPE))


# --- shares and growth ---------------------------------------------------------------------------------


def share_pct(part: Column, whole: Column) -> Column:
    """``part / whole`` in percent with four digits, rounded half up; missing unless the whole is above zero.

    Also missing beyond 10^14 percent, which no real share reaches.
    """
    return (ratio(part, whole) * F.lit(Decimal(100))).try_cast(PERCENT_TYPE)


def is_comparable(now: Column, before: Column, years: int = 1) -> Column:
    """Whether growth between two amounts is a rate: the base is above zero, and the yearly change at most 1,000 %."""
    is_rate: Column = (
        (before > 0)
        & (now <= before * (1 + LARGEST_CHANGE) ** years)
        & (now >= before * (1 - LARGEST_CHANGE))
    )
    return is_rate


def growth_pct(now: Column, before: Column) -> Column:
    """``now / before`` in percent with four digits, rounded half up, less 100; missing unless they are comparable."""
    rate = ((ratio(now, before) - F.lit(Decimal(1))) * F.lit(Decimal(100))).try_cast(PERCENT_TYPE)
    return F.when(is_comparable(now, before), rate)


def growth_note(name: str, now: Column, before: Column, years: int = 1) -> Column:
    """Why the growth ``name`` of a known figure is missing, as a code of the list growth_note; else missing.

    For growth over several years the figure itself must be above zero.
    """
    note = (
        F.when(before.isNull(), F.lit(f"no_base:{name}"))
        .when(before < 0, F.lit(f"base_negative:{name}"))
        .when(before == 0, F.lit(f"base_near_zero:{name}"))
    )
    if years > 1:
        note = note.when(now <= 0, F.lit(f"figure_not_positive:{name}"))
    note = note.when(~is_comparable(now, before, years), F.lit(f"base_near_zero:{name}"))
    return F.when(now.isNotNull(), note)


def cagr_pct(now: Column, before: Column) -> Column:
    """Compound yearly growth over three years in percent, to 0.01 %, rounded half up.

    The growth is ``k / 10000`` for the whole number k with
    ``before × (20000 + 2k - 1)³ ≤ 8 × now × 10000³ < before × (20000 + 2k + 1)³``.
    A floating-point cube root only estimates k; whole numbers decide. Missing unless both amounts are above zero and
    comparable.
    """
    defined = (now > 0) & is_comparable(now, before, 3)
    guess = F.round((F.cbrt(now.cast("double") / before.cast("double")) - 1) * STEPS).cast("bigint")
    target = now.cast(AMOUNT) * F.lit(Decimal(8 * STEPS**3))
    steps = (
        guess
        + F.when(target >= _cubed(before, guess, 1), 1).otherwise(0)
        - F.when(target < _cubed(before, guess, -1), 1).otherwise(0)
    )
    return F.when(defined, (steps.cast("decimal(12,0)") * F.lit(Decimal("0.01"))).cast(PERCENT_TYPE))


def _cubed(before: Column, steps: Column, half: int) -> Column:
    """``before × (20000 + 2 steps + half)³``; the cube of a yearly factor of 100 has 19 digits."""
    edge = (steps * 2 + 2 * STEPS + half).cast("decimal(7,0)")
    square = (edge * edge).cast("decimal(13,0)")
    cube = (square * edge).cast("decimal(19,0)")
    return before.cast(AMOUNT) * cube
