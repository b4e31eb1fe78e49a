"""What a statement of SQL finds in a release: read only, and nothing but the release unless it is said."""

from __future__ import annotations

from typing import Any

import duckdb

from schemas.errors import RejectedError
from warehouse import duck
from warehouse.releases import Release


def rows_of(release: Release, sql: str, *, is_unsafe: bool = False) -> list[dict[str, Any]]:
    """The rows of a statement; an unsafe one reaches files, the network and extensions as well.

    Raises:
        RejectedError: DuckDB refuses it; the line says why.
    """
    try:
        with duck.connect(release.file, read_only=True) as connection:
            if not is_unsafe:
                duck.lock(connection)
            return duck.fetch(connection, sql)
    except duckdb.Error as error:
        raise RejectedError(f"SQL: {str(error).splitlines()[0]}") from None
