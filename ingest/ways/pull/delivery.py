"""Rows of a view become a delivery, identified by its content like a file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa

from ingest.readers.headings import some
from ingest.readers.records import Records, in_blocks
from ingest.register.deliveries import Drop
from ingest.ways.pull.reading import Part, Reading
from ingest.ways.run import Taken, entry_of
from schemas.errors import RejectedError
from schemas.periods import meet, overlap

#: Rows that are hashed and spooled at a time.
BLOCK_ROWS = 50_000


def delivery(reading: Reading, view: str, part: Part) -> tuple[Drop, Records]:
    """A view's rows as a delivery of a period and part, identified by their content."""
    plan = reading.plan
    scratch = reading.scratch / str(uuid4())
    scratch.mkdir()
    checksum = hashlib.sha256(json.dumps(plan.headings, ensure_ascii=False).encode())
    records = in_blocks(plan.headings, _blocks(reading, view, checksum), plan.where, scratch)
    drop = Drop(
        Path(plan.where), plan.spec.table, *part, checksum.hexdigest(), records.count, reading.asked.now
    )
    return drop, records


def _blocks(reading: Reading, view: str, checksum: Any) -> Iterator[tuple[list[pa.Array], pa.Array | None]]:
    """Cells in an order that does not depend on the database's order; their lines update the checksum."""
    cells = [f"c{i}" for i in range(len(reading.plan.headings))]
    ordered = f"SELECT {', '.join(cells)}, line FROM {view} ORDER BY watermark NULLS FIRST, line"
    for block in reading.work.inbox.connection.execute(ordered).to_arrow_reader(BLOCK_ROWS):
        lines = block.column("line").cast(pa.string())
        for line in lines.to_pylist():
            checksum.update(f"{line}\n".encode())
        texts = [block.column(c).cast(pa.string()) for c in cells]
        yield texts, lines if reading.plan.source.format == "jsonl" else None


def reported(reading: Reading, taken: Taken, message: str = "") -> Taken:
    """Add the delivery to the run's report, and return it."""
    entry = entry_of(taken.drop, taken)
    plan = reading.plan
    unknown = f"columns not in the mapping, not read: {some(plan.unknown)}" if plan.unknown else ""
    entry.message = entry.message or message or unknown
    reading.work.report.files.append(entry)
    reading.work.progress("ingest", f"{plan.spec.table} {entry.period}", entry.records_in)
    return taken


def check_overlap(reading: Reading, found: Sequence[Part]) -> None:
    """Check that no period of a table is in another one: a table has a year or its months.

    Raises:
        RejectedError: it has both.
    """
    for period, part in found:
        for other, of_part in found:
            is_within_it = len(period) < len(other) and overlap(period, other)
            if is_within_it and meet({"part": part}, {"part": of_part}):
                raise RejectedError(
                    f"{reading.plan.where}: rows of {period} and of {other}, which is in it; their figures "
                    f"would be counted twice; correct column {reading.plan.database.period}"
                )
