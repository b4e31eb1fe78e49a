"""SQLAlchemy dialect ``duckdb+buffered``: DuckDB adapted to Great Expectations.

Great Expectations returns the connection before it fetches. duckdb-engine reads lazily from the connection, so every
result would be empty; this dialect reads each result in full when a statement has run. Great Expectations asks for a
table's columns through PostgreSQL's catalogue, of which DuckDB has only a part; this dialect reads them from the
information schema.
"""

from __future__ import annotations

from typing import Any

from duckdb_engine import Dialect
from sqlalchemy import types
from sqlalchemy.dialects import registry
from sqlalchemy.engine.cursor import FullyBufferedCursorFetchStrategy

URL_SCHEME = "duckdb+buffered"


class BufferedExecutionContext(Dialect.execution_ctx_cls):  # type: ignore[misc]
    """Reads a statement's result at once."""

    def post_exec(self) -> None:
        super().post_exec()
        if self.cursor is not None and self.cursor.description:
            self.cursor_fetch_strategy = FullyBufferedCursorFetchStrategy(
                self.cursor,
                alternate_description=self.cursor.description,
                initial_buffer=self.cursor.fetchall(),
            )


class BufferedDialect(Dialect):  # type: ignore[misc]
    """duckdb-engine's dialect with buffered results and reflection of columns."""

    execution_ctx_cls = BufferedExecutionContext
    supports_statement_cache = False

    def get_columns(
        self, connection: Any, table_name: str, schema: str | None = None, **_: Any
    ) -> list[dict[str, Any]]:
        """Names in order; types are left open, because no expectation used here asks for them."""
        result = connection.exec_driver_sql(
            "SELECT column_name, is_nullable FROM information_schema.columns WHERE table_schema = $1 "
            "AND table_name = $2 AND table_catalog = current_database() ORDER BY ordinal_position",
            (schema or "main", str(table_name)),
        )
        return [
            {"name": name, "type": types.NullType(), "nullable": nullable == "YES", "default": None}
            for name, nullable in result.fetchall()
        ]

    def get_pk_constraint(self, *_: Any, **__: Any) -> dict[str, Any]:
        """None: Delta tables have no primary key."""
        return {"constrained_columns": [], "name": None}


def register() -> None:
    """Make ``duckdb+buffered:///path`` known to SQLAlchemy."""
    registry.register("duckdb.buffered", __name__, BufferedDialect.__name__)
