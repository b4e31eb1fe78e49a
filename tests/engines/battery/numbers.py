"""Decimals at their limits, whole numbers and rounding: the arithmetic of figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal
from fractions import Fraction
from types import SimpleNamespace

from pyspark.sql import functions as F

from jobs.columns.arithmetic import (
    LARGEST,
    cagr_pct,
    div,
    divide,
    growth_note,
    growth_pct,
    multiply,
    ratio,
    rounded_div,
    score,
    share_pct,
)
from tests.engines.battery.values import MOST, ROWS, Case, Difference, Failure, given

WIDE = Context(prec=120)


def rounded(value: Fraction | Decimal, digits: int, how: str = ROUND_HALF_UP) -> Decimal:
    """A value at a number of digits; the quotient has 120 digits, so that a half is exact."""
    value = Fraction(value)
    quotient = WIDE.divide(Decimal(value.numerator), Decimal(value.denominator))
    return quotient.quantize(Decimal(1).scaleb(-digits), rounding=how, context=WIDE)


def quotient(n: Decimal | int, d: Decimal | int, digits: int, how: str = ROUND_HALF_UP) -> Decimal | None:
    return rounded(Fraction(n) / Fraction(d), digits, how) if d > 0 else None


def divided_to(digits: int) -> Callable[[SimpleNamespace], Decimal | None]:
    return lambda row: stopped(quotient(row.a, row.b, digits))


def stopped(value: Decimal | None) -> Decimal | None:
    return None if value is None else max(Decimal(-LARGEST), min(Decimal(LARGEST), value))


def within(value: Decimal | None) -> Decimal | None:
    return None if value is None or abs(value) > LARGEST else value


def cut(n: int | Fraction, d: int | Fraction) -> int:
    """Quotient truncated toward zero."""
    return int(Fraction(n, d))


def decimals() -> Iterator[Case]:
    a, b, w, big, i = (F.col(c) for c in ("a", "b", "w", "big", "i"))
    hundredth = F.lit(Decimal("0.01"))
    yield Case("product", a * w, "decimal(34,10)", given(lambda r: WIDE.multiply(r.a, r.w), "a"))
    yield Case("short product", b * w, "decimal(28,10)", given(lambda r: r.b * r.w, "b"))
    yield Case(
        "percent of", w * w * hundredth, "decimal(30,10)", given(lambda r: r.w * r.w * Decimal("0.01"), "w")
    )
    yield Case("sum of two", a + b, "decimal(25,6)", given(lambda r: WIDE.add(r.a, r.b), "a"))
    yield Case("difference", b - w, "decimal(19,6)", given(lambda r: r.b - r.w, "b"))
    yield Case("whole and decimal", i * w, "decimal(20,4)", given(lambda r: r.i * r.w, "i"))
    yield Case("decimal and whole", w + i, "decimal(15,4)", given(lambda r: r.w + r.i, "i"))
    yield Case(
        "a literal's product",
        (w * 1000).cast("decimal(18,4)"),
        "decimal(18,4)",
        given(lambda r: r.w * 1000, "w"),
    )
    yield Case("negative", -a, "decimal(24,6)", given(lambda r: WIDE.multiply(r.a, Decimal(-1)), "a"))
    yield Case("abs", F.abs(a), "decimal(24,6)", given(lambda r: r.a.copy_abs(), "a"))
    yield Case("38 digits", big, "decimal(38,0)", [MOST, MOST.copy_negate(), 1, 0, None, 5])
    yield Case("compared with a whole", a >= 1, "boolean", given(lambda r: r.a >= 1, "a"))
    yield Case("between", a.between(0, 2), "boolean", given(lambda r: 0 <= r.a <= 2, "a"))
    yield Case("greatest", F.greatest(a, b), "decimal(24,6)", given(lambda r: max(r.a, r.b), "a"))
    yield Case("greatest of a whole", F.greatest(F.lit(0), w), "decimal(14,4)", [*_at_least_0("w")])
    yield Case("least of types", F.least(b, w), "decimal(18,6)", given(lambda r: min(r.b, r.w), "b"))
    yield Case("coalesced", F.coalesce(w, F.lit(0)), "decimal(14,4)", lambda r: r.w or Decimal(0))
    yield Case(
        "one or the other",
        F.when(F.col("flag"), a).otherwise(w),
        "decimal(24,6)",
        lambda r: r.a if r.flag else r.w,
    )


def _at_least_0(name: str) -> Iterator[Decimal]:
    # greatest() skips nulls
    yield from (max(Decimal(0), row[name] or Decimal(0)) for row in ROWS)


def casts() -> Iterator[Case]:
    a, b, w, j, x, t = (F.col(c) for c in ("a", "b", "w", "j", "x", "t"))
    yield Case("half up", w.cast("decimal(9,2)"), "decimal(9,2)", given(lambda r: rounded(r.w, 2), "w"))
    yield Case(
        "half up, five", a.cast("decimal(24,5)"), "decimal(24,5)", given(lambda r: rounded(r.a, 5), "a")
    )
    yield Case(
        "no digits after the point",
        b.cast("decimal(18,0)"),
        "decimal(18,0)",
        given(lambda r: rounded(r.b, 0), "b"),
    )
    yield Case("wider", w.cast("decimal(38,18)"), "decimal(38,18)", given(lambda r: r.w, "w"))
    yield Case("to whole", w.cast("int"), "int", given(lambda r: int(r.w), "w"))
    yield Case("to long", a.cast("bigint"), "bigint", given(lambda r: int(r.a), "a"))
    yield Case("whole to decimal", j.cast("decimal(19,0)"), "decimal(19,0)", given(lambda r: r.j, "j"))
    yield Case("to text", a.cast("string"), "string", given(lambda r: f"{r.a:f}", "a"))
    yield Case("whole to text", j.cast("string"), "string", given(lambda r: str(r.j), "j"))
    yield Case("truth to whole", F.col("flag").cast("int"), "int", given(lambda r: int(r.flag), "flag"))
    yield Case("to double", w.cast("double"), "double", given(lambda r: float(r.w), "w"))
    yield Case("double to long", x.cast("bigint"), "bigint", given(lambda r: int(r.x), "x"))
    yield Case(
        "try_cast, too large",
        a.try_cast("decimal(18,6)"),
        "decimal(18,6)",
        lambda r: None if r.n == 2 else r.a,
    )
    yield Case("try_cast of a text", t.try_cast("int"), "int", [None, None, None, None, None, None])
    yield Case(
        "try_cast of digits",
        F.substring("period", 6, 2).try_cast("int"),
        "int",
        [2, None, 12, None, None, None],
    )
    yield Case("text to whole", F.left("code", F.lit(0)).try_cast("int"), "int", [None] * 6)
    yield Case("literal", F.lit(Decimal("0.000001")), "decimal(10,6)", [Decimal("0.000001")] * 6)
    yield Case("long literal", F.lit(Decimal(10**12)), "decimal(13,0)", [Decimal(10**12)] * 6)
    yield Case(
        "scaled literal",
        F.lit(Decimal(1).scaleb(-6)).cast("decimal(7,6)"),
        "decimal(7,6)",
        [Decimal("0.000001")] * 6,
    )


def rounding() -> Iterator[Case]:
    a, b, w, x = (F.col(c) for c in ("a", "b", "w", "x"))
    yield Case(
        "round to 5",
        F.round(a, 5).cast("decimal(24,5)"),
        "decimal(24,5)",
        given(lambda r: rounded(r.a, 5), "a"),
    )
    yield Case(
        "round to the digits of the type",
        F.round(w, 4).cast("decimal(9,4)"),
        "decimal(9,4)",
        given(lambda r: r.w, "w"),
    )
    yield Case(
        "round to no digits",
        F.round(b).cast("decimal(18,0)"),
        "decimal(18,0)",
        given(lambda r: rounded(r.b, 0), "b"),
    )
    yield Case(
        "rounded share",
        F.round(b * w, 6).cast("decimal(24,6)"),
        "decimal(24,6)",
        given(lambda r: rounded(r.b * r.w, 6), "b"),
    )
    yield Case("round a double", F.round(x), "double", [3.0, -3.0, 1.0, 0.0, None, 0.0])
    yield Case("floor", F.floor(w), "decimal(6,0)", given(lambda r: rounded(r.w, 0, ROUND_FLOOR), "w"))
    yield Case("ceil", F.ceil(w), "decimal(6,0)", given(lambda r: rounded(r.w, 0, ROUND_CEILING), "w"))
    yield Case(
        "floor of a negative",
        F.floor(-w),
        "decimal(6,0)",
        given(lambda r: rounded(-r.w, 0, ROUND_FLOOR), "w"),
    )
    yield Case(
        "half up by floor",
        F.floor(w + F.lit("0.5").cast("decimal(2,1)")),
        "decimal(7,0)",
        given(lambda r: rounded(r.w + Decimal("0.5"), 0, ROUND_FLOOR), "w"),
    )
    yield Case("cbrt", F.cbrt(F.col("i").cast("double") * 0 + 27), "double", [3.0, 3.0, 3.0, 3.0, None, 3.0])


def division() -> Iterator[Case]:
    a, b, w, i, j = (F.col(c) for c in ("a", "b", "w", "i", "j"))
    value = "decimal(24,6)"
    yield Case("div", div(j, 7), "bigint", given(lambda r: cut(r.j, 7), "j"))
    yield Case("div of ints", div(i, 100), "bigint", given(lambda r: cut(r.i, 100), "i"))
    yield Case(
        "div of decimals",
        F.call_function("div", a, F.when(b > 0, b)),
        "bigint",
        given(lambda r: cut(Fraction(r.a), Fraction(r.b)) if r.b else None, "a"),
    )
    yield Case("div in SQL", F.expr("(2 * n + 3) div 6"), "bigint", lambda r: cut(2 * r.n + 3, 6))
    yield Case("remainder", i % 31, "int", given(lambda r: r.i - 31 * cut(r.i, 31), "i"))
    yield Case(
        "rounded_div",
        rounded_div(j.cast("decimal(19,0)"), F.lit(8).cast("decimal(5,0)")),
        "bigint",
        given(lambda r: rounded(Fraction(r.j, 8), 0), "j"),
    )
    yield Case(
        "rounded_div by zero and below",
        rounded_div(j.cast("decimal(19,0)"), i.cast("decimal(10,0)")),
        "bigint",
        given(lambda r: quotient(r.j, r.i, 0), "j"),
    )
    for digits in (0, 2, 6):
        yield Case(
            f"divide to {digits}",
            divide(a, b, digits),
            value,
            given(divided_to(digits), "a"),
        )
    yield Case(
        "divide and cut",
        divide(a, b, 2, "down"),
        value,
        given(lambda r: stopped(quotient(r.a, r.b, 2, ROUND_DOWN)), "a"),
    )
    yield Case("ratio", ratio(b, w), value, given(lambda r: within(quotient(r.b, r.w, 6)), "b"))
    yield Case(
        "ratio with a side that is too large",
        ratio(a, b),
        value,
        lambda r: None if r.n in (2, 4) else within(quotient(r.a, r.b, 6)),
    )
    yield Case("multiply", multiply(b, w), value, given(lambda r: stopped(rounded(r.b * r.w, 6)), "b"))
    yield Case(
        "score",
        score(b, F.lit(Decimal("0.000007")), F.when(w < 1000, w), 3),
        value,
        lambda r: (
            None
            if r.n in (2, 4)
            else stopped(rounded(Fraction(r.b) / Fraction("0.000007") * Fraction(r.w), 3))
        ),
    )
    yield Case(
        "share_pct",
        share_pct(b, w),
        "decimal(18,4)",
        given(lambda r: q and q * 100 if (q := within(quotient(r.b, r.w, 6))) is not None else None, "b"),
    )
    yield Case(
        "growth_pct",
        growth_pct(b, w),
        "decimal(18,4)",
        given(lambda r: (q - 1) * 100 if (q := quotient(r.b, r.w, 6)) is not None and q <= 11 else None, "b"),
    )
    yield Case(
        "growth_note",
        growth_note("x", b, w),
        "string",
        [None, "base_near_zero:x", "base_near_zero:x", "base_near_zero:x", None, None],
    )
    yield Case(
        "growth_note over three years",
        growth_note("x", w, b - 1, 3),
        "string",
        ["base_negative:x", None, None, "base_negative:x", None, "base_negative:x"],
    )
    # 1.331 = 1.1³ and 2 ≈ 1.259921³; a value of 0 or below has no growth
    yield Case(
        "cagr_pct",
        cagr_pct(F.lit(Decimal("1.331")) + w * 0, F.lit(Decimal(1))),
        "decimal(18,4)",
        [10, 10, 10, 10, None, 10],
    )
    yield Case(
        "cagr_pct of two",
        cagr_pct(b * 0 + 2, F.lit(Decimal(1))),
        "decimal(18,4)",
        [Decimal("25.99")] * 4 + [None, Decimal("25.99")],
    )
    yield Case("bits", F.bit_count(F.call_function("shiftleft", F.lit(1), F.col("n"))), "int", [1] * 6)
    yield Case("shiftleft", F.call_function("shiftleft", F.lit(1), F.col("n")), "int", [1, 2, 4, 8, 16, 32])


def failures() -> Iterator[Failure]:
    big, a, t = F.col("big"), F.col("a"), F.col("t")
    yield Failure("a sum of 39 digits", big + big)
    yield Failure("a product of 39 digits", big * F.lit(Decimal(10)))
    yield Failure("a cast to a type with too few digits", a.cast("decimal(9,4)"))
    yield Failure("a long that is no int", F.col("j").cast("int"))
    yield Failure("a text that is no number", t.cast("int"))
    yield Failure("a whole number divided by zero", F.call_function("div", F.col("i"), F.lit(0)))
    yield Failure("an item out of range", F.element_at(F.array(F.lit(1), F.lit(2)), F.col("n")))


def differences() -> Iterator[Difference]:
    a, b, w, i = (F.col(c) for c in ("a", "b", "w", "i"))
    exact = [WIDE.multiply(r["a"], r["b"]) if r["n"] not in (2, 4) else None for r in ROWS]
    yield Difference(
        "a product of more than 38 digits: exact on the embedded engine, which fails if it does not fit; Spark rounds "
        "it to seven digits, and rounding it again may be one step off. multiply() is exact on both",
        F.when(F.col("n") != 2, a) * b,
        ("decimal(38,12)", exact),
        ("decimal(38,7)", [None if v is None else rounded(v, 7) for v in exact]),
    )
    yield Difference(
        "38 digits compared with a decimal that has digits after the point: the embedded engine needs one type for "
        "both, and fails. No column of a table has 38 digits",
        F.col("big") > a,
        None,
        ("boolean", [None if r["a"] is None else r["big"] > r["a"] for r in ROWS]),
    )
    sums = [None if r["i"] is None else r["i"] + 2**31 - 1 for r in ROWS]
    yield Difference(
        "a sum of int beyond 32 bits: Spark fails, which is right; the embedded engine wraps around. Sums of columns "
        "are bigint, and what could grow is cast to it",
        i + F.lit(2**31 - 1),
        ("int", [None if v is None else (v + 2**31) % 2**32 - 2**31 for v in sums]),
        None,
    )
    for column, embedded, spark in (
        (F.round(w, 2), "decimal(9,2)", "decimal(8,2)"),
        (F.round(w, 4), "decimal(9,4)", "decimal(10,4)"),
        (w + 1, "decimal(15,4)", "decimal(10,4)"),
        (w * 1000, "decimal(20,4)", "decimal(14,4)"),
    ):
        yield Difference(
            "the same value in another type: jobs cast what was rounded or computed with a literal",
            column,
            (embedded, None),
            (spark, None),
        )
    yield Difference(
        "a quotient of decimals: each rounds at the digits of its own type",
        b / F.lit(Decimal(7)).cast("decimal(18,6)"),
        ("decimal(28,10)", None),
        ("decimal(38,20)", None),
    )
