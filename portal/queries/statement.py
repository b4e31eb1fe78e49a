"""Run a SQL statement on a release, read-only; it sees nothing but the release unless declared unsafe."""

from __future__ import annotations

import re
from typing import Any

import duckdb

from schemas.contract import contract, contracts
from schemas.errors import RejectedError
from warehouse import duck
from warehouse.releases import Release


def rows_of(release: Release, sql: str, *, is_unsafe: bool = False) -> list[dict[str, Any]]:
    """The rows of a statement. An unsafe one may also access files, the network and extensions.

    Raises:
        RejectedError: DuckDB refuses the statement; the line has DuckDB's reason.
    """
    try:
        with duck.connect(release.file, read_only=True) as connection:
            if not is_unsafe:
                duck.lock(connection)
            return duck.fetch(connection, sql)
    except duckdb.CatalogException as error:
        raise RejectedError(_unpublished(sql) or f"SQL: {_first(error)}") from None
    except duckdb.Error as error:
        raise RejectedError(f"SQL: {_first(error)}") from None


def _first(error: duckdb.Error) -> str:
    """The reason as one line, with the names that DuckDB proposes instead."""
    first, *more = str(error).splitlines()
    return " ".join([first, *(line for line in more if line.startswith("Did you mean"))])


def _unpublished(sql: str) -> str | None:
    """Where to read a table that no release holds, if the statement names one."""
    from warehouse.tables import table_path

    for name in re.findall(r"\b[a-z_]+\.[a-z_]+\b", sql):
        if name in contracts() and contract(name).layer != "staged":
            return (
                f"{name} is no part of a release, which has the tables that ./brain tables lists; "
                f"it is the Delta table {table_path(name)}, quarantined records: ./brain quarantine show"
            )
    return None
