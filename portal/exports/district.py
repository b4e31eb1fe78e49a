"""A district's own DuckDB file 区县数据包: its rows of a release and no others, as its offices may see them.

A file has no users: who has it reads all of it. So it is a copy of the views that the offices of the district have on
pages without the statistics office's right, on the day on which it was made; a consent that is withdrawn later asks for
a new file.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from duckdb import DuckDBPyConnection

from ingest.register.today import today
from portal.access.description import tables_of
from portal.access.shelf import Shelf
from portal.access.viewer import Cut, Viewer
from schemas.contract import Contract, published_contracts
from warehouse import duck
from warehouse.chinese import add_views
from warehouse.draft import comment_on
from warehouse.releases import Release
from warehouse.state import sync


def write(release: Release, district: str, path: Path) -> dict[str, int]:
    """Write the file, completely or not at all.

    Returns:
        Table → rows.

    Raises:
        UsageError: there is no such district.
    """
    cut = Viewer("export", "district", district).cut
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    partial.unlink(missing_ok=True)
    try:
        rows, is_whole = _copied(release, cut, partial)
        if is_whole:
            add_views(partial)
        sync(partial)
        partial.replace(path)
        sync(path.parent)
    finally:
        partial.unlink(missing_ok=True)
    return rows


def _copied(release: Release, cut: Cut, path: Path) -> tuple[dict[str, int], bool]:
    """Rows by table, and whether all tables and columns of the contracts are there, which the Chinese views need."""
    # whole tables are written in one transaction, which takes more memory than pages
    with closing(Shelf(memory=duck.MEMORY_LIMIT)) as shelf, shelf.reading(release, cut) as query:
        seen = str(query("SELECT current_database() AS name")[0]["name"])
        # the shelf's own connection stays on the views
        connection = query.connection.cursor()
        tables = tables_of(connection, seen)
        connection.execute(f"ATTACH {duck.literal(str(path))} AS out")
        connection.execute("USE out")
        connection.execute("BEGIN")
        counts = {}
        for spec in published_contracts():
            if spec.name in tables:
                counts[spec.name] = _copy(connection, seen, spec, tables[spec.name], cut.scope)
        connection.execute("CREATE SCHEMA release")
        for name in tables:
            if name.startswith("release."):
                connection.execute(f"CREATE TABLE {name} AS FROM {seen}.{name}")
        for key, value in (("exported_for", cut.scope), ("exported_on", str(today().day))):
            connection.execute("INSERT INTO release.info VALUES (?, ?)", [key, value])
        connection.execute("COMMIT")
        connection.close()
    is_whole = all(set(spec.column_names) <= set(tables.get(spec.name, ())) for spec in published_contracts())
    return counts, is_whole


def _copy(
    connection: DuckDBPyConnection, seen: str, spec: Contract, present: Sequence[str], district: str
) -> int:
    """Copy a district's rows of a view, in the release's own columns; the number of rows."""
    columns = [name for name in present if name in spec.column_names]
    # public tables have rows of all districts
    own = f" WHERE district_code = {duck.literal(district)}" if "district_code" in columns else ""
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {spec.area}")
    connection.execute(
        f"CREATE TABLE {spec.name} AS SELECT {', '.join(columns)} FROM {seen}.{spec.name}{own}"
    )
    comment_on(connection, spec, columns)
    [rows] = connection.execute(f"SELECT count(*) FROM {spec.name}").fetchone() or [0]
    return int(rows)
