"""A batch of Kafka records → text cells, like those that the reader of JSON lines returns for files.

Spark reads the batch and writes it to files, with long records truncated. Here they are read part by part, so memory is
bounded whatever a sender sends.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ingest.readers.json_lines import json_records
from ingest.readers.records import SOURCE_FILE, SOURCE_ROW, Records
from schemas.contract import Feed

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

#: A longer record is refused, and only its first ``KEPT_BYTES`` are kept, so that memory does not depend on the sender.
MAX_RECORD_BYTES = 1 << 20
KEPT_BYTES = 64 << 10
#: Size of the records that are mapped at a time.
PART_BYTES = 64 << 20
#: Columns in addition to those of a file's records: the topic's partition, and the time of a record's arrival.
PARTITION = "partition"
ARRIVED = "arrived_at"


def keep(batch: DataFrame, folder: Path) -> None:
    """Write a batch's records as Parquet files with partition, offset, time (µs), size and value."""
    from pyspark.sql import functions as F

    size = F.length("value")
    beginning = F.substring("value", 1, KEPT_BYTES)
    batch.select(
        PARTITION,
        "offset",
        F.unix_micros("timestamp").alias("time"),
        size.alias("size"),
        F.when(size > MAX_RECORD_BYTES, beginning).otherwise(F.col("value")).alias("value"),
    ).write.option("compression", "lz4_raw").parquet(str(folder))


def kept(folder: Path) -> Iterator[pa.Table]:
    """The written records, part by part."""
    gathered: list[pa.Table] = []
    for path in sorted(folder.glob("*.parquet")):
        with pq.ParquetFile(path) as file:
            for group in range(file.num_row_groups):
                gathered.append(file.read_row_group(group))
                if sum(part.nbytes for part in gathered) > PART_BYTES:
                    yield pa.concat_tables(gathered)
                    gathered = []
    if gathered:
        yield pa.concat_tables(gathered)


def records_of(messages: pa.Table, spec: Feed, topic: str, begun_at: datetime) -> Records:
    """Text cells of messages; their file is topic and partition, their record number is the offset.

    Args:
        begun_at: start of the batch; a later broker time of a record is replaced by it.
    """
    lines: list[tuple[int, str]] = []
    unreadable: list[tuple[int, str, str]] = []
    for position, (value, size) in enumerate(
        zip(messages["value"].to_pylist(), messages["size"].to_pylist(), strict=True)
    ):
        if value is None:
            unreadable.append((position, "", "record:json"))
        elif size > MAX_RECORD_BYTES:
            unreadable.append((position, _as_text(value), "record:size"))
        else:
            try:
                lines.append((position, value.decode()))
            except UnicodeDecodeError:
                unreadable.append((position, _as_text(value), "record:encoding"))
    records = json_records(lines, spec, unreadable)
    ordered = messages.take(records.table[SOURCE_ROW])
    partitions = ordered[PARTITION].cast(pa.string())
    moment = pa.timestamp("us", tz="UTC")
    arrived = pc.min_element_wise(ordered["time"], pa.scalar(begun_at, moment).value).cast(moment)
    at = records.table.column_names.index(SOURCE_ROW)
    table = (
        records.table.set_column(at, SOURCE_ROW, ordered["offset"])
        .append_column(SOURCE_FILE, pc.binary_join_element_wise(topic, partitions, "/"))
        .append_column(PARTITION, partitions)
        .append_column(ARRIVED, arrived)
    )
    return Records(records.headings, table)


def _as_text(value: bytes) -> str:
    return "base64:" + base64.b64encode(value[:KEPT_BYTES]).decode()
