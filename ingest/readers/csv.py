"""CSV files: one line for each record; quoted cells may contain line breaks.

Arrow parses them on all cores, but numbers records only on one core. So a file with a broken record is read again.
"""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import mmap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from ingest.readers.bounds import BLOCK_BYTES, IN_MEMORY_BYTES
from ingest.readers.encoding import refuse_utf8_within, wrong_encoding
from ingest.readers.headings import check_headings
from ingest.readers.records import (
    CELL,
    RAW_TEXT,
    RECORD_REASON,
    SOURCE_ROW,
    Records,
    cell_table,
    mark_nul,
    spooled,
    with_broken,
)
from schemas.errors import RejectedError
from schemas.source import Source


def read_csv(path: Path, name: str, source: Source, scratch: Path) -> Records:
    """A file's records.

    Raises:
        RejectedError: it is no CSV in the contract's encoding, or lacks a heading that the mapping reads.
    """
    try:
        headings, lines = _heading_record(path, source)
        check_headings(name, source, headings)
        table = None
        if path.stat().st_size <= IN_MEMORY_BYTES:
            table = _at_once(path, headings, lines, source)
        if table is None:
            table = spooled(_block_by_block(path, headings, lines, source), scratch)
    except UnicodeDecodeError as error:
        raise wrong_encoding(name, source, error) from None
    except (pa.ArrowInvalid, csv.Error) as error:
        raise _unreadable(name, source, error) from None
    _refuse_open_quote(path, name, table)
    if source.encoding == "gb18030":
        refuse_utf8_within(path, name)
    table = _numbered_as_shown(path, table)
    return Records(headings, mark_nul(table) if _holds(path, b"\0") else table)


def _heading_record(path: Path, source: Source) -> tuple[list[str], int]:
    """The headings in the contract's spelling, and their number of lines: a quoted heading may have a line break."""
    with path.open("rb") as file:
        start = file.read(BLOCK_BYTES)
    encoding = "utf-8-sig" if source.encoding.startswith("utf-8") else source.encoding
    # the block may end in the middle of a character
    text = codecs.getincrementaldecoder(encoding)().decode(start, final=len(start) < BLOCK_BYTES)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=source.delimiter)
    return source.named(next(reader, [])), reader.line_num


def _options(
    headings: list[str],
    lines: int,
    source: Source,
    on_broken: Callable[[pyarrow.csv.InvalidRow], str],
    *,
    threads: bool,
) -> dict[str, Any]:
    return {
        "read_options": pyarrow.csv.ReadOptions(
            use_threads=threads,
            column_names=headings,
            skip_rows=lines,
            block_size=BLOCK_BYTES,
            encoding="utf8" if source.encoding.startswith("utf-8") else source.encoding,
        ),
        "parse_options": pyarrow.csv.ParseOptions(
            delimiter=source.delimiter,
            newlines_in_values=True,
            invalid_row_handler=on_broken,
            ignore_empty_lines=True,
        ),
        "convert_options": pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys(headings, pa.string()),
            strings_can_be_null=False,
            quoted_strings_can_be_null=False,
        ),
    }


def _at_once(path: Path, headings: list[str], lines: int, source: Source) -> pa.Table | None:
    """All records, parsed on all cores; None if a record has too many or too few cells: its number is unknown then."""
    broken = 0

    def count(_: pyarrow.csv.InvalidRow) -> str:
        nonlocal broken
        broken += 1
        return "skip"

    table = pyarrow.csv.read_csv(path, **_options(headings, lines, source, count, threads=True))
    if broken:
        return None
    numbers = pa.array(np.arange(2, table.num_rows + 2, dtype=np.int64))
    nulls = pa.nulls(table.num_rows, pa.string())
    named = table.rename_columns([f"{CELL}{i}" for i in range(len(headings))])
    return (
        named.append_column(SOURCE_ROW, numbers)
        .append_column(RAW_TEXT, nulls)
        .append_column(RECORD_REASON, nulls)
    )


def _block_by_block(path: Path, headings: list[str], lines: int, source: Source) -> Iterator[pa.Table]:
    broken: list[tuple[int, str]] = []

    def keep(row: pyarrow.csv.InvalidRow) -> str:
        broken.append((row.number - lines + 1, row.text or ""))
        return "skip"

    following, yielded = 2, 0
    reader = pyarrow.csv.open_csv(path, **_options(headings, lines, source, keep, threads=False))
    for batch in reader:
        skipped = np.array([n for n, _ in broken], np.int64)
        numbers = np.arange(following, following + batch.num_rows + len(skipped))
        numbers = numbers[~np.isin(numbers, skipped)][: batch.num_rows]
        following = int(numbers[-1]) + 1 if len(numbers) else following
        yield with_broken(cell_table(batch.columns, numbers), broken[yielded:])
        yielded = len(broken)
    yield with_broken(
        cell_table([pa.array([], pa.string())] * len(headings), np.array([], np.int64)), broken[yielded:]
    )


def _numbered_as_shown(path: Path, table: pa.Table) -> pa.Table:
    """Renumber the records so that blank lines count too, as in a spreadsheet."""
    if not (_holds(path, b"\n\n") or _holds(path, b"\n\r\n")):
        return table
    rows, numbers = _filled_rows(path), table[SOURCE_ROW].to_numpy()
    # an unquoted text with a quote in it makes the two counts differ; then the numbers stay
    if len(rows) != numbers.max(initial=0):
        return table
    shown = pa.array(rows[numbers - 1], pa.int64())
    return table.set_column(table.column_names.index(SOURCE_ROW), SOURCE_ROW, shown)


def _filled_rows(path: Path) -> np.ndarray[Any, Any]:
    """Numbers of the rows that are not blank, headings included; a row ends at a line break outside quotes."""
    filled: list[np.ndarray[Any, Any]] = []
    rows_before = 0
    rest = b""
    with path.open("rb") as file:
        for block in itertools.chain(iter(lambda: file.read(BLOCK_BYTES), b""), [b"\n"]):
            text = np.frombuffer(rest + block, np.uint8)
            quotes = np.flatnonzero(text == ord('"'))
            breaks = np.flatnonzero(text == ord("\n"))
            ends = breaks[np.searchsorted(quotes, breaks) % 2 == 0]
            starts = np.concatenate(([0], ends[:-1] + 1))[: len(ends)]
            lengths = ends - starts
            is_blank = (lengths == 0) | ((lengths == 1) & (text[starts] == ord("\r")))
            filled.append(rows_before + 1 + np.flatnonzero(~is_blank))
            rows_before += len(ends)
            last = int(ends[-1]) + 1 if len(ends) else 0
            rest = text[last:].tobytes()
            if len(rest) > BLOCK_BYTES:
                break  # a quote that is never closed
    return np.concatenate(filled)


def _refuse_open_quote(path: Path, name: str, table: pa.Table) -> None:
    """Refuse an unclosed quote: it would turn all following records into one cell."""
    if not table.num_rows or _count(path, b'"') % 2 == 0:
        return
    number = pc.max(table[SOURCE_ROW]).as_py()
    [last] = table.filter(pc.equal(table[SOURCE_ROW], number)).to_pylist()
    if any("\n" in text for column, text in last.items() if column != SOURCE_ROW and text):
        raise RejectedError(
            f"{name}: a quote is opened in record {number} and never closed; correct the file"
        )


def _unreadable(name: str, source: Source, error: Exception) -> RejectedError:
    text = str(error).splitlines()[0]
    if "UTF8" in text:
        return wrong_encoding(name, source, error)
    if "straddling" in text:
        return RejectedError(
            f"{name}: a record of more than {BLOCK_BYTES >> 20} MiB, or a quote that is never closed"
        )
    return RejectedError(f"{name}: not readable as CSV: {text}")


def _holds(path: Path, wanted: bytes) -> bool:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(wanted) >= 0


def _count(path: Path, wanted: bytes) -> int:
    with path.open("rb") as file:
        return sum(block.count(wanted) for block in iter(lambda: file.read(BLOCK_BYTES), b""))
