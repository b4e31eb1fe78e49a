"""DuckDB connections: limits, and the Delta extension from its wheel, which needs no network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

MEMORY_LIMIT = "1GB"


def connect(database: Path | str = ":memory:", *, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    """A connection with bounded memory and UTC as its time zone."""
    connection = duckdb.connect(str(database), read_only=read_only)
    connection.execute(f"SET memory_limit = '{MEMORY_LIMIT}'")
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET enable_progress_bar = false")
    return connection


#: Rows that a reader of one firm scans at least: rows are in key order, so that a group has few districts. DuckDB's own
#: size makes a release's file a seventh smaller, but such a read takes half as long again.
GROUP_ROWS = 20_480


@contextmanager
def building(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to a release's file under construction, which is created if absent.

    Every writer needs it: one without the size of row groups joins them into DuckDB's own when it closes the file.
    """
    with connect() as connection:
        # DuckDB 1.4 and older readers open storage version 1.2 as well
        options = f"STORAGE_VERSION 'v1.2.0', ROW_GROUP_SIZE {GROUP_ROWS}"
        connection.execute(f"ATTACH {literal(str(path))} AS draft ({options})")
        connection.execute("USE draft")
        yield connection
        connection.execute("USE memory")
        connection.execute("DETACH draft")


def lock(connection: duckdb.DuckDBPyConnection) -> None:
    """Restrict statements to the attached databases: no files, network, extensions or settings from here on."""
    for setting in ("autoinstall_known_extensions", "autoload_known_extensions", "enable_external_access"):
        connection.execute(f"SET {setting} = false")
    connection.execute("SET lock_configuration = true")


def load_delta(connection: duckdb.DuckDBPyConnection) -> None:
    """Make ``delta_scan`` available; the extension is installed once, from its Python package."""
    from duckdb_extensions import import_extension

    import_extension("delta")
    connection.execute("LOAD delta")


def scan(folder: Path | str, version: int) -> str:
    """SQL for a Delta table at a version; call ``load_delta`` first."""
    return f"delta_scan({literal(str(folder))}, version := {version})"


def fetch(
    connection: duckdb.DuckDBPyConnection, sql: str, values: Sequence[object] = ()
) -> list[dict[str, Any]]:
    """A statement's rows as mappings, column → value."""
    cursor = connection.execute(sql, values)
    names = [d[0] for d in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def literal(text: str) -> str:
    r"""
    >>> literal("it's")
    "'it''s'"
    >>> literal("a\0b")
    "('a' || chr(0) || 'b')"
    """
    quoted = "'" + text.replace("'", "''") + "'"
    # the parser takes a NUL for the end of the statement
    return "(" + quoted.replace("\0", "' || chr(0) || '") + ")" if "\0" in text else quoted
