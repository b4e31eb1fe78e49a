"""Kinds of cases of the battery, and the rows on which they are evaluated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

#: The largest decimal: 38 digits.
MOST = Decimal("9" * 38)

COLUMNS = {
    "n": "int", "a": "decimal(24,6)", "b": "decimal(18,6)", "w": "decimal(9,4)", "big": "decimal(38,0)", "i": "int",
    "j": "bigint", "x": "double", "flag": "boolean", "t": "string", "u": "string", "code": "string",
    "period": "string", "d": "date", "e": "date", "ts": "timestamp", "texts": "array<string>",
    "others": "array<string>", "numbers": "array<int>", "days": "array<date>",
    "entries": "array<struct<kind:string,code:string>>", "pair": "struct<kind:string,since:date>", "record": "string",
}  # fmt: skip


def _row(n: int, *amounts: str | Decimal | None, **rest: Any) -> dict[str, Any]:
    decimals = {
        k: None if v is None else Decimal(v) for k, v in zip(("a", "b", "w", "big"), amounts, strict=True)
    }
    return dict.fromkeys(COLUMNS) | {"n": n, **decimals, **rest}


ROWS: list[dict[str, Any]] = [
    _row(
        0, "1.234565", "0.500000", "33.3333", MOST, i=7, j=10**15, x=2.5, flag=True,
        t="宁波a", u="b", code="91330282MA2AAAAA1X", period="2024-02", d=date(2024, 1, 31), e=date(2024, 2, 29),
        ts=datetime(2024, 2, 29, 23, 59, 59, 999999, tzinfo=UTC), texts=["b", None, "a", "b"], others=["a", "c"],
        numbers=[3, None, 1], days=[date(2024, 1, 1), date(2023, 1, 1)],
        entries=[{"kind": "z", "code": "2"}, {"kind": "a", "code": None}, {"kind": "a", "code": "1"}],
        pair={"kind": "k", "since": date(2020, 2, 29)},
        record='{"uscc": "U", "name": "甲", "day": "2024-02-29", "more": 1}',
    ),
    _row(
        1, "-1.234565", "2.500000", "0.0001", MOST.copy_negate(), i=-7, j=-(10**15), x=-2.5, flag=False,
        t="1.500000", u="1.500000", code="91330282MA2AAAAA1x", period="2024",
        d=date(2023, 12, 31), e=date(2023, 12, 31),
        ts=datetime(1969, 12, 31, 16, 0, tzinfo=UTC), texts=["a"], others=[None],
        numbers=[], days=[], entries=[], pair={"kind": None, "since": None}, record='{"uscc": null, "name": "乙"}',
    ),
    _row(
        2, "999999999999999999.999999", "999999999999.999999", "99999.9999", Decimal(1), i=2**31 - 1, j=2**63 - 1,
        x=0.5, flag=None, t="", u="B", code="宁波", period="2023-12", d=date(9999, 12, 31), e=date(1, 1, 1),
        ts=datetime(2024, 1, 1, tzinfo=UTC), texts=[None], others=[], numbers=[None], days=[None],
        entries=[{"kind": None, "code": None}], pair=None, record="{}",
    ),
    _row(
        3, "0.000000", "0.000000", "0.0000", Decimal(0), i=0, j=0, x=0.0, flag=True,
        t="100.00", u="100", code="3302", period="text", d=date(1970, 1, 1), e=date(2000, 2, 29),
        ts=datetime(1970, 1, 1, tzinfo=UTC), texts=[], others=["b", None], numbers=[5, 5, -5],
        days=[date(2000, 1, 1), None], entries=[{"kind": "b", "code": "1"}],
        pair={"kind": "", "since": date(9999, 12, 31)}, record='{"name": ""}',
    ),
    _row(4, None, None, None, None),
    _row(
        5, "0.000001", "0.499999", "0.5000", Decimal(5), i=1, j=3, x=1e-7, flag=False, t="a|b|c", u="|",
        code="", period="2023", d=date(2024, 2, 29), e=date(2024, 3, 1),
        ts=datetime(2024, 7, 1, 12, 0, 0, 1, tzinfo=UTC), texts=["甲", "乙"], others=["乙", "甲"], numbers=[2],
        days=[date(2024, 3, 1)], entries=[{"kind": "甲", "code": "x"}], pair={"kind": "乙", "since": date(2024, 1, 1)},
        record='{"uscc": "V", "name": "丙", "day": "1999-12-31"}',
    ),
]  # fmt: skip


@dataclass(frozen=True)
class Case:
    """An expression, its type, and its value in each row: as a list, or as a Python function of the row."""

    name: str
    column: Column
    type: str
    expected: Sequence[Any] | Callable[[SimpleNamespace], Any]

    def values(self) -> list[Any]:
        if callable(self.expected):
            return [self.expected(SimpleNamespace(**row)) for row in ROWS]
        return list(self.expected)


@dataclass(frozen=True)
class Relation:
    """A frame derived from the rows, its schema, and its expected rows in any order."""

    name: str
    frame: DataFrame
    type: str
    expected: Sequence[tuple[Any, ...]]


@dataclass(frozen=True)
class Failure:
    """An expression that must fail on every engine instead of giving a value or null."""

    name: str
    column: Column


@dataclass(frozen=True)
class Difference:
    """An expression that jobs avoid, since the engines differ: type and values on each, None where it fails.

    Values may be left out where only the types differ. The name says which engine is right, and what jobs use instead.
    """

    name: str
    column: Column
    embedded: tuple[str, list[Any] | None] | None
    spark: tuple[str, list[Any] | None] | None


def given(value: Callable[[SimpleNamespace], Any], *names: str) -> Callable[[SimpleNamespace], Any]:
    """Missing where one of the columns is missing, else what the function returns."""
    return lambda row: None if any(getattr(row, n) is None for n in names) else value(row)


def values_frame(session: SparkSession) -> DataFrame:
    """The rows, read from a file as jobs read theirs, so that no engine evaluates them while it plans."""
    from jobs.columns.rows import materialised

    schema = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
    return materialised(session.createDataFrame([tuple(row.values()) for row in ROWS], schema))
