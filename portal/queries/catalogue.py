"""The catalogue 数据目录 of a release: its tables, and the columns of one, as the release itself describes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from portal.queries.release import Query
from schemas.errors import UsageError


@dataclass(frozen=True)
class TableEntry:
    """A table of the release with its titles and the number of its rows and columns."""

    table: str
    zh: str
    en: str
    rows: int
    columns: int


@dataclass(frozen=True)
class ColumnEntry:
    """A column of a table: type, unit, titles, meaning, code list, and what it may show.

    ``made_of`` is empty for a column made of rules alone, and in releases that do not tell it.
    """

    column: str
    type: str
    unit: str
    zh: str
    en: str
    description: str
    code_list: str
    sensitivity: str
    made_of: tuple[str, ...]


def tables(query: Query) -> list[TableEntry]:
    """The release's tables by name, those of the schema ``release`` last."""
    rows = query(
        """SELECT schema_name || '.' || table_name AS "table", comment, estimated_size, column_count
        FROM duckdb_tables() ORDER BY schema_name = 'release', schema_name, table_name"""
    )
    return [
        TableEntry(
            row["table"], *_titles(row["comment"] or row["table"]), row["estimated_size"], row["column_count"]
        )
        for row in rows
    ]


def _titles(comment: str) -> tuple[str, str]:
    """Chinese and English title of a table's comment, without its further sentences.

    >>> _titles("企业评价等级 | Grades of enterprises. One row per firm.")
    ('企业评价等级', 'Grades of enterprises')
    """
    zh, _, rest = comment.partition(" | ")
    return zh, rest.partition(". ")[0].rstrip(".") or zh


def columns(query: Query, table: str) -> list[ColumnEntry]:
    """The columns of a table in their order.

    Raises:
        UsageError: the release has no such table; the line names similar ones.
    """
    if table not in query.tables:
        similar = get_close_matches(table, query.tables, n=3, cutoff=0.4)
        hint = f"similar: {', '.join(similar)}; " if similar else ""
        raise UsageError(f"the release has no table {table}; {hint}./brain tables lists all")
    rows = query(
        """SELECT d.*, c.column_name AS name, c.data_type, c.comment
        FROM duckdb_columns() c LEFT JOIN release.dictionary d
            ON d.table_name = c.schema_name || '.' || c.table_name AND d.column_name = c.column_name
        WHERE c.schema_name || '.' || c.table_name = ? ORDER BY c.column_index""",
        table,
    )
    return [_column(row) for row in rows]


def _column(row: Mapping[str, Any]) -> ColumnEntry:
    """A column by the data dictionary; one of the schema ``release`` has only its comment.

    Older releases have fewer columns in their dictionary.
    """
    zh, _, rest = (row["comment"] or "").partition(" | ")
    return ColumnEntry(
        column=row["name"],
        type=row["data_type"].lower(),
        unit=row["unit"] or "",
        zh=row["title_zh"] or zh,
        en=row["title_en"] or "",
        description=row["description"] or rest,
        code_list=row["code_list"] or "",
        sensitivity=row["sensitivity"] or "",
        made_of=tuple(row.get("made_of") or ()),
    )
