"""The result of every reader: a file's records as a table of text cells with record numbers.

A broken record is a row too: it has the reason why it is broken, and the record as one text if it has no cells. The
records of a small file stay in memory; those of a large file are in a memory-mapped scratch file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.contract import Feed
from schemas.errors import RejectedError
from schemas.source import Source

_Item = TypeVar("_Item")

#: Columns of a reader's table are ``cell_0``, ``cell_1`` … and the following.
CELL = "cell_"
#: Prefix of the cells under a heading with corrections: corrected cells, and the others as sent.
CORRECTED = "corrected_"
SOURCE_ROW = "source_row"
SOURCE_FILE = "source_file"
#: The record as one text if it has no cells: a JSON line, or a line with too many or too few cells.
RAW_TEXT = "raw_text"
RECORD_REASON = "record_reason"
#: Reasons of records that cannot be taken apart into cells.
WITHOUT_CELLS = ("record:cells", "record:json", "record:field_twice", "record:size", "record:encoding")

_SCHEMA_TAIL = [
    pa.field(SOURCE_ROW, pa.int64()),
    pa.field(RAW_TEXT, pa.string()),
    pa.field(RECORD_REASON, pa.string()),
]


@dataclass(frozen=True)
class Records:
    """A file's records as text: one row for each, broken ones included.

    ``table`` has a text column ``cell_<i>`` for each heading, record numbers as a spreadsheet shows them, and the
    reason why a record is broken.
    """

    headings: list[str]
    table: pa.Table

    @property
    def count(self) -> int:
        return int(self.table.num_rows)


def cell_columns(records: Records) -> dict[str, str]:
    """Heading → the column with its cells: the corrected column if it exists."""
    names = set(records.table.column_names)
    return {
        heading: f"{CORRECTED}{i}" if f"{CORRECTED}{i}" in names else f"{CELL}{i}"
        for i, heading in enumerate(records.headings)
    }


def source_of(spec: Feed) -> Source:
    """The source block of a feed's contract: how its sender delivers it."""
    return spec.source


def in_blocks(
    headings: list[str], blocks: Iterator[tuple[list[pa.Array], pa.Array | None]], name: str, scratch: Path
) -> Records:
    """Records from blocks of cells, numbered from 1.

    Args:
        blocks: at least one block: the cells under each heading, and each record as one text if the feed keeps its
            records so.
        name: name that is used in place of a file's.
        scratch: an existing folder for the cells, which the result maps.
    """

    def numbered() -> Iterator[pa.Table]:
        following = 1
        for cells, texts in blocks:
            table = cell_table(cells, np.arange(following, following + len(cells[0]), dtype=np.int64))
            following += len(cells[0])
            if texts is not None:
                table = table.set_column(table.column_names.index(RAW_TEXT), RAW_TEXT, texts)
            yield table

    return from_file(Records(headings, spooled(numbered(), scratch)), name)


def from_file(records: Records, file: str) -> Records:
    """The records with the name of their file."""
    label = pa.repeat(pa.scalar(file), records.count)
    return replace(records, table=records.table.append_column(SOURCE_FILE, label))


def joined(archive: str, parts: list[Records], kind: str = "files") -> Records:
    """The records of all parts, one part after the other.

    Raises:
        RejectedError: the parts have different headings.
    """
    first, *others = parts
    if any(part.headings != first.headings for part in others):
        raise RejectedError(f"{archive}: its {kind} have different headings; send them one by one")
    return Records(first.headings, pa.concat_tables([part.table for part in parts]))


def with_some(records: Records, name: str, source: Source) -> Records:
    """The records, if at least one has as many cells as headings.

    Raises:
        RejectedError: there is no such record.
    """
    if records.count == 0:
        raise RejectedError(f"{name}: headings but no record; ask {source.sender} to send it again")
    if pc.all(pc.equal(pc.fill_null(records.table[RECORD_REASON], ""), "record:cells")).as_py():
        raise RejectedError(
            f"{name}: no record has as many cells as the {len(records.headings)} headings; "
            f"ask {source.sender} to send it again"
        )
    return records


def cell_table(cells: Sequence[pa.Array], numbers: np.ndarray[Any, Any]) -> pa.Table:
    """A table of records from the cells under each heading and the record numbers."""
    count = len(numbers)
    names = [f"{CELL}{i}" for i in range(len(cells))]
    tail = [pa.array(numbers, pa.int64()), pa.nulls(count, pa.string()), pa.nulls(count, pa.string())]
    schema = pa.schema([pa.field(n, pa.string()) for n in names] + _SCHEMA_TAIL)
    return pa.table([*cells, *tail], schema=schema)


def with_broken(table: pa.Table, broken: Sequence[tuple[int, str]], reason: str = "record:cells") -> pa.Table:
    """The records followed by the broken ones, given by number and text."""
    if not broken:
        return table
    columns = {name: pa.nulls(len(broken), table.schema.field(name).type) for name in table.column_names}
    columns[SOURCE_ROW] = pa.array([n for n, _ in broken], pa.int64())
    columns[RAW_TEXT] = pa.array([text for _, text in broken], pa.string())
    columns[RECORD_REASON] = pa.array([reason] * len(broken), pa.string())
    return pa.concat_tables([table, pa.table(columns, schema=table.schema)])


def marked(table: pa.Table, which: pa.ChunkedArray, reason: str) -> pa.Table:
    """The table with a reason for the masked records; a record that has a reason already keeps it."""
    reasons = pc.if_else(which, pc.coalesce(table[RECORD_REASON], pa.scalar(reason)), table[RECORD_REASON])
    return table.set_column(table.column_names.index(RECORD_REASON), RECORD_REASON, reasons)


def mark_nul(table: pa.Table) -> pa.Table:
    """Mark records with a NUL byte: they are no text."""
    cells = [c for c in table.column_names if c.startswith(CELL)]
    has_nul = pa.chunked_array([pa.repeat(pa.scalar(False), table.num_rows)])
    for cell in cells:
        has_nul = pc.or_(has_nul, pc.fill_null(pc.match_substring(table[cell], "\0"), False))
    return marked(table, has_nul, "record:nul")


def batches_of(lines: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    """Items in lists of one size; the last list may be shorter."""
    block: list[_Item] = []
    for line in lines:
        block.append(line)
        if len(block) == size:
            yield block
            block = []
    if block:
        yield block


def spooled(tables: Iterator[pa.Table], scratch: Path) -> pa.Table:
    """The tables in a memory-mapped file, which needs no memory of its own."""
    path = scratch / f"spool-{len(list(scratch.iterdir()))}.arrow"
    first = next(tables)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, first.schema) as writer:
        writer.write_table(first)
        for table in tables:
            writer.write_table(table)
    return pa.ipc.open_file(pa.memory_map(str(path))).read_all()


def in_memory(tables: Iterator[pa.Table], headings: list[str]) -> Records:
    """The tables as records in memory; none without a table."""
    parts = list(tables)
    return Records(headings, pa.concat_tables(parts) if parts else cell_table([], np.array([], np.int64)))
