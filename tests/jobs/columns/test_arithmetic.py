"""Exact arithmetic: results are rounded once (half away from zero) or cut, and never fail a job."""

from __future__ import annotations

import random
from decimal import ROUND_DOWN, ROUND_HALF_UP, Context, Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from pyspark.sql import functions as F

from jobs.columns.arithmetic import LARGEST, divide, multiply, score

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

Triple = tuple[str | None, str | None, str | None]
WIDE = Context(prec=80)


def amounts(spark: SparkSession, rows: list[Triple], types: str) -> DataFrame:
    names = [part.split()[0] for part in types.split("; ")]
    kinds = [part.split(maxsplit=1)[1] for part in types.split("; ")]
    scales = [int(kind.rstrip(")").split(",")[1]) for kind in kinds]
    columns = [
        [None if v is None else Decimal(v).quantize(Decimal(1).scaleb(-scale), context=WIDE) for v in column]
        for column, scale in zip(zip(*rows, strict=True), scales, strict=True)
    ]
    arrays = [
        pa.array(column, pa.decimal128(*map(int, kind[8:-1].split(","))))
        for column, kind in zip(columns, kinds, strict=True)
    ]
    number = pa.array(range(len(rows)), pa.int32())
    table = pa.table([number, *arrays], names=["number", *names])
    ddl = ", ".join(f"{n} {k}" for n, k in zip(names, kinds, strict=True))
    return spark.createDataFrame(table, schema=f"number int, {ddl}")


def results(frame: DataFrame, *columns: Column) -> list[tuple[Any, ...]]:
    named = [column.alias(f"c{place}") for place, column in enumerate(columns)]
    rows = frame.select("number", *named).toArrow().to_pylist()
    return [
        tuple(row[f"c{n}"] for n in range(len(columns))) for row in sorted(rows, key=lambda r: r["number"])
    ]


def rounded(value: Fraction, digits: int, mode: str) -> Decimal:
    """The quotient to eighty digits, in which a half is exact, rounded by Decimal itself."""
    value = max(Fraction(-LARGEST), min(Fraction(LARGEST), value))
    quotient = WIDE.divide(Decimal(value.numerator), Decimal(value.denominator))
    how = ROUND_HALF_UP if mode == "half_up" else ROUND_DOWN
    return quotient.quantize(Decimal(1).scaleb(-digits), rounding=how, context=WIDE)


PAIR = "n decimal(24,6); d decimal(24,6); unused decimal(9,4)"
MODES = [(digits, mode) for digits in range(7) for mode in ("half_up", "down")]


def pairs() -> list[Triple]:
    """Pairs whose quotients are at or beside a half, of both signs and all sizes."""
    draw = random.Random(7)
    found = [
        ("1", "8"),
        ("-1", "8"),
        ("5", "2"),
        ("-5", "2"),
        ("2.5", "1"),
        ("1", "3"),
        ("2", "3"),
    ]
    found += [("0.000001", "2"), ("-0.000001", "2"), ("0.000003", "2"), ("0", "5"), ("-0.000001", "3000000")]
    found += [
        ("999999999999.999999", "0.000007"),
        ("1.234565", "1"),
        ("0.499999", "1"),
        ("77.125", "1.000001"),
    ]
    for _ in range(150):
        whole, digits = draw.randrange(10**7), draw.randrange(7)
        half = Decimal(whole * 2 + 1) / 2 / 10**digits  # a half at that digit
        below = Decimal(draw.choice([1, 2, 3, 7, 64, 125])) / draw.choice([1, 10, 1000])
        found.append((str((half * below * draw.choice([1, -1])).quantize(Decimal("1e-6"))), str(below)))
        found.append((str(draw.randrange(-(10**12), 10**12)), str(Decimal(draw.randrange(1, 10**9)) / 10**6)))
    return [(n, d, None) for n, d in found]


def test_quotients_are_rounded_once_as_decimal_does(spark: SparkSession) -> None:
    rows = pairs()
    columns = [divide(F.col("n"), F.col("d"), digits, mode) for digits, mode in MODES]
    got = results(amounts(spark, rows, PAIR), *columns)
    for (n, d, _), found in zip(rows, got, strict=True):
        exact = Fraction(n) / Fraction(d)  # type: ignore[arg-type]
        assert list(found) == [rounded(exact, digits, mode) for digits, mode in MODES], (n, d)


def test_scale_and_mode_may_be_columns(spark: SparkSession) -> None:
    # 2/3: half up at 2 digits 0.67, cut 0.66; at 0 digits 1 and 0
    frame = amounts(spark, [("2", "3", None)], PAIR).withColumns({"two": F.lit(2), "cut": F.lit("down")})
    n, d = F.col("n"), F.col("d")
    both = [
        divide(n, d, F.col("two")),
        divide(n, d, F.col("two"), F.col("cut")),
        divide(n, d, 0),
        divide(n, d, 0, "down"),
    ]
    assert results(frame, *both) == [(Decimal("0.67"), Decimal("0.66"), 1, 0)]


@pytest.mark.parametrize(
    ("n", "d"),
    [("1", "0"), ("0", "0"), ("-1", "0"), ("1", "-8"), ("-1", "-8"), (None, "1"), ("1", None), (None, None)],
)
def test_a_quotient_without_both_sides_and_a_denominator_above_zero_is_missing(
    spark: SparkSession, n: str | None, d: str | None
) -> None:
    frame = amounts(spark, [(n, d, None)], PAIR)
    assert results(frame, divide(F.col("n"), F.col("d")), divide(F.col("n"), F.col("d"), 2, "down")) == [
        (None, None)
    ]


def test_a_quotient_above_the_largest_is_capped_and_does_not_fail_the_job(spark: SparkSession) -> None:
    most = Decimal(LARGEST)
    tiny = Decimal("0.000001")
    rows: list[Triple] = [
        (str(n), str(d), None)
        for n, d in [
            (most, tiny), (-most, tiny), (Decimal(10) ** 17, tiny), (most, 1), (most * tiny, tiny),
            (most - 1, 1), ((1 - most) * tiny, tiny),
        ]
    ]  # fmt: skip
    got = results(
        amounts(spark, rows, PAIR), divide(F.col("n"), F.col("d")), divide(F.col("n"), F.col("d"), 0)
    )
    stopped = [most, -most, most, most, most]
    assert got == [(value, value) for value in [*stopped, most - 1, 1 - most]]


def test_points_are_rounded_once_although_value_by_baseline_is_no_finite_decimal(spark: SparkSession) -> None:
    draw = random.Random(11)
    rows: list[Triple] = [
        # 30/24.097 x 30 = 37.34904759...; published to three digits as 37.349
        ("30", "24.097", "30"), ("0.03", "0.0302", "10"), ("-5", "3", "33.3333"), ("1", "3", "0.0001"),
        # 1/32 x 0.0016 = 0.00005 exactly: a half at the fourth digit
        ("1", "32", "0.0016"), ("-1", "32", "0.0016"),
    ]  # fmt: skip
    rows += [
        (
            str(Decimal(draw.randrange(-(10**12), 10**12)) / 10 ** draw.randrange(7)),
            str(Decimal(draw.randrange(1, 10**10)) / 10**6),
            str(Decimal(draw.randrange(1, 10**6)) / 10**4),
        )
        for _ in range(200)
    ]
    frame = amounts(spark, rows, "v decimal(24,6); b decimal(24,6); w decimal(9,4)")
    got = results(frame, *[score(F.col("v"), F.col("b"), F.col("w"), digits, mode) for digits, mode in MODES])
    for (v, b, w), found in zip(rows, got, strict=True):
        exact = Fraction(v) / Fraction(b) * Fraction(w)  # type: ignore[arg-type]
        assert list(found) == [rounded(exact, digits, mode) for digits, mode in MODES], (v, b, w)
    assert (
        got[0][6] == Decimal("37.349") and got[4][8] == Decimal("0.0001") and got[5][8] == Decimal("-0.0001")
    )


def test_points_without_a_baseline_are_missing(spark: SparkSession) -> None:
    rows: list[Triple] = [("1", "0", "10"), (None, "1", "10"), ("1", None, "10")]
    frame = amounts(spark, rows, "v decimal(24,6); b decimal(24,6); w decimal(9,4)")
    assert results(frame, score(F.col("v"), F.col("b"), F.col("w"))) == [(None,)] * 3


def test_products_are_rounded_once(spark: SparkSession) -> None:
    draw = random.Random(13)
    rows: list[Triple] = [
        # 0.000001 x 0.499999 = 0.000000499999 rounds to 0; rounded to seven digits first it would become 0.000001
        ("0.000001", "0.499999", None), ("0.000001", "0.5", None), ("-0.000003", "0.5", None), (None, "1", None),
    ]  # fmt: skip
    for _ in range(200):
        amount, factor = draw.randrange(-(10**14), 10**14), draw.randrange(10**7)
        rows.append((str(Decimal(amount) / 10**6), str(Decimal(factor) / 10**6), None))
    frame = amounts(spark, rows, "a decimal(24,6); f decimal(18,6); unused decimal(9,4)")
    got = [product for (product,) in results(frame, multiply(F.col("a"), F.col("f")))]
    for (a, f, _), product in zip(rows, got, strict=True):
        assert product == (None if a is None else rounded(Fraction(a) * Fraction(str(f)), 6, "half_up")), (
            a,
            f,
        )
    assert got[:3] == [0, Decimal("0.000001"), Decimal("-0.000002")]
