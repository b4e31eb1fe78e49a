"""Text records → Parquet files of a feed's table and of the quarantine, by DuckDB; a commit makes them count.

A slice of a delivery at a time is mapped, so that memory is bounded whatever the size of a file.
"""

from __future__ import annotations

import os
import re
import shutil
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ingest.mapping import NUMBER, PERIOD_TEXT, TEXT, VALID, mapping_of
from ingest.readers.records import (
    CELL,
    RAW_TEXT,
    RECORD_REASON,
    SOURCE_FILE,
    SOURCE_ROW,
    Records,
    cell_columns,
)
from ingest.register.corrections import mapping_hash
from ingest.register.deliveries import QUARANTINE, Drop
from schemas import credit_code
from schemas.contract import Column, Contract, MappedColumn, contract
from warehouse import duck
from warehouse.tables import DataFile

SLICE_ROWS = 2_000_000
#: Texts of a column that a file spells out once.
DICTIONARY_ROWS = 1_000

#: A number as people type it: thousands separated, and in tens of thousands or hundreds of millions.
_WRITTEN = re.compile(r"(?P<number>[+-]?(?:[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(?:\.[0-9]+)?)(?P<times>[万亿]?)")
_TIMES = {"": Decimal(1), "万": Decimal(10**4), "亿": Decimal(10**8)}


@dataclass
class Loaded:
    """What a delivery became: files that wait for their commits, and records by period."""

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
    """An empty folder for what waits for its commits, and the connection that maps into it; both gone at the end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __enter__(self) -> Inbox:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.connection = duck.connect()
        self.connection.execute(f"SET temp_directory = {duck.literal(str(self.folder / 'spill'))}")
        self.connection.execute("SET preserve_insertion_order = false")
        # a filter that is pushed below the mapping holds all of it once more, and anew for each reason
        self.connection.execute("SET disabled_optimizers = 'filter_pushdown'")
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()
        shutil.rmtree(self.folder, ignore_errors=True)


@dataclass(frozen=True)
class Origin:
    """What mapped rows say of where they came from: SQL over the records' columns, and a period that all share."""

    delivery_id: str
    mapping_hash: str
    known_at: str
    row_id: str
    #: Of a record that does not say its own.
    period: str
    #: The records' only period, where they do not say one.
    only_period: str | None = None


def load(spec: Contract, drop: Drop, records: Records, inbox: Inbox, stamp: str | None = None) -> Loaded:
    """Map a delivery's records into files of the inbox.

    Args:
        stamp: the rows' mapping hash; the feed's own where none is given.
    """
    repeated = _repeated_keys(inbox.connection, spec, records) if spec.delivery == "snapshot" else None
    origin = _of_drop(spec, drop, records, stamp or mapping_hash(spec))
    folder = inbox.folder / spec.table / drop.delivery_id
    return map_records(spec, origin, records, inbox.connection, folder, repeated)


def _of_drop(spec: Contract, drop: Drop, records: Records, stamp: str) -> Origin:
    assert spec.source is not None
    several = pc.count_distinct(records.table[SOURCE_FILE]).as_py() > 1
    # record numbers start anew in each file of an archive
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
    spec: Contract,
    origin: Origin,
    records: Records,
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    repeated: npt.NDArray[np.int64] | None = None,
) -> Loaded:
    """Map records into files of an empty folder, a slice at a time.

    Args:
        repeated: positions of records whose key another one has before them.
    """
    mapped = _mapped(spec, origin)
    for number, part in enumerate(_slices(records, spec, repeated)):
        _write(connection, spec, origin, (records.headings, part), folder / str(number), mapped)
    accepted, refused = _files(folder, "accepted", "period"), _files(folder, "refused", "feed")
    return Loaded(accepted, refused, _rows_by(accepted), _refused_by_period(refused))


def _write(
    connection: duckdb.DuckDBPyConnection,
    spec: Contract,
    origin: Origin,
    given: tuple[Sequence[str], pa.Table],
    folder: Path,
    mapped: str,
) -> None:
    """The accepted and the refused records of one slice, given with its headings.

    The refused are few or none: they are those that were not written, so that nothing is worked out twice.
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
    """Which of the records the files of a folder do not have."""
    names = pc.unique(texts[SOURCE_FILE])
    columns = [SOURCE_ROW] if len(names) == 1 else [SOURCE_ROW, SOURCE_FILE]
    written = pq.read_table(folder, columns=columns, partitioning=None)
    there, done = (_places(t, names) for t in (texts, written))
    return pa.array(np.isin(there, done, invert=True))


def _places(table: pa.Table, names: pa.Array) -> npt.NDArray[np.int64]:
    """A number for each record number, and file where there are several; offsets of topics too are below 2⁴⁸."""
    rows: npt.NDArray[np.int64] = table[SOURCE_ROW].to_numpy()
    if len(names) == 1:
        return rows
    files: npt.NDArray[np.int64] = (
        pc.index_in(table[SOURCE_FILE], value_set=names).to_numpy().astype(np.int64)
    )
    return (files << 48) | rows


def _copy(connection: duckdb.DuckDBPyConnection, sql: str, target: Path, partition: str | None) -> int:
    """Write rows into files of a folder; how many there were."""
    target.mkdir(parents=True, exist_ok=True)
    how = f"PARTITION_BY ({partition})" if partition else "PER_THREAD_OUTPUT"
    # most texts differ from row to row: a large dictionary of them is worked out in vain
    found = connection.execute(
        f"COPY ({sql}) TO {duck.literal(str(target))} (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, "
        f"DICTIONARY_SIZE_LIMIT {DICTIONARY_ROWS}, OVERWRITE_OR_IGNORE, {how})"
    ).fetchone()
    return int(found[0]) if found else 0


def _mapped(spec: Contract, origin: Origin) -> str:
    """A query with every column that a raw or a quarantined row may have, and ``is_refused``."""
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
    return f"list_filter([{', '.join(reasons)}], lambda reason: reason IS NOT NULL)"


def _raw_columns(spec: Contract, headings: Sequence[str], *, without_period: bool) -> Iterator[str]:
    for name in spec.column_names:
        if name == "source_record":
            yield f"{_record(spec, headings)} AS source_record"
        elif name != "period" or not without_period:  # otherwise the folder says it
            yield name


def _record(spec: Contract, headings: Sequence[str]) -> str:
    """The record as sent: its cells, or a text where it has none (a JSON line, a line with too few cells)."""
    assert spec.source is not None
    if spec.source.format == "jsonl":
        return f"[{RAW_TEXT}]"
    cells = f"[{', '.join(f'{CELL}{i}' for i in range(len(headings)))}]"
    return f"CASE WHEN {RAW_TEXT} IS NULL THEN {cells} ELSE [{RAW_TEXT}] END"


def _quarantined(spec: Contract, headings: Sequence[str]) -> str:
    assert spec.source is not None
    mapped = ", ".join(f"{name} := {name}" for name in spec.source.mapping)
    uscc = f"{TEXT}uscc" if f"{TEXT}uscc" in _text_columns(spec) else "CAST(NULL AS VARCHAR)"
    given = {
        "uscc": uscc,
        "mapped_record": f"CAST(to_json(struct_pack({mapped})) AS VARCHAR)",
        "source_record": _record(spec, headings),
    }
    return ", ".join(f"{given[n]} AS {n}" if n in given else n for n in contract(QUARANTINE).column_names)


# --- texts -----------------------------------------------------------------------------------------


def _text_columns(spec: Contract) -> dict[str, str]:
    """Text column → heading."""
    assert spec.source is not None
    columns = {TEXT + name: m.heading for name, m in spec.source.mapping.items() if m.heading}
    if spec.source.period_from:
        columns[PERIOD_TEXT] = spec.source.period_from.heading
    return columns


def _slices(records: Records, spec: Contract, repeated: npt.NDArray[np.int64] | None) -> Iterator[pa.Table]:
    for start in range(0, records.count, SLICE_ROWS):
        part = records.table.slice(start, SLICE_ROWS)
        if repeated is not None and len(repeated):
            again = pa.array(np.isin(np.arange(start, start + part.num_rows), repeated))
            reason = pc.if_else(again, pc.coalesce(part[RECORD_REASON], "key:duplicate"), part[RECORD_REASON])
            part = part.set_column(part.column_names.index(RECORD_REASON), RECORD_REASON, reason)
        yield _with_texts(part, cell_columns(records), spec)


def _with_texts(part: pa.Table, place: Mapping[str, str], spec: Contract) -> pa.Table:
    """The cells beside their trimmed texts, and what is to be said of credit codes."""

    def columns_of(name: str, heading: str) -> Iterator[tuple[str, pa.ChunkedArray]]:
        cells = part[place[heading]] if heading in place else pa.nulls(part.num_rows, pa.string())
        texts = _empty_if_missing(_trimmed(cells), part[RECORD_REASON])
        column = next((c for c in spec.columns if TEXT + c.name == name), None)
        is_number = column and column.type.startswith(("decimal", "int", "bigint"))
        if column and is_number and spec.source and spec.source.reads_written_numbers:
            texts = _numbers(texts, sent_unit(column, spec.source.mapping[column.name]))
        yield name, texts
        if column and column.domain.check == "uscc":
            valid = [credit_code.valid_mask(c) for c in pa.chunked_array(texts).chunks]
            yield VALID + column.name, pa.chunked_array(valid, pa.bool_())

    given = _text_columns(spec).items()
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # what Arrow does here it does on one core
        for found in pool.map(lambda item: list(columns_of(*item)), given):
            for name, texts in found:
                part = part.append_column(name, texts)
    return part


def _trimmed(texts: pa.Array | pa.ChunkedArray) -> pa.ChunkedArray:
    """Texts without spaces around them; those that have no space at all, as most columns of codes, are not looked at
    one by one."""
    chunks = pa.chunked_array(texts).chunks
    return pa.chunked_array(
        [chunk if _has_only_signs(chunk) else pc.utf8_trim_whitespace(chunk) for chunk in chunks], pa.string()
    )


def _has_only_signs(texts: pa.StringArray) -> bool:
    """Whether all characters are printable ASCII but the space: told from the bytes, whatever the texts' bounds."""
    _, offsets, data = texts.buffers()
    if not len(texts) or data is None:
        return True
    ends = np.frombuffer(offsets, np.int32)[texts.offset :][: len(texts) + 1]
    letters = np.frombuffer(data, np.uint8)[ends[0] : ends[-1]]
    return not len(letters) or bool(letters.min() > ord(" ") and letters.max() < 0x7F)


def _empty_if_missing(texts: pa.ChunkedArray, reasons: pa.ChunkedArray) -> pa.ChunkedArray:
    """A database's missing cell is a file's empty one; a record that has no cells at all has no texts either."""
    if not texts.null_count:
        return texts
    has_cells = pc.fill_null(pc.invert(pc.starts_with(reasons, "record:")), True)
    return pc.if_else(pc.and_(pc.is_null(texts), has_cells), "", texts)


def _numbers(texts: pa.ChunkedArray, unit: str | None) -> pa.Array:
    """Numbers that people typed as plain ones; what is none stays as it is."""
    texts = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    odd = pc.fill_null(pc.invert(pc.match_substring_regex(texts, f"^({NUMBER})?$")), False)
    if not pc.any(odd).as_py():
        return texts
    return pc.replace_with_mask(
        texts, odd, pa.array([plain_number(t, unit) for t in texts.filter(odd).to_pylist()])
    )


def plain_number(text: str, unit: str | None = None) -> str:
    """A number as people type it, also with the unit in which it is sent; 3亿 is no number where that is 亿元.

    >>> plain_number("１，２３４.5"), plain_number("1.2万"), plain_number("3亿"), plain_number("12,34")
    ('1234.5', '12000', '300000000', '12,34')
    >>> plain_number("85.3％", "%"), plain_number("85.3%"), plain_number("12万元", "万元"), plain_number("3亿", "亿元")
    ('85.3', '85.3%', '12', '3亿')
    """
    plain = unicodedata.normalize("NFKC", text).replace(" ", "").removesuffix(unit or "")
    found = _WRITTEN.fullmatch(plain)
    if not found or (found["times"] and unit and unit[0] in _TIMES):
        return text
    value = Decimal(found["number"].replace(",", "")) * _TIMES[found["times"]]
    return f"{value.normalize():f}"


def sent_unit(column: Column, mapped: MappedColumn) -> str | None:
    """The unit of the sender's figures: the mapping's, the column's, or a percent sign in the heading."""
    is_percent = re.search(r"[(（][%％][)）]\s*$", mapped.heading or "")
    return mapped.unit or column.unit or ("%" if is_percent else None)


def _repeated_keys(
    connection: duckdb.DuckDBPyConnection, spec: Contract, records: Records
) -> npt.NDArray[np.int64]:
    """Positions of records whose key another record of the delivery has before them."""
    keys = [
        k for k in spec.key if spec.source and k in spec.source.mapping and spec.source.mapping[k].heading
    ]
    place = cell_columns(records)
    assert spec.source is not None
    # of a heading that today's mapping reads and the file lacks
    nothing = pa.nulls(records.count, pa.string())
    cells = [place.get(spec.source.mapping[k].heading or "") for k in keys]
    texts = [records.table[c] if c else nothing for c in cells]
    trimmed = pa.table([_trimmed(t) for t in texts], names=keys)
    # DuckDB gives rows back in no order
    connection.register("keys", trimmed.append_column("position", pa.array(np.arange(records.count))))
    found = connection.execute(f"SELECT position, hash({', '.join(keys)}) AS h FROM keys").fetchnumpy()
    connection.unregister("keys")
    hashes = np.empty(records.count, np.uint64)
    hashes[found["position"]] = found["h"]
    ordered = np.sort(hashes)
    again = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    if not len(again):
        return np.array([], np.int64)
    # few are left, and among them may be different keys of the same hash
    candidates = np.flatnonzero(np.isin(hashes, again))
    whole = pc.is_null(records.table[RECORD_REASON]).to_numpy()[candidates]
    seen: set[tuple[str, ...]] = set()
    repeated = []
    rows = trimmed.take(pa.array(candidates[whole])).to_pydict()
    for position, row in zip(candidates[whole].tolist(), zip(*rows.values(), strict=True), strict=True):
        if row in seen:
            repeated.append(position)
        seen.add(row)
    return np.array(repeated, np.int64)


# --- files -----------------------------------------------------------------------------------------


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
