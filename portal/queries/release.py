"""Query a release's file, and read once what every query needs of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any

from portal.access.views import WITHHELD
from portal.queries.titles import Dictionary, Titles
from schemas.duckdb_types import with_years_as_text
from warehouse import duck
from warehouse.releases import Release

if TYPE_CHECKING:
    import duckdb

Row = Mapping[str, Any]
#: In place of names of columns.
ALL = ("*",)
#: Gives a statement's rows: kept ones, or what the function that it is given returns.
Keep = Callable[[str, Callable[[], list[dict[str, Any]]]], list[dict[str, Any]]]


class Query:
    """``query(sql, *values)``: rows of a statement on the release, with years as texts.

    It also has the names of the release's tables, the titles of codes, and the dictionary of columns.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, facts: Facts | None = None, keep: Keep | None = None
    ) -> None:
        self._connection = connection
        self._facts = facts
        self._keep = keep
        #: The same release with all its rows. Only computations whose result names nobody else read it, such as what
        #: lifts a firm over the last one of a grade; for who may see all rows it is this query itself.
        self.whole = self

    def __call__(self, sql: str, *values: str | Sequence[str]) -> list[dict[str, Any]]:
        statement = bound(sql, *values)
        if self._keep:
            return self._keep(statement, lambda: self._fetched(statement))
        return self._fetched(statement)

    def _fetched(self, statement: str) -> list[dict[str, Any]]:
        return with_years_as_text(duck.fetch(self._connection, statement))

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """For streams, and for statements that are built of typed literals."""
        return self._connection

    def close(self) -> None:
        self._connection.close()

    @cached_property
    def tables(self) -> frozenset[str]:
        """Names of the release's tables, as area.table."""
        rows = self(
            """SELECT table_schema || '.' || table_name AS name FROM information_schema.tables
            WHERE table_catalog = current_database()"""
        )
        return frozenset(row["name"] for row in rows)

    def columns(self, table: str) -> tuple[str, ...]:
        """Names of a table's columns; an old release has fewer."""
        return tuple(row["column_name"] for row in self(f"DESCRIBE {table}"))

    @cached_property
    def titles(self) -> Titles:
        """Titles of codes as the release has them."""
        return self._facts.titles if self._facts else Titles.read(self)

    @cached_property
    def dictionary(self) -> Dictionary:
        """Titles and units of columns as the release has them."""
        return self._facts.dictionary if self._facts else Dictionary.read(self)


class Facts:
    """What a release says to everybody, read once for all its queries."""

    def __init__(self, query: Query) -> None:
        self._query = query
        self._lock = Lock()

    @cached_property
    def titles(self) -> Titles:
        with self._lock:
            return Titles.read(self._query)

    @cached_property
    def dictionary(self) -> Dictionary:
        with self._lock:
            return Dictionary.read(self._query)

    def close(self) -> None:
        self._query.close()


@contextmanager
def reading(release: Release) -> Iterator[Query]:
    """Open a release's file for queries."""
    with duck.connect(release.file, read_only=True) as connection:
        yield Query(connection)


def bound(sql: str, *values: str | Sequence[str]) -> str:
    """A statement with texts and lists of texts in place of ``?`` or ``$1``.

    DuckDB's own binding imports pandas, which takes longer than all queries on the release together.

    >>> bound("SELECT ? IN (SELECT unnest(?))", "it's", ["a", "b"])
    "SELECT 'it''s' IN (SELECT unnest(['a', 'b']))"
    >>> bound("SELECT $2, $1", "$2", "?")
    "SELECT '?', '$2'"
    >>> bound(bound("SELECT ?", "it's $1?"))
    "SELECT 'it''s $1?'"
    """
    texts = [
        duck.literal(v) if isinstance(v, str) else f"[{', '.join(map(duck.literal, v))}]" for v in values
    ]
    following = iter(texts)

    def put(found: re.Match[str]) -> str:
        if found["text"]:
            return found["text"]
        return texts[int(found["number"]) - 1] if found["number"] else next(following)

    return _PLACES.sub(put, sql)


#: Places of values; a ``?`` or ``$1`` within a text that stands in the statement already is none.
_PLACES = re.compile(r"(?P<text>'[^']*')|\$(?P<number>\d+)|\?")


def one_of(column: str, values: Sequence[str]) -> str:
    """SQL condition that a column has one of a few values: DuckDB skips other rows by it, but reads them for a join.

    >>> one_of("uscc", ["a"]), one_of("uscc", [])
    ("uscc IN ('a')", 'false')
    """
    return f"{column} IN ({', '.join(map(duck.literal, values))})" if values else "false"


def rows_of_firm(
    query: Query, table: str, uscc: str, year: str, columns: Sequence[str] = ALL
) -> list[dict[str, Any]]:
    """A firm's rows of a year.

    What a page says of a firm comes from several questions to the same few rows; asked in this form they are read once.
    """
    return query(
        f"SELECT {_present(query, table, columns)} FROM {table} WHERE uscc = ? AND year = ?", uscc, year
    )


def row_of_firm(query: Query, table: str, uscc: str, year: str, columns: Sequence[str] = ALL) -> Row | None:
    """A firm's only row of a year."""
    rows = rows_of_firm(query, table, uscc, year, columns)
    return rows[0] if rows else None


def _present(query: Query, table: str, columns: Sequence[str]) -> str:
    """SQL of the wanted columns that the release has.

    Wide tables are asked for few columns: all columns of a profile take longer than all other questions of a page.
    """
    if columns == ALL:
        return "*"
    return ", ".join(name for name in query.columns(table) if name in (*columns, WITHHELD))


def rows_of_latest_period(
    query: Query, table: str, uscc: str, year: str, columns: Sequence[str] = ALL
) -> list[dict[str, Any]]:
    """A firm's rows of the year's latest month, else of the year itself, with that ``period``.

    Months are in a table of their own. Releases made before that have years and months in one table.

    """
    shown = _present(query, table, columns)
    months = f"{table}_month"
    if months not in query.tables:
        return query(
            f"""SELECT {shown}, period FROM {table} WHERE uscc = $1 AND period = (
                SELECT max(period) FROM {table} WHERE uscc = $1 AND period[:4] = $2)""",
            uscc, year,
        )  # fmt: skip
    if any(row["year"] == year for row in query(f"SELECT DISTINCT year FROM {months}")):
        rows = query(
            f"""SELECT {shown}, month AS period FROM {months} WHERE uscc = ? AND year = ?
            QUALIFY month = max(month) OVER ()""",
            uscc, year,
        )  # fmt: skip
        if rows:
            return rows
    return query(
        f"SELECT {shown}, year::VARCHAR AS period FROM {table} WHERE uscc = ? AND year = ?", uscc, year
    )


def row_of_latest_period(
    query: Query, table: str, uscc: str, year: str, columns: Sequence[str] = ALL
) -> Row | None:
    """A firm's only row in the year's latest period; ``None`` if the release or the firm has none."""
    rows = rows_of_latest_period(query, table, uscc, year, columns) if table in query.tables else []
    return rows[0] if rows else None


def is_withheld(row: Row) -> bool:
    """Whether the row's statistics are withheld from the reader for want of the firm's consent."""
    return bool(row.get(WITHHELD))


def is_synthetic(query: Query) -> bool:
    """Whether the release has synthetic data of a demo city, not data of real firms."""
    rows = query("SELECT any_value(value) AS text FROM release.info WHERE key = 'scope_zh' AND value <> ''")
    return bool(rows[0]["text"])
