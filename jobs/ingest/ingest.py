"""Ingest: complete drops of the landing folder → raw tables, quarantine, and the register of deliveries.

Each table gets one commit a run, however many files arrive. The commit to raw.delivery comes last and alone
makes a delivery count: what a killed run left in the other tables is invisible, and the next run removes it.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from jobs.ingest.deliveries import Drop, checksum_of, current_deliveries, find_drops
from jobs.ingest.files import TEXT, VALID, TextRecords, read_records, unknown_headings
from schemas import credit_code
from schemas.contract import Contract, contract, feeds
from schemas.errors import RejectedError, UserError
from warehouse import engine, tables
from warehouse.settings import settings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

DELIVERY = "raw.delivery"
QUARANTINE = "quarantine.record"

Progress = Callable[[str, str, int], None]


def silent(stage: str, what: str, rows: int) -> None:
    """Progress nobody looks at."""


@dataclass
class FileReport:
    """What became of one file. Records in = raw + quarantined, always."""

    feed: str
    file: str
    period: str
    state: str  # taken | repeated | rejected
    records_in: int = 0
    records_raw: int = 0
    records_quarantined: int = 0
    message: str = ""


@dataclass
class IngestReport:
    files: list[FileReport] = field(default_factory=list)

    @property
    def taken(self) -> list[FileReport]:
        return [f for f in self.files if f.state == "taken"]

    @property
    def rejected(self) -> list[FileReport]:
        return [f for f in self.files if f.state == "rejected"]


@dataclass(frozen=True)
class _Taken:
    """A file read into the inbox, waiting for the engine."""

    drop: Drop
    records: int
    headings: list[str]
    mapping_hash: str
    path: Path


def deliveries() -> list[dict[str, Any]]:
    """Rows of raw.delivery."""
    rows: list[dict[str, Any]] = tables.rows(DELIVERY).to_pylist()
    return rows


def ingest(
    names: Sequence[str] | None = None,
    drops: Iterable[Drop] | None = None,
    progress: Progress = silent,
) -> IngestReport:
    """Take in everything new: of the named feeds, or the given drops.

    A file that cannot be taken is reported and left where it is; the others go on.
    """
    with tables.writing("ingest"):
        _recover(progress)
        given = list(drops) if drops is not None else None
        report = IngestReport()
        known = deliveries()
        inbox = _fresh_inbox()

        def batches() -> Iterator[tuple[Contract, list[_Taken]]]:
            for spec in _chosen(names, given):
                found = (
                    [d for d in given if d.feed == spec.table] if given is not None else _found(spec, report)
                )
                yield spec, _read_new(spec, found, known, inbox, report, progress)

        _write(batches(), known, report, progress)
        shutil.rmtree(inbox, ignore_errors=True)
        return report


def remap(name: str, progress: Progress = silent) -> IngestReport:
    """Apply today's mapping to the kept original records of a feed's deliveries that another mapping made."""
    spec = contract(f"raw.{name.removeprefix('raw.')}")
    assert spec.source is not None
    with tables.writing("ingest"):
        _recover(progress)
        known = deliveries()
        wanted = spec.source.mapping_hash()
        inbox = _fresh_inbox()
        report = IngestReport()
        taken = []
        for row in current_deliveries(known, spec):
            if row["mapping_hash"] != wanted:
                taken.append(_to_inbox(spec, _drop_of(row), kept_records(spec, row), inbox))
                report.files.append(FileReport(spec.table, row["source_file"], row["period"], "taken"))
        _write([(spec, taken)], known, report, progress)
        shutil.rmtree(inbox, ignore_errors=True)
        return report


def kept_records(spec: Contract, delivery: dict[str, Any]) -> TextRecords:
    """The original records of a delivery as they were sent, put together from raw and quarantine."""
    which = [
        ("delivery_id", "=", delivery["delivery_id"]),
        ("mapping_hash", "=", delivery["mapping_hash"]),
    ]
    records: list[tuple[int, list[str]]] = []
    for table in (spec.name, QUARANTINE):
        if tables.exists(table):
            found = tables.open_table(table).to_pyarrow_table(
                columns=["source_row", "source_record"], filters=which
            )
            records += zip(found["source_row"].to_pylist(), found["source_record"].to_pylist(), strict=True)
    records.sort(key=lambda r: r[0])
    width = len(delivery["headings"])
    whole = [(n, cells) for n, cells in records if len(cells) == width]
    columns = {
        heading: pa.array([cells[i] for _, cells in whole], pa.string())
        for i, heading in enumerate(delivery["headings"])
    }
    return TextRecords(
        headings=list(delivery["headings"]),
        cells=pa.table(columns),
        numbers=pa.array([n for n, _ in whole], pa.int32()),
        broken=[(n, cells) for n, cells in records if len(cells) != width],
    )


# --- reading -----------------------------------------------------------------------------------------


def _chosen(names: Sequence[str] | None, drops: list[Drop] | None) -> list[Contract]:
    if drops is not None:
        return [feeds()[name] for name in dict.fromkeys(d.feed for d in drops)]
    known = feeds()
    return [known[n.removeprefix("raw.")] for n in names] if names else list(known.values())


def _found(spec: Contract, report: IngestReport) -> list[Drop]:
    """Complete drops of a feed; a broken manifest is reported and does not hold up the others."""
    folder = settings().landing / spec.table
    try:
        return find_drops(folder)
    except UserError as error:
        report.files.append(FileReport(spec.table, folder.name, "", "rejected", message=str(error)))
        return []


def _read_new(
    spec: Contract,
    drops: Iterable[Drop],
    known: list[dict[str, Any]],
    inbox: Path,
    report: IngestReport,
    progress: Progress,
) -> list[_Taken]:
    seen = {d["delivery_id"]: d["source_file"] for d in known}
    taken: list[_Taken] = []
    for drop in drops:
        entry = FileReport(drop.feed, drop.path.name, drop.period, "taken")
        if first := seen.get(drop.delivery_id):
            if first == drop.path.name:
                continue  # the drop itself, taken in by an earlier run
            entry.state, entry.message = "repeated", f"the same file as {first}"
        else:
            try:
                taken.append(_to_inbox(spec, drop, _checked(drop, spec), inbox))
                seen[drop.delivery_id] = drop.path.name
                entry.records_in = taken[-1].records
                assert spec.source is not None
                if unknown := unknown_headings(spec.source, taken[-1].headings):
                    entry.message = f"new headings, kept in the original record: {', '.join(unknown)}"
                progress("ingest", f"read {spec.table} {drop.period}", entry.records_in)
            except UserError as error:
                entry.state, entry.message = "rejected", str(error)
        report.files.append(entry)
    return taken


def _checked(drop: Drop, spec: Contract) -> TextRecords:
    try:
        if checksum_of(drop.path) != drop.checksum:
            raise RejectedError(f"{drop.path.name}: not the file its manifest names; send both again")
        records = read_records(drop.path, spec)
    except OSError as error:
        raise RejectedError(f"{drop.path.name}: not readable: {error.strerror}") from None
    if drop.records is not None and drop.records != records.count:
        raise RejectedError(
            f"{drop.path.name}: {records.count} records, its manifest says {drop.records}; send it again"
        )
    return records


def _to_inbox(spec: Contract, drop: Drop, records: TextRecords, inbox: Path) -> _Taken:
    """Write a file's records as text columns under our names, original cells beside them."""
    source = spec.source
    assert source is not None
    count = records.cells.num_rows
    texts = {
        f"{TEXT}{name}": pc.utf8_trim_whitespace(records.cells[mapped.heading].combine_chunks())
        for name, mapped in source.mapping.items()
        if mapped.heading
    }
    checked = {
        f"{VALID}{c.name}": credit_code.valid_mask(texts[f"{TEXT}{c.name}"])
        for c in spec.columns
        if c.domain.check == "uscc" and f"{TEXT}{c.name}" in texts
    }
    reason = _repeated_keys(spec, texts) if spec.delivery == "snapshot" else None
    table = pa.table(
        {
            **texts,
            **checked,
            "source_row": records.numbers,
            "source_record": _cells(records.cells),
            "record_reason": pa.nulls(count, pa.string()) if reason is None else reason,
        }
    )
    if records.broken:
        table = pa.concat_tables([table, _broken_rows(table.schema, records.broken)])
    stamp = {
        "delivery_id": pa.scalar(drop.delivery_id),
        "period": pa.scalar(drop.period),
        "source_file": pa.scalar(drop.path.name),
        "known_at": pa.scalar(drop.known_at, pa.timestamp("us", tz="UTC")),
    }
    for name, value in stamp.items():
        table = table.append_column(name, pa.repeat(value, table.num_rows))
    folder = inbox / spec.table
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{drop.delivery_id}.parquet"
    pq.write_table(table, path, compression="lz4")
    return _Taken(drop, records.count, records.headings, source.mapping_hash(), path)


def _cells(cells: pa.Table) -> pa.Array:
    """A list of the row's cells for each row, in the file's order of headings."""
    rows, width = cells.num_rows, cells.num_columns
    flat = pa.concat_arrays([column.combine_chunks() for column in cells.columns])
    order = np.arange(rows * width).reshape(width, rows).T.ravel()
    offsets = pa.array(np.arange(0, rows * width + 1, width), pa.int32())
    return pa.ListArray.from_arrays(offsets, flat.take(pa.array(order)))


def _repeated_keys(spec: Contract, texts: dict[str, pa.Array]) -> pa.Array | None:
    """Reasons for records whose key was there before in the same file; None when there are none."""
    keys = [f"{TEXT}{k}" for k in spec.key if f"{TEXT}{k}" in texts]
    table = pa.table({k: texts[k] for k in keys})
    groups = table.group_by(keys).aggregate([([], "count_all")])
    if groups.num_rows == table.num_rows:
        return None
    seen: set[tuple[str, ...]] = set()
    reasons: list[str | None] = []
    for row in zip(*(texts[k].to_pylist() for k in keys), strict=True):
        reasons.append("key:duplicate" if row in seen else None)
        seen.add(row)
    return pa.array(reasons, pa.string())


def _broken_rows(schema: pa.Schema, broken: list[tuple[int, list[str]]]) -> pa.Table:
    columns = {name: pa.nulls(len(broken), schema.field(name).type) for name in schema.names}
    columns["source_row"] = pa.array([n for n, _ in broken], pa.int32())
    columns["source_record"] = pa.array([cells for _, cells in broken], pa.list_(pa.string()))
    columns["record_reason"] = pa.array(["record:cells"] * len(broken), pa.string())
    return pa.table(columns, schema=schema)


# --- writing -----------------------------------------------------------------------------------------


def _write(
    batches: Iterable[tuple[Contract, list[_Taken]]],
    known: list[dict[str, Any]],
    report: IngestReport,
    progress: Progress,
) -> None:
    """Write the batches of feeds, the quarantine, and last the register that makes them count.

    The next feed's files are read while the engine writes those before, two feeds at a time: while one is planned
    or committed the other one's tasks run.
    """
    work: dict[str, list[_Taken]] = {}
    with engine.workers() as writers:
        pending: list[Future[dict[str, int]]] = []
        for spec, taken in batches:
            for earlier in pending:
                if earlier.done():
                    earlier.result()  # after a failure nothing new is begun
            if taken:
                work[spec.name] = taken
                progress("ingest", spec.name, sum(t.records for t in taken))
                pending.append(writers.submit(_append_accepted, spec, taken))
    if not work:
        return
    counts = {delivery: records for done in pending for delivery, records in done.result().items()}
    refused: list[DataFrame] = []
    for name, taken in work.items():
        short = [t for t in taken if counts.get(t.drop.delivery_id, 0) < t.records]
        if short:
            refused.append(_refused(contract(name), short))
    everything = [t for taken in work.values() for t in taken]
    if refused:
        frame = refused[0]
        for other in refused[1:]:
            frame = frame.unionByName(other)
        progress("ingest", QUARANTINE, sum(t.records - counts.get(t.drop.delivery_id, 0) for t in everything))
        tables.append(frame.coalesce(1), contract(QUARANTINE), _marks(everything))
    _check_sums(work, counts, _count_by_delivery(QUARANTINE, everything))
    _register(work, counts, known)
    for entry in report.files:
        for taken_file in work.get(f"raw.{entry.feed}", []):
            if entry.state == "taken" and taken_file.drop.path.name == entry.file:
                entry.records_in = taken_file.records
                entry.records_raw = counts.get(taken_file.drop.delivery_id, 0)
                entry.records_quarantined = entry.records_in - entry.records_raw


def _append_accepted(spec: Contract, taken: list[_Taken]) -> dict[str, int]:
    """Write a feed's accepted records in one commit; how many of each delivery."""
    tables.append(_mapped(spec, taken).where("NOT is_refused"), spec, _marks(taken))
    return _count_by_delivery(spec.name, taken)


def _mapped(spec: Contract, taken: list[_Taken]) -> DataFrame:
    from pyspark.sql import functions as F
    from pyspark.sql.pandas.types import from_arrow_schema

    from jobs.ingest.mapping import map_records

    # left to find the columns itself, Spark runs a job for it
    columns = from_arrow_schema(pq.read_schema(taken[0].path))
    records = engine.connect().read.schema(columns).parquet(*(str(t.path) for t in taken))
    return map_records(records, spec).select(
        "*",
        F.lit(taken[0].mapping_hash).alias("mapping_hash"),
        F.lit(spec.table).alias("feed"),
        F.md5(F.concat_ws("|", "delivery_id", "source_row")).alias("row_id"),
    )


def _refused(spec: Contract, taken: list[_Taken]) -> DataFrame:
    from pyspark.sql import functions as F

    assert spec.source is not None
    uscc = F.col("text_uscc") if "uscc" in spec.column_names else F.lit(None).cast("string")
    return (
        _mapped(spec, taken)
        .where("is_refused")
        .withColumn("uscc", uscc)
        .withColumn("mapped_record", F.to_json(F.struct(*(c for c in spec.source.mapping))))
        .select(*contract(QUARANTINE).column_names)
    )


def _marks(taken: list[_Taken]) -> dict[str, Any]:
    """Commit metadata that lets the next run see what a killed one left."""
    return {"ingest": sorted([t.drop.delivery_id, t.mapping_hash] for t in taken)}


def _count_by_delivery(name: str, taken: list[_Taken]) -> dict[str, int]:
    if not tables.exists(name):
        return {}
    found = tables.open_table(name).to_pyarrow_dataset()
    condition = pc.field("delivery_id").isin([t.drop.delivery_id for t in taken]) & pc.field(
        "mapping_hash"
    ).isin(sorted({t.mapping_hash for t in taken}))
    if name != QUARANTINE:
        condition = condition & pc.field("period").isin(sorted({t.drop.period for t in taken}))
    groups = found.to_table(columns=["delivery_id"], filter=condition)["delivery_id"].value_counts()
    return {entry["values"]: entry["counts"] for entry in groups.to_pylist()}


def _check_sums(work: dict[str, list[_Taken]], accepted: dict[str, int], quarantined: dict[str, int]) -> None:
    for taken in work.values():
        for t in taken:
            here = accepted.get(t.drop.delivery_id, 0) + quarantined.get(t.drop.delivery_id, 0)
            if here != t.records:
                raise RejectedError(
                    f"{t.drop.path.name}: {t.records} records read, {here} kept; nothing was taken in, run it again"
                )


def _register(work: dict[str, list[_Taken]], counts: dict[str, int], known: list[dict[str, Any]]) -> None:
    sequence = max((d["sequence"] for d in known), default=0)
    rows = []
    for taken in work.values():
        for t in taken:
            sequence += 1
            accepted = counts.get(t.drop.delivery_id, 0)
            rows.append(
                {
                    "feed": t.drop.feed,
                    "delivery_id": t.drop.delivery_id,
                    "period": t.drop.period,
                    "part": t.drop.part,
                    "sequence": sequence,
                    "source_file": t.drop.path.name,
                    "checksum": t.drop.checksum,
                    "headings": t.headings,
                    "mapping_hash": t.mapping_hash,
                    "known_at": t.drop.known_at,
                    "records_in": t.records,
                    "records_raw": accepted,
                    "records_quarantined": t.records - accepted,
                }
            )
    spec = contract(DELIVERY)
    frame = engine.connect().createDataFrame(pa.Table.from_pylist(rows, schema=spec.arrow_schema()))
    tables.append(frame.coalesce(1), spec, {"ingest": [r["delivery_id"] for r in rows]})


# --- recovery ------------------------------------------------------------------------------------------


def _recover(progress: Progress) -> None:
    """Remove rows of deliveries that a killed run wrote without registering them."""
    registered = {(d["delivery_id"], d["mapping_hash"]) for d in deliveries()}
    for name in [spec.name for spec in feeds().values()] + [QUARANTINE]:
        marks = tables.last_metadata(name).get("ingest", [])
        orphans = sorted({(d, m) for d, m in marks} - registered)
        if orphans:
            progress("ingest", f"removing what an interrupted run left in {name}", len(orphans))
            clauses = (f"(delivery_id = '{d}' AND mapping_hash = '{m}')" for d, m in orphans)
            tables.delete(contract(name), " OR ".join(clauses))


def _drop_of(row: dict[str, Any]) -> Drop:
    return Drop(
        path=Path(row["source_file"]),
        feed=row["feed"],
        period=row["period"],
        part=row["part"] or "",
        checksum=row["checksum"],
        records=row["records_in"],
        known_at=row["known_at"],
    )


def _fresh_inbox() -> Path:
    inbox = settings().engine / "inbox"
    shutil.rmtree(inbox, ignore_errors=True)
    inbox.mkdir(parents=True)
    return inbox
