"""Types of columns in DuckDB: as stored, and as readers of a release's file see them.

Stock DuckDB multiplies two decimals of at most 18 digits within 18 digits, so that an amount times a share overflows,
and compares no text with a number. A release's file therefore has wider decimals and years as numbers: products and
sums of amounts work, and ``year >= 2023`` needs no cast. The published Delta tables keep the contract's types.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from schemas.field import Column

_TYPES: Mapping[str, str] = {
    "string": "VARCHAR",
    "int": "INTEGER",
    "bigint": "BIGINT",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP WITH TIME ZONE",
    "array<string>": "VARCHAR[]",
}
#: Decimals with more digits are widened: products of two with at most nine fit 18 digits.
_NARROW = 9
#: Digits of a widened decimal. From 19 on DuckDB computes products with up to 38 digits.
_WIDE = 24


def duckdb_type(text: str) -> str:
    """A type of a contract in DuckDB.

    >>> duckdb_type("decimal(18,6)"), duckdb_type("array<string>")
    ('DECIMAL(18,6)', 'VARCHAR[]')
    """
    return _TYPES.get(text, text.upper().replace(" ", ""))


def reader_type(column: Column) -> str:
    """A column's type in the file of a release."""
    if is_year(column.name):
        return "INTEGER"
    digits = re.fullmatch(r"decimal\((\d+),(\d+)\)", column.type)
    if digits and _NARROW < int(digits[1]) < _WIDE:
        return f"DECIMAL({_WIDE},{digits[2]})"
    return duckdb_type(column.type)


def is_year(name: str) -> bool:
    """Whether a column of this name is a year, such as 2024.

    >>> is_year("year"), is_year("figures_year"), is_year("age_years")
    (True, True, False)
    """
    return name == "year" or name.endswith("_year")


def stored_value(column: Column) -> str:
    """SQL for a column of a release's file in the type of the contract; DuckDB is also faster to print narrow decimals.

    It is the same for a table that has that type already.
    """
    stored = duckdb_type(column.type)
    return column.name if reader_type(column) == stored else f"CAST({column.name} AS {stored})"


def stored_selection(columns: Iterable[Column]) -> str:
    """SQL that selects columns of a release's file in the types of the contract."""
    return ", ".join(f"{stored_value(c)} AS {c.name}" for c in columns)


def with_years_as_text(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows of a statement on a release's file with years as texts, as the contracts have them.

    The years of older files are texts already.
    """
    given = [dict(row) for row in rows]
    for name in filter(is_year, given[0] if given else ()):
        for row in given:
            if row[name] is not None:
                row[name] = str(row[name])
    return given
