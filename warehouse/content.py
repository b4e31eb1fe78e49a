"""Canonical hash of a table's content; it depends neither on the order of rows nor on their storage."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import duckdb

from schemas.contract import Contract
from schemas.duckdb_types import stored_value
from warehouse.duck import literal

#: A content sums both parts of each row's MD5. This modulus keeps pairs of equal rows from cancelling out.
_PRIME = 4294967291


@dataclass(frozen=True)
class Content:
    """Content of some rows: their number, and two sums over the MD5 of each row. Contents of parts add up."""

    rows: int = 0
    first: int = 0
    second: int = 0

    def __add__(self, other: Content) -> Content:
        return Content(self.rows + other.rows, self.first + other.first, self.second + other.second)

    @property
    def hash(self) -> str:
        """Changes with any value, and with any row that is lost or duplicated."""
        return hashlib.sha256(f"{self.first}|{self.second}|{self.rows}".encode()).hexdigest()[:32]

    def as_text(self) -> str:
        """
        >>> Content(3, 17, 5).as_text()
        '3 17 5'
        """
        return f"{self.rows} {self.first} {self.second}"

    @classmethod
    def from_text(cls, text: str) -> Content:
        """
        >>> Content.from_text('3 17 5')
        Content(rows=3, first=17, second=5)
        """
        return cls(*map(int, text.split()))


#: Table → period → content.
Contents = Mapping[str, Mapping[str, Content]]


def total(contents: Iterable[Content]) -> Content:
    """
    >>> total([Content(1, 2, 3), Content(1, 1, 1)])
    Content(rows=2, first=3, second=4)
    """
    return sum(contents, Content())


def content_by_period(
    connection: duckdb.DuckDBPyConnection, spec: Contract, periods: Iterable[str] | None = None
) -> dict[str, Content]:
    """Period → content of a table, for all periods or for the given ones."""
    assert spec.period
    where = "" if periods is None else f"WHERE {one_of(spec.period, periods)}"
    found = connection.execute(
        f"SELECT {spec.period}, {_SUMS} FROM {_hashed(spec, where)} GROUP BY {spec.period}"
    ).fetchall()
    return {str(period): Content(*map(int, parts)) for period, *parts in found}


def content(connection: duckdb.DuckDBPyConnection, spec: Contract) -> Content:
    """Content of the contract's table or view on a connection."""
    row = connection.execute(f"SELECT {_SUMS} FROM {_hashed(spec)}").fetchone()
    assert row is not None
    return Content(*map(int, row))


_SUMS = (
    f"count(*), coalesce(sum(h::HUGEINT), 0), coalesce(sum((h % {_PRIME})::HUGEINT * (h // 4294967296)), 0)"
)


def _hashed(spec: Contract, where: str = "") -> str:
    """SQL for each row's MD5 over its columns as text, provenance left out."""
    columns = (c for c in spec.columns if c.name in spec.content_columns)
    parts = ", ".join(f"coalesce({stored_value(column)}::VARCHAR, chr(30))" for column in columns)
    period = f"{spec.period}, " if spec.period else ""
    return f"(SELECT {period}md5_number_lower(concat_ws(chr(31), {parts})) AS h FROM {spec.name} {where})"


def one_of(column: str, values: Iterable[str]) -> str:
    """SQL condition that a column has one of the values.

    >>> one_of("year", ["2023", "2024"]), one_of("year", [])
    ("year IN ('2023', '2024')", 'false')
    """
    listed = ", ".join(map(literal, values))
    return f"{column} IN ({listed})" if listed else "false"
