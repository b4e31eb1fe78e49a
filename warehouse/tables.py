"""Delta tables of a home: their folders, and how they are created, read, and replaced by period.

The module is one, above 300 lines: every function that reads, writes or repairs a table depends on how its log is
opened.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, Schema, Transaction
from deltalake.exceptions import DeltaError
from deltalake.transaction import AddAction

from schemas.contract import Contract, contract, table_comment
from schemas.errors import RejectedError
from schemas.field import Column, comment
from warehouse import engine
from warehouse.engines import Pinned
from warehouse.locks import held
from warehouse.settings import Settings, settings
from warehouse.state import remove, sync_all

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

#: Without deletion vectors every Delta reader can read the tables. Old versions are kept for ten years.
TABLE_PROPERTIES: dict[str, str | None] = {
    "delta.enableDeletionVectors": "false",
    "delta.logRetentionDuration": "interval 3650 days",
    "delta.deletedFileRetentionDuration": "interval 3650 days",
}

#: For tables that only the platform reads: rows are not sorted by a column, so statistics by file would skip nothing,
#: and collecting them takes an eighth of a write's time.
WITHOUT_STATISTICS = {"delta.dataSkippingNumIndexedCols": "0"}

LOCK_SECONDS = 600

#: Files below the first size are small; a period with this many of them is compacted; target size of its files.
SMALL_BYTES, MANY_FILES, COMPACTED_BYTES = 4 << 20, 64, 64 << 20


def table_path(name: str, config: Settings | None = None, table_version: int | None = None) -> Path:
    """Folder of a table: ``warehouse/<layer>/<area>/<table>``, without the area where it is the layer.

    From version 2 of the contract on the folder is ``<table>@2``; earlier versions stay unchanged in theirs. Without
    ``table_version`` it is the contract's present version.
    """
    spec = contract(name)
    root = (config or settings()).warehouse / spec.layer
    number = table_version or spec.version
    folder = spec.table if number == 1 else f"{spec.table}@{number}"
    return root / folder if spec.area == spec.layer else root / spec.area / folder


def all_versions(name: str) -> list[Path]:
    """Folders of all versions of a table that exist."""
    first = table_path(name, table_version=1)
    return [p for p in (first, *sorted(first.parent.glob(f"{first.name}@*"))) if (p / "_delta_log").is_dir()]


def exists(name: str) -> bool:
    return (table_path(name) / "_delta_log").is_dir()


def open_table(name: str, version: int | None = None) -> DeltaTable:
    """The Delta log of a table, read without Spark.

    Raises:
        RejectedError: the log is damaged.
    """
    return open_folder(table_path(name), version)


def open_folder(folder: Path, version: int | None = None) -> DeltaTable:
    """The Delta log of a folder.

    Raises:
        RejectedError: the log is damaged, or has an empty entry, which libraries take for one without changes.
    """
    if faulty := _faulty_entry(folder):
        raise RejectedError(f"{faulty}: this entry of the table's log is cut off or not an entry; {_MEND}")
    try:
        return DeltaTable(str(folder), version=version)
    except DeltaError as error:
        faulty = next((entry for entry in _entries(folder) if not _is_whole(entry)), folder / "_delta_log")
        line = str(error).splitlines()[0]
        raise RejectedError(f"{faulty}: the table's log is not readable ({line[:120]}); {_MEND}") from None


#: What to do about a lost file, as the end of a message.
_MEND = "restore it from a copy of the home, or see docs/operations/lost-files.md"


def _entries(folder: Path) -> list[Path]:
    return sorted((folder / "_delta_log").glob("*.json"))


#: Beginning of a log entry: its first action.
_ACTION = re.compile(rb'\s*\{\s*"(commitInfo|protocol|metaData|add|remove|txn|cdc|domainMetadata)"')


def _faulty_entry(folder: Path) -> Path | None:
    """A log entry that does not begin with an action; libraries take it for one without changes."""
    with suppress(FileNotFoundError), os.scandir(folder / "_delta_log") as found:
        for entry in found:
            if entry.name.endswith(".json"):
                status = entry.stat()
                if not _begins_with_action(entry.path, status.st_size, status.st_mtime_ns):
                    return Path(entry.path)
    return None


@lru_cache(maxsize=1 << 16)
def _begins_with_action(entry: str, size: int, changed_ns: int) -> bool:
    """Whether a log entry begins with an action; cached until it changes, since logs grow long and are opened often."""
    if not size:
        return False
    with Path(entry).open("rb") as file:
        return _ACTION.match(file.read(64)) is not None


def _is_whole(entry: Path) -> bool:
    """Whether a log entry has lines and each is an action."""
    try:
        actions = [json.loads(line) for line in entry.read_text("utf-8").splitlines()]
    except ValueError:
        return False
    return bool(actions) and all(isinstance(action, dict) for action in actions)


def drop_unconfirmed(folder: Path, counts: Callable[[int], bool] = lambda _: False) -> None:
    """Remove the last entry of a log if it is cut off: a power cut ended its commit.

    Only for a writer who knows that the commit was never confirmed. A confirmed commit is on disk (:func:`confirmed`).

    Args:
        counts: whether something names a version; its entry then stays, and reading it is an error.
    """
    if not (entries := _entries(folder)):
        return
    last = entries[-1]
    if not _is_whole(last) and not counts(int(last.stem)):
        remove(last)


@contextmanager
def confirmed(folder: Path) -> Iterator[None]:
    """On exit, all commits made meanwhile to a table's folder are on disk: data, log entries, names."""
    before = set(_entries(folder))
    yield
    new = [entry for entry in _entries(folder) if entry not in before]
    lines = (json.loads(line) for entry in new for line in entry.read_text("utf-8").splitlines())
    added = [folder / unquote(line["add"]["path"]) for line in lines if "add" in line]
    sync_all([path for path in added if path.exists()], folder)
    sync_all(new, folder.parent)


def version(name: str) -> int:
    return int(open_table(name).version())


def create_if_absent(spec: Contract, published: Path | None = None) -> None:
    """Create an empty table with comments, NOT NULL and properties of its contract, or add new columns to a table.

    The log's first entry is written without Spark, in milliseconds instead of seconds.

    Raises:
        RejectedError: the contract differs from the existing table in more than new columns.
    """
    path = published or table_path(spec.name)
    if (path / "_delta_log").is_dir():
        if published is None:  # a published table is written with its schema
            _add_columns(spec)
        return
    with confirmed(path):
        DeltaTable.create(
            str(path),
            _schema_of(spec),
            mode="ignore",
            partition_by=[spec.period] if spec.period else None,
            name=spec.name,
            description=table_comment(spec),
            configuration=TABLE_PROPERTIES | ({} if published else WITHOUT_STATISTICS),
        )


def delta_schema(spec: Contract) -> pa.Schema:
    """The contract's Arrow schema with comments in the form that Delta stores."""
    by_name = {c.name: c for c in spec.columns}
    return pa.schema([f.with_metadata({"comment": comment(by_name[f.name])}) for f in spec.arrow_schema()])


def fits(table: DeltaTable, spec: Contract) -> bool:
    """Whether a table has exactly the contract's columns, types and comments."""
    return _delta_fields(table.schema()) == _delta_fields(_schema_of(spec))


def columns_to_add(spec: Contract) -> list[Column]:
    """Columns of the contract that its table does not have yet.

    Raises:
        RejectedError: the contract differs from the table in more than new columns.
    """
    table = open_table(spec.name)
    existing, wanted = _delta_fields(table.schema()), _delta_fields(_schema_of(spec))
    faults = [f"no column {name} any more" for name in existing if name not in wanted]
    for name in wanted.keys() & existing.keys():
        if existing[name]["type"] != wanted[name]["type"]:
            faults.append(f"{name} is {_type_name(wanted[name])}, was {_type_name(existing[name])}")
        elif wanted[name]["nullable"] and not existing[name]["nullable"]:
            faults.append(f"{name} may be missing, was required")
    period = table.metadata().partition_columns
    if period != ([spec.period] if spec.period else []):
        faults.append(f"its period is {spec.period}, was {', '.join(period) or 'none'}")
    added = [c for c in spec.columns if c.name not in existing]
    if faults:
        new = f"; new: {', '.join(c.name for c in added)}" if added else ""
        raise RejectedError(
            f"{spec.name}: the contract does not fit the table: {'; '.join(sorted(faults))}{new}; columns may be "
            f"added, anything else needs version: {spec.version + 1} in schemas/{spec.area}/{spec.table}.yml"
        )
    return added


def _add_columns(spec: Contract) -> None:
    """Add the contract's new columns to a table; they are missing in existing rows."""
    if not columns_to_add(spec):
        return
    with committing(spec.name):
        added = {c.name for c in columns_to_add(spec)}  # another process may have added some
        schema = delta_schema(spec)
        # existing rows lack them, so an added column cannot be NOT NULL
        fields = [schema.field(c.name).with_nullable(True) for c in spec.columns if c.name in added]
        if fields:
            open_table(spec.name).alter.add_columns(Schema.from_arrow(pa.schema(fields)).fields)


def _schema_of(spec: Contract) -> Schema:
    return Schema.from_arrow(delta_schema(spec))


def _delta_fields(schema: Schema) -> dict[str, dict[str, Any]]:
    return {f["name"]: f for f in json.loads(schema.to_json())["fields"]}


def _type_name(field: dict[str, Any]) -> str:
    kind = field["type"]
    return kind if isinstance(kind, str) else f"{kind['type']}<{kind.get('elementType', '')}>"


def read(name: str, version: int | None = None) -> DataFrame:
    """A table as a DataFrame of the engine, at the latest or the given version; empty if never written."""
    spec = contract(name)
    create_if_absent(spec)
    session = engine.connect()
    return engine.kind().read(session, _pinned(spec, open_table(name, version)), settings().scratch)


def check_data(table: DeltaTable, folder: Path) -> pa.Table:
    """The log's add actions of a table's version, after a check that each data file exists with its size.

    Raises:
        RejectedError: a file is missing or has another size.
    """
    files = pa.table(table.get_add_actions(flatten=True))
    for name, size in zip(
        files.column("path").to_pylist(), files.column("size_bytes").to_pylist(), strict=True
    ):
        path = folder / unquote(name)
        has = path.stat().st_size if path.exists() else None
        if has != size:
            what = "does not exist" if has is None else f"has {has:,} of its {size:,} bytes"
            raise RejectedError(f"{path}: this file of the table {what}; {_MEND}")
    return files


def _pinned(spec: Contract, table: DeltaTable) -> Pinned:
    folder = table_path(spec.name)
    files = check_data(table, folder)
    # paths in the log are URL-encoded, and so are the periods in them
    paths = [folder / unquote(path) for path in files.column("path").to_pylist()]
    periods = files.column(f"partition.{spec.period}").to_pylist() if spec.period else [""] * len(paths)
    return Pinned(spec, folder, int(table.version()), tuple(zip(periods, paths, strict=True)))


@dataclass(frozen=True)
class DataFile:
    """A Parquet file to be added to a table: its present path, its partition, its number of rows."""

    path: Path
    partition: dict[str, str]
    rows: int


def add_files(
    files: Sequence[DataFile],
    spec: Contract,
    metadata: dict[str, Any],
    transaction: tuple[str, int] | None = None,
    replaced: Sequence[str] = (),
) -> None:
    """Add files to a table in one commit; they are moved into its folder, which must exist on the same disk.

    The files are on disk before the commit names them; the commit is on disk when this returns.

    Args:
        transaction: application and number, which the table records (``DeltaTable.transaction_version``).
        replaced: periods whose present files these replace.
    """
    placed = [replace(file, path=file.path.replace(_place(spec, file.partition))) for file in files]
    _commit(placed, spec, metadata, transaction, replaced)


def _place(spec: Contract, partition: Mapping[str, str]) -> Path:
    """Path for a new file of a partition; its folder is created."""
    folder = table_path(spec.name).joinpath(*(f"{name}={value}" for name, value in partition.items()))
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{uuid4()}.parquet"


def _commit(
    files: Sequence[DataFile],
    spec: Contract,
    metadata: dict[str, Any],
    transaction: tuple[str, int] | None = None,
    replaced: Sequence[str] = (),
) -> None:
    """Commit files that are in a table's folder already."""
    folder = table_path(spec.name)
    sync_all([file.path for file in files], folder)
    actions = []
    for file in files:
        status, stats = file.path.stat(), json.dumps({"numRecords": file.rows})
        name, written = file.path.relative_to(folder).as_posix(), int(status.st_mtime * 1000)
        actions.append(AddAction(name, status.st_size, file.partition, written, True, stats))
    with committing(spec.name):
        open_table(spec.name).create_write_transaction(
            actions,
            "overwrite" if replaced else "append",
            _schema_of(spec),
            partition_by=[spec.period] if spec.period else None,
            partition_filters=[(spec.period, "in", list(replaced))] if replaced else None,
            commit_properties=_properties(metadata, transaction),
        )


def compact(spec: Contract, periods: Iterable[str]) -> int:
    """Compact the small files of some periods of a table; return the number of files replaced.

    Rows and their order within files do not change; earlier versions keep their files. Periods with few small files
    are skipped, so that each row is rewritten only a few times.
    """
    with committing(spec.name):
        table = open_table(spec.name)
        found = pa.table(table.get_add_actions(flatten=True)).select(
            [f"partition.{spec.period}", "size_bytes"]
        )
        small = Counter(
            period
            for period, size in zip(*(column.to_pylist() for column in found.columns), strict=True)
            if size < SMALL_BYTES
        )
        wanted = sorted(period for period in periods if small[period] >= MANY_FILES)
        if not wanted:
            return 0
        done = table.optimize.compact([(spec.period, "in", wanted)], target_size=COMPACTED_BYTES)
    return int(done["numFilesRemoved"])


def add_rows(rows: Sequence[dict[str, Any]], spec: Contract, metadata: dict[str, Any]) -> None:
    """Add a few rows in one commit, without Spark."""
    create_if_absent(spec)
    table = pa.Table.from_pylist(list(rows), schema=spec.arrow_schema())
    parts = {"": table}
    if spec.period:
        periods = table[spec.period].unique().to_pylist()
        parts = {period: _without(table, spec.period, period) for period in periods}
    files = []
    for period, part in parts.items():
        partition = {spec.period: period} if spec.period else {}
        file = DataFile(_place(spec, partition), partition, part.num_rows)
        pq.write_table(part, file.path)
        files.append(file)
    _commit(files, spec, metadata)


def _without(table: pa.Table, column: str, value: str) -> pa.Table:
    """Rows with a value in a column, without that column: a partition's files do not have it."""
    return table.filter(pc.field(column) == value).drop_columns(column)


def _properties(metadata: dict[str, Any], transaction: tuple[str, int] | None = None) -> CommitProperties:
    return CommitProperties(
        custom_metadata={"userMetadata": json.dumps(metadata, ensure_ascii=False)},
        app_transactions=[Transaction(*transaction)] if transaction else None,
    )


@contextmanager
def committing(name: str) -> Iterator[None]:
    """Hold a table's commit lock: on a plain disk Delta does not prevent two processes from writing one version.

    On exit the commits are on disk.
    """
    refusal = f"another commit to {name} has been running for {LOCK_SECONDS // 60} minutes; stop its process"
    with held(settings().locks, f"commit-{name}", LOCK_SECONDS, refusal), confirmed(table_path(name)):
        yield


def replace_periods(
    frame: DataFrame, spec: Contract, periods: Iterable[str], metadata: dict[str, Any]
) -> int:
    """Replace complete periods in one commit; return the number of their new rows.

    The engine writes files outside the table. They become part of it only after they are checked: a row that does not
    fit the contract or is outside the periods is an error.
    """
    create_if_absent(spec)
    replaced = sorted(periods)
    with _written(frame, spec) as files:
        check_files(files, spec, replaced)
        add_files(files, spec, metadata, replaced=replaced)
    return sum(file.rows for file in files)


@contextmanager
def _written(frame: DataFrame, spec: Contract) -> Iterator[list[DataFile]]:
    """A frame's rows as Parquet files by period; files that were not moved are removed on exit."""
    assert spec.period
    folder = settings().scratch / f"{spec.name}-{uuid4().hex[:8]}"
    try:
        frame.select(*spec.column_names).write.partitionBy(spec.period).parquet(str(folder))
        yield files_in(folder, spec)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def files_in(folder: Path, spec: Contract) -> list[DataFile]:
    """The Parquet files of a table that the engine wrote into a folder, by period."""
    assert spec.period
    return [
        DataFile(
            path, {spec.period: unquote(path.parent.name.partition("=")[2])}, pq.read_metadata(path).num_rows
        )
        for path in sorted(folder.glob("*/*.parquet"))
    ]


def check_files(files: Iterable[DataFile], spec: Contract, periods: Iterable[str]) -> None:
    """Check files against the contract: columns, types, no missing value in a required column, no other period.

    Raises:
        RejectedError: a file does not fit, since a job computed something else than its contract says.
    """
    allowed = set(periods)
    wanted = {f.name: f for f in spec.arrow_schema() if f.name != spec.period}
    for file in files:
        period = file.partition[spec.period or ""]
        if period not in allowed:
            asked = ", ".join(sorted(allowed))
            raise RejectedError(f"{spec.name}: rows of {period} were computed, but only {asked} asked for")
        parquet = pq.ParquetFile(file.path)
        types = {f.name: f.type for f in parquet.schema_arrow}
        for name, column in wanted.items():
            if name not in types or not _same_type(types[name], column.type):
                raise RejectedError(
                    f"{spec.name}: {name} must be {column.type}, but was computed as {types.get(name, 'nothing')}"
                )
            if not column.nullable and _has_missing(parquet, name):
                raise RejectedError(f"{spec.name}: {name} is required, but missing in rows of {period}")


def _same_type(found: pa.DataType, wanted: pa.DataType) -> bool:
    """Whether both types have the same values; the variant of string and the name of array items are ignored."""
    if pa.types.is_list(wanted):
        return pa.types.is_list(found) and _same_type(found.value_type, wanted.value_type)
    if pa.types.is_timestamp(wanted):
        return pa.types.is_timestamp(found) and found.unit == wanted.unit and found.tz is not None
    return bool(found == wanted or (pa.types.is_string(wanted) and pa.types.is_string_view(found)))


def _has_missing(file: pq.ParquetFile, name: str) -> bool:
    """Whether a column lacks a value in any row, by the file's statistics or, without them, by its values."""
    metadata = file.metadata
    leaves = {metadata.schema.column(n).path.split(".")[0]: n for n in range(metadata.num_columns)}
    column = metadata.schema.column(leaves[name])
    if column.max_definition_level == 0:
        return False
    if "." not in column.path:
        known = [
            metadata.row_group(g).column(leaves[name]).statistics for g in range(metadata.num_row_groups)
        ]
        if all(s is not None and s.has_null_count for s in known):
            return any(s.null_count for s in known)
    return bool(file.read([name]).column(0).null_count)


def delete(spec: Contract, condition: str) -> None:
    """Delete rows, without Spark."""
    with committing(spec.name):
        open_table(spec.name).delete(condition)


def commit_metadata(name: str, version: int | None = None) -> Iterator[dict[str, Any]]:
    """The platform's metadata of commits, latest first; commits without it (OPTIMIZE) are skipped."""
    if not exists(name):
        return
    for entry in open_table(name, version).history():
        if text := entry.get("userMetadata"):
            yield json.loads(text)


def rows(name: str, columns: Sequence[str] | None = None, version: int | None = None) -> pa.Table:
    """A small table as Arrow, read without Spark; empty if it was never written."""
    if not exists(name):
        schema = contract(name).arrow_schema()
        return schema.empty_table().select(list(columns) if columns else schema.names)
    table = open_table(name, version)
    check_data(table, table_path(name))
    return table.to_pyarrow_table(columns=list(columns) if columns else None)


@contextmanager
def writing(what: str) -> Iterator[None]:
    """Hold the lock of a kind of writer (``ingest``, ``run``, ``publish``): one at a time in a home."""
    minutes = LOCK_SECONDS // 60
    refusal = f"another {what} has been running for {minutes} minutes; wait for it or stop it"
    waits = (
        f"another {what} is running in {settings().home}; this one waits for it, {minutes} minutes at most"
    )
    with held(settings().locks, what, LOCK_SECONDS, refusal, waits):
        yield
