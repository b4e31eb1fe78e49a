"""What every reader gives: a file's records as a table of text cells with record numbers.

A broken record stays a row: it has the reason why it is none, and the record as one text where it has no cells. What
a small file holds stays in memory; a large one goes through a scratch file on disk that is mapped into memory.
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

#: Columns of a reader's table beside ``cell_0``, ``cell_1`` …
CELL = "cell_"
#: The cells under a heading as corrected, where a correction speaks of one; the others stay as sent.
CORRECTED = "corrected_"
SOURCE_ROW = "source_row"
SOURCE_FILE = "source_file"
#: The record as one text where it has no cells: a JSON line, or a line with too many or too few cells.
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
    """A file's records as text: one row for each, whether broken or not.

    ``table`` has a text column ``cell_<i>`` for each heading, record numbers as a spreadsheet shows them, and
    the reason why a record is none, where it is.
    """

    headings: list[str]
    table: pa.Table

    @property
    def count(self) -> int:
        return int(self.table.num_rows)


def cell_columns(records: Records) -> dict[str, str]:
    """Heading → the column that has its cells, corrected where there is a correction."""
    names = set(records.table.column_names)
    return {
        heading: f"{CORRECTED}{i}" if f"{CORRECTED}{i}" in names else f"{CELL}{i}"
        for i, heading in enumerate(records.headings)
    }


def source_of(spec: Feed) -> Source:
    """How the sender of a feed sends it; only feeds are read."""
    return spec.source


def in_blocks(
    headings: list[str], blocks: Iterator[tuple[list[pa.Array], pa.Array | None]], name: str, scratch: Path
) -> Records:
    """Records that another reader hands over, a block at a time, numbered from 1.

    Args:
        blocks: at least one; the cells under each heading, and the records as one text each, where the feed's
            records are kept as such.
        name: what stands for the file.
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
    """The records with the name of the file from which they came."""
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
    """The records, of which there are some that have as many cells as headings.

    Raises:
        RejectedError: there are none.
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
    """Records from the cells under each heading and the records' numbers."""
    count = len(numbers)
    names = [f"{CELL}{i}" for i in range(len(cells))]
    tail = [pa.array(numbers, pa.int64()), pa.nulls(count, pa.string()), pa.nulls(count, pa.string())]
    schema = pa.schema([pa.field(n, pa.string()) for n in names] + _SCHEMA_TAIL)
    return pa.table([*cells, *tail], schema=schema)


def with_broken(table: pa.Table, broken: Sequence[tuple[int, str]], reason: str = "record:cells") -> pa.Table:
    """The records, and after them those that are none: their numbers and texts."""
    if not broken:
        return table
    columns = {name: pa.nulls(len(broken), table.schema.field(name).type) for name in table.column_names}
    columns[SOURCE_ROW] = pa.array([n for n, _ in broken], pa.int64())
    columns[RAW_TEXT] = pa.array([text for _, text in broken], pa.string())
    columns[RECORD_REASON] = pa.array([reason] * len(broken), pa.string())
    return pa.concat_tables([table, pa.table(columns, schema=table.schema)])


def marked(table: pa.Table, which: pa.ChunkedArray, reason: str) -> pa.Table:
    """The records in question with their reason, those that have one already with the older one."""
    reasons = pc.if_else(which, pc.coalesce(table[RECORD_REASON], pa.scalar(reason)), table[RECORD_REASON])
    return table.set_column(table.column_names.index(RECORD_REASON), RECORD_REASON, reasons)


def mark_nul(table: pa.Table) -> pa.Table:
    """Records with a NUL byte are no text."""
    cells = [c for c in table.column_names if c.startswith(CELL)]
    found = pa.chunked_array([pa.repeat(pa.scalar(False), table.num_rows)])
    for cell in cells:
        found = pc.or_(found, pc.fill_null(pc.match_substring(table[cell], "\0"), False))
    return marked(table, found, "record:nul")


def batches_of(lines: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    """Items in lists of one size; the last one may be shorter."""
    block: list[_Item] = []
    for line in lines:
        block.append(line)
        if len(block) == size:
            yield block
            block = []
    if block:
        yield block


def spooled(tables: Iterator[pa.Table], scratch: Path) -> pa.Table:
    """The tables in a file that is mapped into memory: what was read takes no memory of its own."""
    path = scratch / f"spool-{len(list(scratch.iterdir()))}.arrow"
    first = next(tables)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, first.schema) as writer:
        writer.write_table(first)
        for table in tables:
            writer.write_table(table)
    return pa.ipc.open_file(pa.memory_map(str(path))).read_all()


def in_memory(tables: Iterator[pa.Table], headings: list[str]) -> Records:
    """The tables as records; without a table there are no records."""
    found = list(tables)
    return Records(headings, pa.concat_tables(found) if found else cell_table([], np.array([], np.int64)))
