"""Run a SQL statement on a release, read-only; it sees nothing but the release unless declared unsafe."""

from __future__ import annotations

from typing import Any

import duckdb

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
    except duckdb.Error as error:
        raise RejectedError(f"SQL: {str(error).splitlines()[0]}") from None
