"""Delta tables of a home: where they lie, how they are made, read, and replaced by period.

The module is one, above 300 lines: every way to read, write or mend a table rests on how its log is opened.
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

#: Curated tables stay readable by every Delta reader; old versions live until retention says otherwise.
TABLE_PROPERTIES: dict[str, str | None] = {
    "delta.enableDeletionVectors": "false",
    "delta.logRetentionDuration": "interval 3650 days",
    "delta.deletedFileRetentionDuration": "interval 3650 days",
}

#: Of tables that only the platform reads: their rows lie in no order of a column, so that statistics by file
#: would skip nothing, and they take an eighth of the time of a write.
WITHOUT_STATISTICS = {"delta.dataSkippingNumIndexedCols": "0"}

LOCK_SECONDS = 600

#: Files of a period that are put together when there are so many of them, and the size that is aimed at.
SMALL_BYTES, MANY_FILES, COMPACTED_BYTES = 4 << 20, 64, 64 << 20


def table_path(name: str, config: Settings | None = None, table_version: int | None = None) -> Path:
    """Folder of a table: ``warehouse/<layer>/<area>/<table>``, the area left out where it is the layer.

    From version 2 of its contract on ``<table>@2``: earlier versions stay where and as they are. The version in
    force where none is given.
    """
    spec = contract(name)
    root = (config or settings()).warehouse / spec.layer
    number = table_version or spec.version
    folder = spec.table if number == 1 else f"{spec.table}@{number}"
    return root / folder if spec.area == spec.layer else root / spec.area / folder


def all_versions(name: str) -> list[Path]:
    """Folders of all versions of a table that were ever written."""
    first = table_path(name, table_version=1)
    return [p for p in (first, *sorted(first.parent.glob(f"{first.name}@*"))) if (p / "_delta_log").is_dir()]


def exists(name: str) -> bool:
    return (table_path(name) / "_delta_log").is_dir()


def open_table(name: str, version: int | None = None) -> DeltaTable:
    """The Delta log of a table, read without Spark.

    Raises:
        RejectedError: the log is not whole.
    """
    return open_folder(table_path(name), version)


def open_folder(folder: Path, version: int | None = None) -> DeltaTable:
    """The Delta log of a folder.

    Raises:
        RejectedError: the log is not whole; an empty entry, which libraries read as one that changed nothing, included.
    """
    if faulty := _faulty_entry(folder):
        raise RejectedError(f"{faulty}: this entry of the table's log is cut off or no entry; {_MEND}")
    try:
        return DeltaTable(str(folder), version=version)
    except DeltaError as error:
        faulty = next((entry for entry in _entries(folder) if not _is_whole(entry)), folder / "_delta_log")
        line = str(error).splitlines()[0]
        raise RejectedError(f"{faulty}: the table's log is not readable ({line[:120]}); {_MEND}") from None


#: What a person can do about a file that the disk has lost.
_MEND = "put it back from a copy of the home, or see docs/operations/lost-files.md"


def _entries(folder: Path) -> list[Path]:
    return sorted((folder / "_delta_log").glob("*.json"))


#: How an entry of a log begins: the first of its actions.
_ACTION = re.compile(rb'\s*\{\s*"(commitInfo|protocol|metaData|add|remove|txn|cdc|domainMetadata)"')


def _faulty_entry(folder: Path) -> Path | None:
    """An entry of the log that does not begin with an action: libraries read it as one that changed nothing."""
    with suppress(FileNotFoundError), os.scandir(folder / "_delta_log") as found:
        for entry in found:
            if entry.name.endswith(".json"):
                status = entry.stat()
                if not _begins_with_action(entry.path, status.st_size, status.st_mtime_ns):
                    return Path(entry.path)
    return None


@lru_cache(maxsize=1 << 16)
def _begins_with_action(entry: str, size: int, changed_ns: int) -> bool:
    """Whether an entry of a log is one; read once while it stays as it is, for logs grow long and are opened often."""
    if not size:
        return False
    with Path(entry).open("rb") as file:
        return _ACTION.match(file.read(64)) is not None


def _is_whole(entry: Path) -> bool:
    """Whether an entry of a log has lines, each of which is an action."""
    try:
        actions = [json.loads(line) for line in entry.read_text("utf-8").splitlines()]
    except ValueError:
        return False
    return bool(actions) and all(isinstance(action, dict) for action in actions)


def drop_unconfirmed(folder: Path, counts: Callable[[int], bool] = lambda _: False) -> None:
    """Remove the last entry of a log if it is cut off: a commit that did not end before the power went.

    For the writer who knows that whoever made the entry was never told of it. A commit that was told is on disk
    (:func:`confirmed`).

    Args:
        counts: whether something names a version; its entry stays, and is an error to whoever reads it.
    """
    if not (entries := _entries(folder)):
        return
    last = entries[-1]
    if not _is_whole(last) and not counts(int(last.stem)):
        remove(last)


@contextmanager
def confirmed(folder: Path) -> Iterator[None]:
    """What is committed to a table's folder meanwhile is on disk when this ends: data, entries of the log, names."""
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
    """Make an empty table with comments, NOT NULL and properties from its contract; add columns to one that exists.

    The log's first entry is written without Spark: it costs milliseconds instead of seconds.

    Raises:
        RejectedError: the table that exists cannot become what the contract says.
    """
    path = published or table_path(spec.name)
    if (path / "_delta_log").is_dir():
        if published is None:  # a published table is written whole, with its schema
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
    """The contract's Arrow schema with its comments as Delta keeps them."""
    by_name = {c.name: c for c in spec.columns}
    return pa.schema([f.with_metadata({"comment": comment(by_name[f.name])}) for f in spec.arrow_schema()])


def fits(table: DeltaTable, spec: Contract) -> bool:
    """Whether a table has the contract's columns, types and comments, no more and no less."""
    return _delta_fields(table.schema()) == _delta_fields(_schema_of(spec))


def columns_to_add(spec: Contract) -> list[Column]:
    """Columns of the contract that its table does not have yet.

    Raises:
        RejectedError: the contract differs in more than columns that it adds.
    """
    table = open_table(spec.name)
    there, wanted = _delta_fields(table.schema()), _delta_fields(_schema_of(spec))
    faults = [f"no column {name} any more" for name in there if name not in wanted]
    for name in wanted.keys() & there.keys():
        if there[name]["type"] != wanted[name]["type"]:
            faults.append(f"{name} is {_type_name(wanted[name])}, was {_type_name(there[name])}")
        elif wanted[name]["nullable"] and not there[name]["nullable"]:
            faults.append(f"{name} may be missing, was required")
    period = table.metadata().partition_columns
    if period != ([spec.period] if spec.period else []):
        faults.append(f"its period is {spec.period}, was {', '.join(period) or 'none'}")
    added = [c for c in spec.columns if c.name not in there]
    if faults:
        new = f"; new: {', '.join(c.name for c in added)}" if added else ""
        raise RejectedError(
            f"{spec.name}: the contract is not that of the table: {'; '.join(sorted(faults))}{new}; columns may be "
            f"added, anything else needs version: {spec.version + 1} in schemas/{spec.area}/{spec.table}.yml"
        )
    return added


def _add_columns(spec: Contract) -> None:
    """Give a table the columns that its contract has gained; rows that exist have them missing."""
    if not columns_to_add(spec):
        return
    with committing(spec.name):
        added = {c.name for c in columns_to_add(spec)}  # another process may have been first
        schema = delta_schema(spec)
        # what exists lacks them: no column that is added can be NOT NULL
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
    """A table as a DataFrame of the engine, at a version when given; empty when it was never written."""
    spec = contract(name)
    create_if_absent(spec)
    session = engine.connect()
    return engine.kind().read(session, _pinned(spec, open_table(name, version)), settings().scratch)


def check_data(table: DeltaTable, folder: Path) -> pa.Table:
    """The data files of a table's version as its log tells of them, each of which is there with its size.

    Raises:
        RejectedError: one is not.
    """
    found = pa.table(table.get_add_actions(flatten=True))
    for name, size in zip(
        found.column("path").to_pylist(), found.column("size_bytes").to_pylist(), strict=True
    ):
        path = folder / unquote(name)
        has = path.stat().st_size if path.exists() else None
        if has != size:
            what = "is not there" if has is None else f"has {has:,} of its {size:,} bytes"
            raise RejectedError(f"{path}: this file of the table {what}; {_MEND}")
    return found


def _pinned(spec: Contract, table: DeltaTable) -> Pinned:
    folder = table_path(spec.name)
    found = check_data(table, folder)
    # names in the log are escaped, and so are the periods in them
    paths = [folder / unquote(path) for path in found.column("path").to_pylist()]
    periods = found.column(f"partition.{spec.period}").to_pylist() if spec.period else [""] * len(paths)
    return Pinned(spec, folder, int(table.version()), tuple(zip(periods, paths, strict=True)))


@dataclass(frozen=True)
class DataFile:
    """A Parquet file that is to become part of a table: where it lies now, its partition, its rows."""

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
    """Make files part of a table in one commit; they are moved into its folder, which is there, on the same disk.

    They are on disk before the commit names them, and the commit is when this returns.

    Args:
        transaction: application and number, which the table remembers (``DeltaTable.transaction_version``).
        replaced: periods of which the table then has these files and no others.
    """
    placed = [replace(file, path=file.path.replace(_place(spec, file.partition))) for file in files]
    _commit(placed, spec, metadata, transaction, replaced)


def _place(spec: Contract, partition: Mapping[str, str]) -> Path:
    """Where a new file of a partition lies; the folder is made."""
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
    """Make files that lie in a table's folder part of it."""
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
    """Put a table's many small files of some periods together; the number of files that gave way.

    Rows and row order within files stay as they are; earlier versions keep their files. Periods with few small files
    are left alone, so that a row is written again a few times only.
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
    """Rows that have a value in a column, without the column: a partition's files do not repeat it."""
    return table.filter(pc.field(column) == value).drop_columns(column)


def _properties(metadata: dict[str, Any], transaction: tuple[str, int] | None = None) -> CommitProperties:
    return CommitProperties(
        custom_metadata={"userMetadata": json.dumps(metadata, ensure_ascii=False)},
        app_transactions=[Transaction(*transaction)] if transaction else None,
    )


@contextmanager
def committing(name: str) -> Iterator[None]:
    """Hold a table's commit lock: on a plain disk Delta does not keep two processes from the same version.

    What was committed is on disk at the end.
    """
    refusal = f"another commit to {name} has been at work for {LOCK_SECONDS // 60} minutes; stop its process"
    with held(settings().locks, f"commit-{name}", LOCK_SECONDS, refusal), confirmed(table_path(name)):
        yield


def replace_periods(
    frame: DataFrame, spec: Contract, periods: Iterable[str], metadata: dict[str, Any]
) -> int:
    """Replace whole periods in one commit; the number of rows they have now.

    The engine writes files beside the table. What does not fit the contract, and a row outside the periods, is an
    error; only then do the files become part of the table.
    """
    create_if_absent(spec)
    replaced = sorted(periods)
    with _written(frame, spec) as files:
        check_files(files, spec, replaced)
        add_files(files, spec, metadata, replaced=replaced)
    return sum(file.rows for file in files)


@contextmanager
def _written(frame: DataFrame, spec: Contract) -> Iterator[list[DataFile]]:
    """A frame's rows as Parquet files by period, which go where they have not been moved away."""
    assert spec.period
    folder = settings().scratch / f"{spec.name}-{uuid4().hex[:8]}"
    try:
        frame.select(*spec.column_names).write.partitionBy(spec.period).parquet(str(folder))
        yield [
            DataFile(
                path,
                {spec.period: unquote(path.parent.name.partition("=")[2])},
                pq.read_metadata(path).num_rows,
            )
            for path in sorted(folder.glob("*/*.parquet"))
        ]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def check_files(files: Iterable[DataFile], spec: Contract, periods: Iterable[str]) -> None:
    """Files hold what the contract says: columns, types, nothing missing that is required, no other period.

    Raises:
        RejectedError: one does not; a job made something else than its contract says.
    """
    allowed = set(periods)
    wanted = {f.name: f for f in spec.arrow_schema() if f.name != spec.period}
    for file in files:
        period = file.partition[spec.period or ""]
        if period not in allowed:
            asked = ", ".join(sorted(allowed))
            raise RejectedError(f"{spec.name}: rows of {period} were made, but only {asked} asked for")
        found = pq.ParquetFile(file.path)
        there = {f.name: f.type for f in found.schema_arrow}
        for name, column in wanted.items():
            if name not in there or not _same_type(there[name], column.type):
                raise RejectedError(
                    f"{spec.name}: {name} is to be {column.type}, and was made as {there.get(name, 'nothing')}"
                )
            if not column.nullable and _has_missing(found, name):
                raise RejectedError(f"{spec.name}: {name} is required, and is missing in rows of {period}")


def _same_type(found: pa.DataType, wanted: pa.DataType) -> bool:
    """The same values in the same type; how long a text may be, and what an array calls its items, does not count."""
    if pa.types.is_list(wanted):
        return pa.types.is_list(found) and _same_type(found.value_type, wanted.value_type)
    if pa.types.is_timestamp(wanted):
        return pa.types.is_timestamp(found) and found.unit == wanted.unit and found.tz is not None
    return bool(found == wanted or (pa.types.is_string(wanted) and pa.types.is_string_view(found)))


def _has_missing(file: pq.ParquetFile, name: str) -> bool:
    """Whether a column lacks a value in any row, by the file's statistics, or else by its values."""
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
    """What we wrote beside the commits, latest first; commits of others (OPTIMIZE) are passed over."""
    if not exists(name):
        return
    for entry in open_table(name, version).history():
        if text := entry.get("userMetadata"):
            yield json.loads(text)


def rows(name: str, columns: Sequence[str] | None = None, version: int | None = None) -> pa.Table:
    """A small table as Arrow, read without Spark; empty when it was never written."""
    if not exists(name):
        schema = contract(name).arrow_schema()
        return schema.empty_table().select(list(columns) if columns else schema.names)
    table = open_table(name, version)
    check_data(table, table_path(name))
    return table.to_pyarrow_table(columns=list(columns) if columns else None)


@contextmanager
def writing(what: str) -> Iterator[None]:
    """Hold the lock of a kind of writer (``ingest``, ``run``, ``publish``); one at a time per home."""
    minutes = LOCK_SECONDS // 60
    refusal = f"another {what} has been at work for {minutes} minutes; wait for it or stop it"
    waits = (
        f"another {what} is at work in {settings().home}; this one waits for it, {minutes} minutes at most"
    )
    with held(settings().locks, what, LOCK_SECONDS, refusal, waits):
        yield
