"""The catalogue 数据目录 of a release: its tables, and the columns of one, as the release itself describes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from portal.queries.release import Query
from schemas.errors import UsageError, similar


@dataclass(frozen=True)
class TableEntry:
    """A table of the release with its titles and the number of its rows and columns.

    ``cn`` is its view with Chinese names and titles instead of codes; empty in a release without such views.
    """

    table: str
    cn: str
    zh: str
    en: str
    rows: int
    columns: int


@dataclass(frozen=True)
class ColumnEntry:
    """A column of a table: type, unit, titles, meaning, and the code list of its values."""

    column: str
    type: str
    unit: str
    zh: str
    en: str
    description_zh: str
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
    return [_table(row, query.tables) for row in rows]


def _table(row: dict[str, Any], names: frozenset[str]) -> TableEntry:
    zh, en = _titles(row["comment"] or row["table"])
    cn = f"cn.{zh}" if f"cn.{zh}" in names else ""
    return TableEntry(row["table"], cn, zh, en, row["estimated_size"], row["column_count"])


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
        raise UsageError(
            f"the release has no table {table}; {similar(table, query.tables)}./brain tables lists all"
        )
    rows = query(
        """SELECT c.column_name, c.data_type, c.comment, d.* EXCLUDE (table_name, column_name)
        FROM duckdb_columns() c LEFT JOIN release.dictionary d
            ON d.table_name = c.schema_name || '.' || c.table_name AND d.column_name = c.column_name
        WHERE c.schema_name || '.' || c.table_name = ? ORDER BY c.column_index""",
        table,
    )
    return [_column(row) for row in rows]


def _column(row: dict[str, str | None]) -> ColumnEntry:
    """A column by the data dictionary; one of the schema ``release`` has only its comment."""
    zh, _, rest = (row["comment"] or "").partition(" | ")
    return ColumnEntry(
        column=row["column_name"] or "",
        type=(row["data_type"] or "").lower(),
        unit=row["unit"] or "",
        zh=row["title_zh"] or zh,
        en=row["title_en"] or "",
        # older releases describe columns in English alone
        description_zh=row.get("description_zh") or "",
        description=row["description"] or rest,
        code_list=row["code_list"] or "",
        sensitivity=row["sensitivity"] or "",
        made_of=tuple(row.get("made_of") or ()),
    )
