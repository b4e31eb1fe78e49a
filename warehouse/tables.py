"""Delta tables of a home: where they lie, how they are made, read, and replaced by period."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from deltalake import DeltaTable, Schema
from filelock import FileLock, Timeout

from schemas.contract import Contract, comment, contract, table_comment
from schemas.errors import RejectedError
from warehouse import engine
from warehouse.settings import Settings, settings

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


def table_path(name: str, config: Settings | None = None) -> Path:
    """Folder of a table: ``warehouse/<layer>/<area>/<table>``, the area left out where it is the layer."""
    spec = contract(name)
    root = (config or settings()).warehouse / spec.layer
    return root / spec.table if spec.area == spec.layer else root / spec.area / spec.table


def exists(name: str) -> bool:
    return (table_path(name) / "_delta_log").is_dir()


def open_table(name: str, version: int | None = None) -> DeltaTable:
    """The Delta log of a table, read without Spark."""
    return DeltaTable(str(table_path(name)), version=version)


def version(name: str) -> int:
    return int(open_table(name).version())


def create_if_absent(spec: Contract, published: Path | None = None) -> None:
    """Make an empty table with comments, NOT NULL and properties from its contract.

    The log's first entry is written without Spark: it costs milliseconds instead of seconds.
    """
    path = published or table_path(spec.name)
    if (path / "_delta_log").is_dir():
        return
    DeltaTable.create(
        str(path),
        Schema.from_arrow(delta_schema(spec)),
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


def read(name: str, version: int | None = None) -> DataFrame:
    """A table as a Spark DataFrame, at a version when given; empty when it was never written."""
    spec = contract(name)
    create_if_absent(spec)
    reader = engine.connect().read.format("delta")
    if version is not None:
        reader = reader.option("versionAsOf", version)
    return reader.load(str(table_path(name)))


def append(frame: DataFrame, spec: Contract, metadata: dict[str, Any]) -> None:
    """Add rows in one commit."""
    create_if_absent(spec)
    _writer(frame, spec, metadata).mode("append").save(str(table_path(spec.name)))


def replace_periods(
    frame: DataFrame, spec: Contract, periods: Iterable[str], metadata: dict[str, Any]
) -> None:
    """Replace whole periods in one commit; a row outside them is an error, not a surprise."""
    create_if_absent(spec)
    listed = ", ".join(f"'{p}'" for p in sorted(periods))
    (
        _writer(frame, spec, metadata)
        .mode("overwrite")
        .option("replaceWhere", f"{spec.period} IN ({listed})")
        .save(str(table_path(spec.name)))
    )


def delete(spec: Contract, condition: str) -> None:
    """Delete rows through the engine."""
    engine.connect().sql(f"DELETE FROM delta.`{table_path(spec.name)}` WHERE {condition}").collect()


def _writer(frame: DataFrame, spec: Contract, metadata: dict[str, Any]) -> Any:
    ordered = frame.select(*spec.column_names)
    writer = ordered.write.format("delta").option("userMetadata", json.dumps(metadata, ensure_ascii=False))
    # a contract may add columns to a table that exists; no others get here
    return writer.option("mergeSchema", "true")


def commit_metadata(name: str, version: int | None = None) -> Iterator[dict[str, Any]]:
    """What we wrote beside the commits, latest first; commits of others (OPTIMIZE) are passed over."""
    if not exists(name):
        return
    for entry in open_table(name, version).history():
        if text := entry.get("userMetadata"):
            yield json.loads(text)


def last_metadata(name: str) -> dict[str, Any]:
    """Metadata of the last commit that is ours; empty when there is none."""
    if not exists(name):
        return {}
    for entry in open_table(name).history(1):
        if text := entry.get("userMetadata"):
            return dict(json.loads(text))
    return next(commit_metadata(name), {})


def rows(name: str, columns: Sequence[str] | None = None, version: int | None = None) -> pa.Table:
    """A small table as Arrow, read without Spark; empty when it was never written."""
    if not exists(name):
        schema = contract(name).arrow_schema()
        return schema.empty_table().select(list(columns) if columns else schema.names)
    return open_table(name, version).to_pyarrow_table(columns=list(columns) if columns else None)


@contextmanager
def writing(what: str) -> Iterator[None]:
    """Hold the lock of a kind of writer (``ingest``, ``run``, ``publish``); one at a time per home."""
    folder = settings().locks
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / f"{what}.lock")
    try:
        lock.acquire(timeout=LOCK_SECONDS)
    except Timeout:
        raise RejectedError(
            f"another {what} has been at work for {LOCK_SECONDS // 60} minutes; wait for it or stop it"
        ) from None
    try:
        yield
    finally:
        lock.release()
