"""Building a release: a draft of its file, into which only changed periods are copied, and its published tables.

A period of a table is unchanged if the same Parquet files have it. All other periods are copied again.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
from deltalake import CommitProperties, write_deltalake

from schemas.contract import Contract, contract, table_comment
from schemas.duckdb_types import reader_type, stored_selection
from schemas.errors import RejectedError
from schemas.field import comment
from warehouse.content import Content, Contents, content_by_period, one_of, total
from warehouse.duck import building, connect, literal, load_delta, scan
from warehouse.releases import Release, checksum, is_named, next_number, published_path
from warehouse.settings import settings
from warehouse.tables import confirmed, create_if_absent, delta_schema, drop_unconfirmed, fits, open_folder

#: Table → its folder and version.
Pins = Mapping[str, tuple[Path, int]]
#: Period → names of its Parquet files.
Files = Mapping[str, frozenset[str]]

#: A draft begins as a copy of the last release's file if at least this share of its rows is unchanged.
LEAST_KEPT = 0.2
BATCH_ROWS = 20_000


@dataclass(frozen=True)
class Draft:
    """A release file under construction with the pinned tables, and the content of each table's periods."""

    path: Path
    contents: Contents

    def content(self, name: str) -> Content:
        """Content of a table over all periods."""
        return total(self.contents[name].values())

    def hashes(self) -> dict[str, str]:
        """Table → canonical hash of its content."""
        return {name: self.content(name).hash for name in self.contents}


@contextmanager
def draft(pins: Pins, progress: Callable[[str, int], None], last: Release | None = None) -> Iterator[Draft]:
    """Copy pinned Delta tables into a new DuckDB file, in key order, with comments; removed if left unused.

    Args:
        progress: called with the table and the number of rows copied.
        last: a release; periods that its file has unchanged are not copied again.
    """
    settings().releases.mkdir(parents=True, exist_ok=True)
    path = settings().releases / f"draft-{os.getpid()}.duckdb"
    files = {name: _files_by_period(contract(name), *pin) for name, pin in pins.items()}
    kept = _kept(pins, files, last) if last else {}
    contents: dict[str, dict[str, Content]] = {}
    try:
        if last and kept:
            shutil.copyfile(last.file, path)
        with building(path) as connection:
            load_delta(connection)
            if kept:
                _drop_others(connection, kept)
            for name, (folder, version) in pins.items():
                contents[name] = dict(kept.get(name, {}))
                missing = sorted(files[name].keys() - contents[name].keys())
                if missing or not kept.get(name):
                    contents[name] |= _copied(connection, contract(name), folder, version, missing)
                    progress(name, total(contents[name][p] for p in missing if p in contents[name]).rows)
                comment_on(connection, contract(name))
        yield Draft(path, contents)
    finally:
        path.unlink(missing_ok=True)
        path.with_suffix(".duckdb.wal").unlink(missing_ok=True)


def _kept(pins: Pins, files: Mapping[str, Files], last: Release) -> Contents:
    """Table → period → content: periods that a release's file has unchanged, with the columns and types of today.

    Empty where they are so few that building a new file is faster, or where the file is no longer the release's.

    Args:
        files: files of the pinned tables.
    """
    if checksum(last.file) != last.manifest["file"]["sha256"]:
        return {}
    columns, made_from = _columns(last.file), last.made_from["inputs"]
    versions_then = last.manifest.get("table_versions", {})
    kept = {}
    for name, contents in last.contents.items():
        if name not in pins or name not in made_from:
            continue
        spec, (folder, version) = contract(name), pins[name]
        # another version of a contract has another folder
        wanted = [(c.name, reader_type(c)) for c in spec.columns]
        if versions_then.get(name, 1) != spec.version or columns.get(name) != wanted:
            continue
        now = files[name]
        then = now if made_from[name] == version else _files_by_period(spec, folder, made_from[name])
        kept[name] = {p: held for p, held in contents.items() if now.get(p) == then.get(p)}
    rows = total(held for periods in kept.values() for held in periods.values()).rows
    return kept if rows >= LEAST_KEPT * sum(table.rows for table in last.tables.values()) else {}


def _columns(file: Path) -> dict[str, list[tuple[str, str]]]:
    """Table → names and types of its columns."""
    with connect(file, read_only=True) as connection:
        found = connection.execute(
            "SELECT schema_name || '.' || table_name, column_name, data_type FROM duckdb_columns() "
            "WHERE NOT internal ORDER BY table_oid, column_index"
        ).fetchall()
    columns: dict[str, list[tuple[str, str]]] = {}
    for table, column, kind in found:
        columns.setdefault(table, []).append((column, kind))
    return columns


def _files_by_period(spec: Contract, folder: Path, version: int) -> Files:
    """Period → names of its Parquet files at a version; a file never changes under its name."""
    found = pa.table(open_folder(folder, version).get_add_actions(flatten=True))
    files: dict[str, set[str]] = {}
    for period, path in zip(
        found.column(f"partition.{spec.period}").to_pylist(), found.column("path").to_pylist(), strict=True
    ):
        files.setdefault(str(period), set()).add(path)
    return {period: frozenset(paths) for period, paths in files.items()}


def _drop_others(connection: duckdb.DuckDBPyConnection, kept: Contents) -> None:
    """Delete from a copy of a release's file all but the kept periods; new rows reuse the freed space."""
    connection.execute("DROP SCHEMA draft.release CASCADE")
    connection.execute("DROP SCHEMA IF EXISTS draft.cn CASCADE")
    for (name,) in connection.execute(
        "SELECT schema_name || '.' || table_name FROM duckdb_tables() WHERE database_name = 'draft'"
    ).fetchall():
        if not kept.get(name):
            connection.execute(f"DROP TABLE draft.{name}")
        else:
            period = contract(name).period or ""
            connection.execute(f"DELETE FROM draft.{name} WHERE NOT ({one_of(period, kept[name])})")
    connection.execute("CHECKPOINT draft")


def _copied(
    connection: duckdb.DuckDBPyConnection, spec: Contract, folder: Path, version: int, periods: Iterable[str]
) -> dict[str, Content]:
    """Copy some periods of a table at a version; return their content."""
    assert spec.period
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {spec.area}")
    columns = ", ".join(spec.column_names)
    # the latest period first: most readers look for it, and LIMIT shows rows of it
    order = ", ".join([f"{spec.period} DESC", *(c for c in spec.key if c != spec.period)])
    given = scan(folder, version)
    try:
        typed = ", ".join(f"{c.name} {reader_type(c)}" for c in spec.columns)
        connection.execute(f"CREATE TABLE IF NOT EXISTS {spec.name} ({typed})")
        where = one_of(spec.period, periods)
        connection.execute(
            f"INSERT INTO {spec.name} SELECT {columns} FROM {given} WHERE {where} ORDER BY {order}"
        )
    except duckdb.Error as error:
        line = str(error).splitlines()[0]
        raise RejectedError(f"{spec.name}: version {version} cannot be copied: {line[:200]}") from None
    return content_by_period(connection, spec, periods)


def comment_on(
    connection: duckdb.DuckDBPyConnection, spec: Contract, present: Collection[str] | None = None
) -> None:
    """Give a table and its columns their titles, units and meanings as comments.

    Args:
        present: columns that the table has, if it is that of an older release.
    """
    connection.execute(f"COMMENT ON TABLE {spec.name} IS {literal(table_comment(spec))}")
    for column in spec.columns:
        if present is not None and column.name not in present:
            continue
        connection.execute(f"COMMENT ON COLUMN {spec.name}.{column.name} IS {literal(comment(column))}")


def remove_leftovers() -> None:
    """Remove the leftovers of a killed publisher: drafts, partial manifests, the file of a release without manifest.

    Only for the holder of the lock ``publish``: another publisher's files may be in use.
    """
    folder = settings().releases
    for pattern in ("draft-*", "*.partial", f"release-{next_number()}.duckdb*"):
        for path in folder.glob(pattern):
            path.unlink()


# --- published tables ----------------------------------------------------------------------------------


def write_published(draft: Draft, name: str, last: Release | None = None) -> int:
    """Write a draft's table to its published Delta table; return the version with that content.

    Published tables have one writer, this function. If a killed run left a version with the same content, it is used.
    If the table is still as the last release names it, only differing periods are replaced; otherwise the whole table
    is.
    """
    spec, path, wanted = contract(name), published_path(name), draft.content(name).hash
    drop_unconfirmed(path, lambda version: is_named(name, version))
    create_if_absent(spec, path)
    table = open_folder(path)
    held = table.history(1)[0].get("content_hash")
    if held == wanted:
        return int(table.version())
    before = last.tables.get(name) if last else None
    only = None
    if (
        last
        and before
        and (held, table.version()) == (before.content_hash, before.version)
        and fits(table, spec)
    ):
        only = _differing(draft.contents[name], last.contents.get(name))
    with confirmed(path):
        _write(draft.path, spec, only, {"content_hash": wanted})
    return int(open_folder(path).version())


def _differing(contents: Mapping[str, Content], before: Mapping[str, Content] | None) -> list[str] | None:
    """Periods whose content differs from before; None if the content before is unknown."""
    if before is None:
        return None
    return sorted(p for p in contents.keys() | before.keys() if contents.get(p) != before.get(p))


def _write(
    release_file: Path, spec: Contract, periods: Iterable[str] | None, metadata: dict[str, str]
) -> None:
    schema = delta_schema(spec)
    period = spec.period or ""
    where = None if periods is None else one_of(period, periods)
    with connect(release_file, read_only=True) as connection:
        columns = stored_selection(spec.columns)
        rows = f"SELECT {columns} FROM {spec.name}{f' WHERE {where}' if where else ''}"
        reader = connection.execute(rows).to_arrow_reader(BATCH_ROWS)
        batches = (pa.record_batch(list(b.cast(schema).columns), schema=schema) for b in reader)
        write_deltalake(
            str(published_path(spec.name)),
            pa.RecordBatchReader.from_batches(schema, batches),
            mode="overwrite",
            partition_by=[period],
            schema_mode=None if where else "overwrite",
            predicate=where,
            commit_properties=CommitProperties(custom_metadata=metadata),
        )
