"""Text records → Parquet files of a feed's table and of the quarantine, by DuckDB; a later commit adds them to tables.

A delivery is mapped slice by slice, so memory is bounded whatever the size of a file.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ingest.mapping import TEXT, mapping_of
from ingest.readers.records import CELL, RAW_TEXT, SOURCE_FILE, SOURCE_ROW, WITHOUT_CELLS, Records
from ingest.register.corrections import mapping_hash
from ingest.register.deliveries import QUARANTINE, Drop
from ingest.repeated_keys import repeated_keys
from ingest.texts import slices, text_columns
from schemas.contract import Feed, contract
from warehouse import duck
from warehouse.tables import DataFile

#: Distinct values up to which a Parquet column gets a dictionary.
DICTIONARY_ROWS = 1_000


@dataclass
class Loaded:
    """A mapped delivery: Parquet files that are not committed yet, and its record counts by period."""

    accepted: list[DataFile]
    refused: list[DataFile]
    records_raw: Counter[str]
    records_quarantined: Counter[str]

    @property
    def records(self) -> int:
        return self.records_raw.total() + self.records_quarantined.total()

    def __add__(self, other: Loaded) -> Loaded:
        return Loaded(
            self.accepted + other.accepted,
            self.refused + other.refused,
            self.records_raw + other.records_raw,
            self.records_quarantined + other.records_quarantined,
        )


class Inbox:
    """An empty folder for uncommitted files, and the DuckDB connection that maps into it; both end with the block."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __enter__(self) -> Inbox:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.connection = duck.connect()
        self.connection.execute(f"SET temp_directory = {duck.literal(str(self.folder / 'spill'))}")
        self.connection.execute("SET preserve_insertion_order = false")
        # a filter pushed below the mapping would evaluate the mapping again, once for each reason
        self.connection.execute("SET disabled_optimizers = 'filter_pushdown'")
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()
        shutil.rmtree(self.folder, ignore_errors=True)


@dataclass(frozen=True)
class Origin:
    """Provenance of mapped rows: SQL over the records' columns, and the period if all records share one."""

    delivery_id: str
    mapping_hash: str
    known_at: str
    row_id: str
    #: SQL of the period of a record that does not state its own.
    period: str
    #: The period of all records, if records do not state one.
    only_period: str | None = None


def load(spec: Feed, drop: Drop, records: Records, inbox: Inbox, stamp: str | None = None) -> Loaded:
    """Map a delivery's records into files of the inbox.

    Args:
        stamp: the rows' mapping hash; by default that of the feed.
    """
    repeated = repeated_keys(inbox.connection, spec, records) if spec.delivery == "snapshot" else None
    origin = _of_drop(spec, drop, records, stamp or mapping_hash(spec))
    folder = inbox.folder / spec.table / drop.delivery_id
    return map_records(spec, origin, records, inbox.connection, folder, repeated)


def _of_drop(spec: Feed, drop: Drop, records: Records, stamp: str) -> Origin:
    several = pc.count_distinct(records.table[SOURCE_FILE]).as_py() > 1
    # record numbers restart in each file of an archive
    parts = [
        duck.literal(drop.delivery_id),
        *([f"left(md5({SOURCE_FILE}), 8)"] if several else []),
        SOURCE_ROW,
    ]
    return Origin(
        delivery_id=drop.delivery_id,
        mapping_hash=stamp,
        known_at=f"TIMESTAMPTZ {duck.literal(drop.known_at.isoformat())}",
        row_id=f"concat_ws('-', {', '.join(parts)})",
        period=duck.literal(drop.period),
        only_period=None if spec.source.period_from else drop.period,
    )


def map_records(
    spec: Feed,
    origin: Origin,
    records: Records,
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    repeated: npt.NDArray[np.int64] | None = None,
) -> Loaded:
    """Map records into files of an empty folder, a slice at a time.

    Args:
        repeated: positions of records whose key an earlier record has.
    """
    mapped = _mapped(spec, origin)
    for number, part in enumerate(slices(records, spec, repeated)):
        _write(connection, spec, origin, (records.headings, part), folder / str(number), mapped)
    accepted, refused = _files(folder, "accepted", "period"), _files(folder, "refused", "feed")
    return Loaded(accepted, refused, _rows_by(accepted), _refused_by_period(refused))


def _write(
    connection: duckdb.DuckDBPyConnection,
    spec: Feed,
    origin: Origin,
    given: tuple[Sequence[str], pa.Table],
    folder: Path,
    mapped: str,
) -> None:
    """Write the accepted and the refused records of one slice, given with its headings.

    Refused records are those that were not written as accepted. They are few or none, so only they are mapped twice.
    """
    headings, texts = given
    only = origin.only_period
    target = folder / "accepted" / f"period={only}" if only else folder / "accepted"
    columns = ", ".join(_raw_columns(spec, headings, without_period=only is not None))
    connection.register("texts", texts)
    accepted = f"SELECT {columns} FROM ({mapped}) WHERE NOT is_refused"
    count = _copy(connection, accepted, target, None if only else "period")
    if count < texts.num_rows:
        refused = texts.filter(_not_written(texts, folder / "accepted")) if count else texts
        connection.register("texts", refused)
        quarantined = f"SELECT {_quarantined(spec, headings)} FROM ({mapped})"
        _copy(connection, quarantined, folder / "refused", "feed")
    connection.unregister("texts")


def _not_written(texts: pa.Table, folder: Path) -> pa.Array:
    """Mask of the records that are not in the files of a folder."""
    names = pc.unique(texts[SOURCE_FILE])
    columns = [SOURCE_ROW] if len(names) == 1 else [SOURCE_ROW, SOURCE_FILE]
    written = pq.read_table(folder, columns=columns, partitioning=None)
    given, done = (_record_keys(t, names) for t in (texts, written))
    return pa.array(np.isin(given, done, invert=True))


def _record_keys(table: pa.Table, names: pa.Array) -> npt.NDArray[np.int64]:
    """One number for each record: its record number, and its file if there are several; offsets are below 2⁴⁸ too."""
    rows: npt.NDArray[np.int64] = table[SOURCE_ROW].to_numpy()
    if len(names) == 1:
        return rows
    files: npt.NDArray[np.int64] = (
        pc.index_in(table[SOURCE_FILE], value_set=names).to_numpy().astype(np.int64)
    )
    return (files << 48) | rows


def _copy(connection: duckdb.DuckDBPyConnection, sql: str, target: Path, partition: str | None) -> int:
    """Write rows into files of a folder and return their count."""
    target.mkdir(parents=True, exist_ok=True)
    how = f"PARTITION_BY ({partition})" if partition else "PER_THREAD_OUTPUT"
    # most texts differ from row to row, so a large dictionary costs time and saves nothing
    count = connection.execute(
        f"COPY ({sql}) TO {duck.literal(str(target))} (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, "
        f"DICTIONARY_SIZE_LIMIT {DICTIONARY_ROWS}, OVERWRITE_OR_IGNORE, {how})"
    ).fetchone()
    return int(count[0]) if count else 0


def _mapped(spec: Feed, origin: Origin) -> str:
    """A query that returns every column of raw and quarantined rows, and ``is_refused``."""
    mapping = mapping_of(spec)
    values = ", ".join(f"{sql} AS {name}" for name, sql in mapping.values.items())
    text = duck.literal
    return f"""
        SELECT *, coalesce({", ".join(mapping.reasons)}) IS NOT NULL AS is_refused,
            {_reasons_list(mapping.reasons)} AS reasons, {mapping.record_key} AS record_key
        FROM (SELECT *, {values}, coalesce({mapping.period or "NULL"}, {origin.period}) AS period
            FROM (SELECT *, {origin.known_at} AS known_at,
                    {text(origin.delivery_id)} AS delivery_id, {text(origin.mapping_hash)} AS mapping_hash,
                    {text(spec.table)} AS feed, {origin.row_id} AS row_id
                FROM texts))"""


def _reasons_list(reasons: Sequence[str]) -> str:
    """All reasons of a record; of one without cells only why it has none, for every column would be missing."""
    without_cells = ", ".join(map(duck.literal, WITHOUT_CELLS))
    every = f"list_filter([{', '.join(reasons)}], lambda reason: reason IS NOT NULL)"
    return f"CASE WHEN record_reason IN ({without_cells}) THEN [record_reason] ELSE {every} END"


def _raw_columns(spec: Feed, headings: Sequence[str], *, without_period: bool) -> Iterator[str]:
    for name in spec.column_names:
        if name == "source_record":
            yield f"{_record(spec, headings)} AS source_record"
        elif name != "period" or not without_period:  # otherwise the folder's name states it
            yield name


def _record(spec: Feed, headings: Sequence[str]) -> str:
    """The record as sent: its cells, or one text if it has none (a JSON line, a line with too few cells)."""
    if spec.source.format == "jsonl":
        return f"[{RAW_TEXT}]"
    cells = f"[{', '.join(f'{CELL}{i}' for i in range(len(headings)))}]"
    return f"CASE WHEN {RAW_TEXT} IS NULL THEN {cells} ELSE [{RAW_TEXT}] END"


def _quarantined(spec: Feed, headings: Sequence[str]) -> str:
    mapped = ", ".join(f"{name} := {name}" for name in spec.source.mapping)
    uscc = f"{TEXT}uscc" if f"{TEXT}uscc" in text_columns(spec) else "CAST(NULL AS VARCHAR)"
    given = {
        "uscc": uscc,
        "mapped_record": f"CAST(to_json(struct_pack({mapped})) AS VARCHAR)",
        "source_record": _record(spec, headings),
    }
    return ", ".join(f"{given[n]} AS {n}" if n in given else n for n in contract(QUARANTINE).column_names)


def _files(folder: Path, kind: str, partition: str) -> list[DataFile]:
    found = []
    for path in sorted(folder.glob(f"*/{kind}/*/*.parquet")):
        value = path.parent.name.removeprefix(f"{partition}=")
        found.append(DataFile(path, {partition: value}, pq.read_metadata(path).num_rows))
    return [f for f in found if f.rows]


def _rows_by(files: Sequence[DataFile]) -> Counter[str]:
    rows: Counter[str] = Counter()
    for file in files:
        rows[file.partition["period"]] += file.rows
    return rows


def _refused_by_period(files: Sequence[DataFile]) -> Counter[str]:
    rows: Counter[str] = Counter()
    for file in files:
        rows.update(pq.read_table(file.path, columns=["period"], partitioning=None)["period"].to_pylist())
    return rows
