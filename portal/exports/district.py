"""A district's own DuckDB file 区县数据包: its rows of a release and no others, as its offices may see them.

A file has no users: who has it reads all of it. So it holds what the offices of the district see without the statistics
office's right, on the day on which it was made; a consent that is withdrawn later asks for a new file.
"""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

from ingest.register.today import today
from portal.access import consent, views
from portal.access.description import of_description, tables_of
from portal.access.viewer import Viewer
from schemas.contract import published_contracts
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
    viewer = Viewer("export", "district", district)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    partial.unlink(missing_ok=True)
    try:
        rows, is_whole = _copied(release, viewer, partial, today().day)
        if is_whole:
            add_views(partial)
        sync(partial)
        partial.replace(path)
        sync(path.parent)
    finally:
        partial.unlink(missing_ok=True)
    return rows


def _copied(release: Release, viewer: Viewer, path: Path, day: date) -> tuple[dict[str, int], bool]:
    """Rows by table, and whether all tables and columns of the contracts are there, which the Chinese views need."""
    with duck.connect() as connection:
        connection.execute(f"ATTACH {duck.literal(str(release.file))} AS release_file (READ_ONLY)")
        connection.execute(f"ATTACH {duck.literal(str(path))} AS out")
        tables = tables_of(connection, "release_file")
        connection.execute(
            f"CREATE TABLE memory.main.consents AS {consent.consents('release_file', tables, day)}"
        )
        connection.execute("BEGIN")
        connection.execute("USE out")
        counts = {}
        for spec in published_contracts():
            if spec.name not in tables:
                continue
            columns = [name for name in tables[spec.name] if name in spec.column_names]
            cut = views.select(spec, columns, viewer.cut, "release_file", "memory.main.consents")
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {spec.area}")
            # public tables have rows of all districts
            own = f" WHERE district_code = {duck.literal(viewer.scope)}" if "district_code" in columns else ""
            # the file has the release's columns and no others
            connection.execute(f"CREATE TABLE {spec.name} AS SELECT {', '.join(columns)} FROM ({cut}){own}")
            comment_on(connection, spec, columns)
            [counts[spec.name]] = connection.execute(f"SELECT count(*) FROM {spec.name}").fetchone() or [0]
        connection.execute("CREATE SCHEMA release")
        for name in tables:
            if name.startswith("release."):
                of = of_description("release_file", name.removeprefix("release."), viewer.cut)
                connection.execute(f"CREATE TABLE {name} AS {of}")
        for key, value in (("exported_for", viewer.scope), ("exported_on", str(day))):
            connection.execute("INSERT INTO release.info VALUES (?, ?)", [key, value])
        connection.execute("COMMIT")
    is_whole = all(set(spec.column_names) <= set(tables.get(spec.name, ())) for spec in published_contracts())
    return counts, is_whole
