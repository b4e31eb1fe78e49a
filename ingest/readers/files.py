"""The bounded reader: a sender's file becomes text cells with record numbers.

A file is read strictly in the encoding of its contract; nothing is converted or dropped. What a small file holds
stays in memory, a large one goes through a scratch file on disk that is mapped into memory, so that no input
takes more memory than ``IN_MEMORY_BYTES`` and a few blocks.
"""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import json
import mmap
import os
import re
import stat
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from ingest.readers import archives, excel
from schemas.contract import Contract, Source
from schemas.errors import RejectedError

MAX_FILE_BYTES = 4 << 30
#: Files up to this size are held in memory.
IN_MEMORY_BYTES = 512 << 20
#: A record must fit in a block.
BLOCK_BYTES = 8 << 20
MAX_HEADINGS = 2000
#: Lines of JSON that are looked at for fields which the mapping does not know.
SAMPLED_LINES = 100

#: Fields of JSON lines that are taken apart together.
MAX_LAYOUT = 200

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


def read_records(path: Path, spec: Contract, scratch: Path) -> Records:
    """Read one file, or all files of a zip archive, as its contract says it is sent.

    Args:
        scratch: an existing folder for what does not fit in memory; the result may map files in it.

    Raises:
        RejectedError: the file is empty, unreadable, in another encoding, too large, or lacks a heading.
    """
    source = _source(spec)
    check_file(path, path.name)
    if path.suffix.lower() == ".zip":
        members = archives.extract(path, scratch, MAX_FILE_BYTES)
        parts = [_read_one(file, f"{path.name}/{name}", spec, scratch) for name, file in members]
        records = _joined(path.name, parts)
    else:
        records = _read_one(path, path.name, spec, scratch)
    if source.format == "jsonl":
        _check_fields(path.name, spec, records)
    return records


def kept(
    by_file: Mapping[str, Sequence[tuple[int, list[str]]]], headings: list[str], spec: Contract
) -> Records:
    """Records that were kept, as they were sent: record numbers and original records by file."""
    source, of_one = _source(spec), _kept_cells
    if source.format == "jsonl":
        headings, of_one = list(dict.fromkeys((*source.headings, *headings))), _kept_lines
    else:
        headings = source.named(headings)
    parts = [_named(of_one(records, headings, source), file) for file, records in sorted(by_file.items())]
    return Records(headings, pa.concat_tables([part.table for part in parts]))


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
            table = _table(cells, np.arange(following, following + len(cells[0]), dtype=np.int64))
            following += len(cells[0])
            if texts is not None:
                table = table.set_column(table.column_names.index(RAW_TEXT), RAW_TEXT, texts)
            yield table

    return _named(Records(headings, _spooled(numbered(), scratch)), name)


def _kept_lines(records: Sequence[tuple[int, list[str]]], headings: list[str], source: Source) -> Records:
    return _spooled_in_memory(_json_batches(((n, cells[0]) for n, cells in records), source), headings)


def _kept_cells(records: Sequence[tuple[int, list[str]]], headings: list[str], source: Source) -> Records:
    whole = [r for r in records if len(r[1]) == len(headings)]
    broken = [(n, cells[0] if cells else "") for n, cells in records if len(cells) != len(headings)]
    columns = [pa.array([cells[i] for _, cells in whole], pa.string()) for i in range(len(headings))]
    table = _table(columns, np.array([n for n, _ in whole], np.int64))
    table = _mark_nul(_with_broken(table, broken))
    return Records(headings, _mark_valueless(table, headings, source) if source.format == "excel" else table)


def _named(records: Records, file: str) -> Records:
    label = pa.repeat(pa.scalar(file), records.count)
    return replace(records, table=records.table.append_column(SOURCE_FILE, label))


def unknown_headings(source: Source, headings: Sequence[str]) -> list[str]:
    """Headings that the mapping neither uses nor ignores by name: a change at the sender's."""
    known = set(source.headings) | set(source.ignored)
    return [h for h in headings if h not in known]


def some(headings: Sequence[str]) -> str:
    """Headings for a message, which is one line."""
    more = f" and {len(headings) - 12:,} more" if len(headings) > 12 else ""
    return ", ".join(" ".join(h[:40].split()) for h in headings[:12]) + more


def _source(spec: Contract) -> Source:
    assert spec.source is not None
    return spec.source


def _read_one(path: Path, name: str, spec: Contract, scratch: Path) -> Records:
    source = _source(spec)
    if check_file(path, name) == 0:
        raise RejectedError(f"{name}: the file is empty; ask {source.sender} to send it again")
    if source.format == "excel":
        return _read_excel(path, name, spec, scratch)
    read = _read_csv if source.format == "csv" else _read_json_lines
    records = _with_some(read(path, name, source, scratch), name, source)
    return _named(records, name)


def _with_some(records: Records, name: str, source: Source) -> Records:
    if records.count == 0:
        raise RejectedError(f"{name}: headings but no record; ask {source.sender} to send it again")
    if pc.all(pc.equal(pc.fill_null(records.table[RECORD_REASON], ""), "record:cells")).as_py():
        raise RejectedError(
            f"{name}: no record has as many cells as the {len(records.headings)} headings; "
            f"ask {source.sender} to send it again"
        )
    return records


def check_file(path: Path, name: str) -> int:
    """Size of a file that may be read; looked at before anything reads it, its checksum included.

    Raises:
        RejectedError: it is a link, a device or a pipe, or too large.
    """
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode):
        raise RejectedError(f"{name}: a link or a device, not a file; put the file itself there")
    if status.st_size > MAX_FILE_BYTES:
        raise RejectedError(f"{name}: larger than {MAX_FILE_BYTES >> 30} GiB; split it")
    return status.st_size


def _joined(archive: str, parts: list[Records], kind: str = "files") -> Records:
    first, *others = parts
    if any(part.headings != first.headings for part in others):
        raise RejectedError(f"{archive}: its {kind} have different headings; send them one by one")
    return Records(first.headings, pa.concat_tables([part.table for part in parts]))


def _check_headings(name: str, source: Source, headings: Sequence[str]) -> None:
    if len(headings) > MAX_HEADINGS:
        raise RejectedError(
            f"{name}: {len(headings):,} columns in the heading; at most {MAX_HEADINGS:,} are read"
        )
    missing = [h for h in source.headings if h not in headings]
    if missing:
        raise RejectedError(f"{name}: no column {some(missing)}; the file has {some(headings)}")
    repeated = sorted({h for h in headings if headings.count(h) > 1})
    if repeated:
        raise RejectedError(f"{name}: column {some(repeated)} appears more than once")


def _check_fields(name: str, spec: Contract, records: Records) -> None:
    """JSON has no heading line: a field that the table requires and no record has is a missing column."""
    source = _source(spec)
    required = [
        source.mapping[c.name].heading for c in spec.columns if c.required and c.name in source.mapping
    ]
    missing = [
        h
        for h in required
        if h and not pc.any(pc.not_equal(records.table[f"{CELL}{records.headings.index(h)}"], "")).as_py()
    ]
    if missing:
        raise RejectedError(f"{name}: no record has a field {', '.join(missing)}")


def _wrong_encoding(name: str, source: Source, error: Exception) -> RejectedError:
    return RejectedError(
        f"{name}: not {source.encoding} as its contract says ({error}); "
        "ask for the right encoding or change source.encoding"
    )


# --- tables ----------------------------------------------------------------------------------------


def _table(cells: Sequence[pa.Array], numbers: np.ndarray[Any, Any]) -> pa.Table:
    count = len(numbers)
    names = [f"{CELL}{i}" for i in range(len(cells))]
    tail = [pa.array(numbers, pa.int64()), pa.nulls(count, pa.string()), pa.nulls(count, pa.string())]
    schema = pa.schema([pa.field(n, pa.string()) for n in names] + _SCHEMA_TAIL)
    return pa.table([*cells, *tail], schema=schema)


def _with_broken(
    table: pa.Table, broken: Sequence[tuple[int, str]], reason: str = "record:cells"
) -> pa.Table:
    if not broken:
        return table
    columns = {name: pa.nulls(len(broken), table.schema.field(name).type) for name in table.column_names}
    columns[SOURCE_ROW] = pa.array([n for n, _ in broken], pa.int64())
    columns[RAW_TEXT] = pa.array([text for _, text in broken], pa.string())
    columns[RECORD_REASON] = pa.array([reason] * len(broken), pa.string())
    return pa.concat_tables([table, pa.table(columns, schema=table.schema)])


def _spooled(tables: Iterator[pa.Table], scratch: Path) -> pa.Table:
    """The tables in a file that is mapped into memory: what was read takes no memory of its own."""
    path = scratch / f"spool-{len(list(scratch.iterdir()))}.arrow"
    first = next(tables)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, first.schema) as writer:
        writer.write_table(first)
        for table in tables:
            writer.write_table(table)
    return pa.ipc.open_file(pa.memory_map(str(path))).read_all()


def _spooled_in_memory(tables: Iterator[pa.Table], headings: list[str]) -> Records:
    found = list(tables)
    return Records(headings, pa.concat_tables(found) if found else _table([], np.array([], np.int64)))


# --- CSV -------------------------------------------------------------------------------------------


def _read_csv(path: Path, name: str, source: Source, scratch: Path) -> Records:
    try:
        headings, lines = _heading_record(path, source)
        _check_headings(name, source, headings)
        table = None
        if path.stat().st_size <= IN_MEMORY_BYTES:
            table = _csv_at_once(path, headings, lines, source)
        if table is None:
            table = _spooled(_csv_in_blocks(path, headings, lines, source), scratch)
    except UnicodeDecodeError as error:
        raise _wrong_encoding(name, source, error) from None
    except (pa.ArrowInvalid, csv.Error) as error:
        raise _unreadable_csv(name, source, error) from None
    _refuse_open_quote(path, name, table)
    if source.encoding == "gb18030":
        refuse_utf8_within(path, name)
    table = _numbered_as_shown(path, table)
    return Records(headings, _mark_nul(table) if _holds(path, b"\0") else table)


def _numbered_as_shown(path: Path, table: pa.Table) -> pa.Table:
    """Record numbers that count blank lines too, as a spreadsheet does."""
    if not (_holds(path, b"\n\n") or _holds(path, b"\n\r\n")):
        return table
    rows, numbers = _filled_rows(path), table[SOURCE_ROW].to_numpy()
    # a quote within a plain text is no beginning of a quoted one: then nobody can tell
    if len(rows) != numbers.max(initial=0):
        return table
    shown = pa.array(rows[numbers - 1], pa.int64())
    return table.set_column(table.column_names.index(SOURCE_ROW), SOURCE_ROW, shown)


def _filled_rows(path: Path) -> np.ndarray[Any, Any]:
    """Rows that are not blank, the headings' included; a row ends at a line break outside of quotes."""
    found: list[np.ndarray[Any, Any]] = []
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
            found.append(rows_before + 1 + np.flatnonzero(~is_blank))
            rows_before += len(ends)
            last = int(ends[-1]) + 1 if len(ends) else 0
            rest = text[last:].tobytes()
            if len(rest) > BLOCK_BYTES:
                break  # a quote that is never closed
    return np.concatenate(found)


def _refuse_open_quote(path: Path, name: str, table: pa.Table) -> None:
    """A quote that is never closed makes one cell of all that follows it, and of many records one."""
    if not table.num_rows or _count(path, b'"') % 2 == 0:
        return
    number = pc.max(table[SOURCE_ROW]).as_py()
    [last] = table.filter(pc.equal(table[SOURCE_ROW], number)).to_pylist()
    if any("\n" in text for column, text in last.items() if column != SOURCE_ROW and text):
        raise RejectedError(f"{name}: a quote is opened in record {number} and never closed; mend the file")


#: Four Chinese characters or more in UTF-8 between plain ones. GB18030 has such bytes in one text of 10¹⁰.
_UTF8_RUN = re.compile(rb"[\x00-\x7f](?:[\xe4-\xe9][\x80-\xbf]{2}){4,}(?:[\x00-\x7f]|\Z)")


def refuse_utf8_within(path: Path, name: str) -> None:
    """UTF-8 read as GB18030 is often text, only another: strict decoding does not find it."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if found := _UTF8_RUN.search(content):
            line = _lines_before(content, found.start() + 1) + 1
            raise RejectedError(
                f"{name}: line {line} holds UTF-8 in a file of GB18030; send it whole in one encoding"
            )


def _lines_before(content: mmap.mmap, end: int) -> int:
    return sum(content[i : min(i + BLOCK_BYTES, end)].count(b"\n") for i in range(0, end, BLOCK_BYTES))


def _unreadable_csv(name: str, source: Source, error: Exception) -> RejectedError:
    text = str(error).splitlines()[0]
    if "UTF8" in text:
        return _wrong_encoding(name, source, error)
    if "straddling" in text:
        return RejectedError(
            f"{name}: a record of more than {BLOCK_BYTES >> 20} MiB, or a quote that is never closed"
        )
    return RejectedError(f"{name}: not readable as CSV: {text}")


def _csv_at_once(path: Path, headings: list[str], lines: int, source: Source) -> pa.Table | None:
    """All records on all cores; None where a record has too many or too few cells: its number is known only to one."""
    broken = 0

    def count(_: pyarrow.csv.InvalidRow) -> str:
        nonlocal broken
        broken += 1
        return "skip"

    table = pyarrow.csv.read_csv(path, **_csv_options(headings, lines, source, count, threads=True))
    if broken:
        return None
    numbers = pa.array(np.arange(2, table.num_rows + 2, dtype=np.int64))
    nothing = pa.nulls(table.num_rows, pa.string())
    named = table.rename_columns([f"{CELL}{i}" for i in range(len(headings))])
    return (
        named.append_column(SOURCE_ROW, numbers)
        .append_column(RAW_TEXT, nothing)
        .append_column(RECORD_REASON, nothing)
    )


def _csv_in_blocks(path: Path, headings: list[str], lines: int, source: Source) -> Iterator[pa.Table]:
    broken: list[tuple[int, str]] = []

    def keep(row: pyarrow.csv.InvalidRow) -> str:
        broken.append((row.number - lines + 1, row.text or ""))
        return "skip"

    following, told = 2, 0
    reader = pyarrow.csv.open_csv(path, **_csv_options(headings, lines, source, keep, threads=False))
    for batch in reader:
        skipped = np.array([n for n, _ in broken], np.int64)
        numbers = np.arange(following, following + batch.num_rows + len(skipped))
        numbers = numbers[~np.isin(numbers, skipped)][: batch.num_rows]
        following = int(numbers[-1]) + 1 if len(numbers) else following
        yield _with_broken(_table(batch.columns, numbers), broken[told:])
        told = len(broken)
    yield _with_broken(
        _table([pa.array([], pa.string())] * len(headings), np.array([], np.int64)), broken[told:]
    )


def _csv_options(
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


def _heading_record(path: Path, source: Source) -> tuple[list[str], int]:
    """The headings as the contract writes them, and the lines that they take: a quoted one may have a line break."""
    with path.open("rb") as file:
        start = file.read(BLOCK_BYTES)
    encoding = "utf-8-sig" if source.encoding.startswith("utf-8") else source.encoding
    # the block may end within a character
    text = codecs.getincrementaldecoder(encoding)().decode(start, final=len(start) < BLOCK_BYTES)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=source.delimiter)
    return source.named(next(reader, [])), reader.line_num


def _holds(path: Path, wanted: bytes) -> bool:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(wanted) >= 0


def _count(path: Path, wanted: bytes) -> int:
    with path.open("rb") as file:
        return sum(block.count(wanted) for block in iter(lambda: file.read(BLOCK_BYTES), b""))


def _mark_nul(table: pa.Table) -> pa.Table:
    """Records with a NUL byte are no text."""
    cells = [c for c in table.column_names if c.startswith(CELL)]
    found = pa.chunked_array([pa.repeat(pa.scalar(False), table.num_rows)])
    for cell in cells:
        found = pc.or_(found, pc.fill_null(pc.match_substring(table[cell], "\0"), False))
    return _marked(table, found, "record:nul")


def _marked(table: pa.Table, which: pa.ChunkedArray, reason: str) -> pa.Table:
    """The records in question with their reason, those that have one already with the older one."""
    reasons = pc.if_else(which, pc.coalesce(table[RECORD_REASON], pa.scalar(reason)), table[RECORD_REASON])
    return table.set_column(table.column_names.index(RECORD_REASON), RECORD_REASON, reasons)


# --- JSON lines ------------------------------------------------------------------------------------


def refuse_json_document(name: str, start: str) -> None:
    """A file that is one JSON value: its records stand in an array, or in a field of an object.

    Raises:
        RejectedError: so it is.
    """
    text = start.lstrip("\ufeff" + _BLANKS)
    hint = "JSON lines are read: one object with a record in each line, no brackets around them"
    if re.match(r"\[\s*([{\]]|\Z)", text):
        raise RejectedError(f"{name}: a JSON array; {hint}")
    line = text.partition("\n")[0].rstrip()
    if line == "{":
        raise RejectedError(f"{name}: a JSON object over several lines; {hint}")


def _read_json_lines(path: Path, name: str, source: Source, scratch: Path) -> Records:
    try:
        with path.open("rb") as file:
            refuse_json_document(name, file.read(_JSON_START).decode(source.encoding, "replace"))
        sample = [line for _, line in zip(range(SAMPLED_LINES), _lines(path, name, source), strict=False)]
        headings = _json_headings(source, (line for _, line in sample))
        if len(headings) > MAX_HEADINGS + len(source.headings):
            raise RejectedError(
                f"{name}: {len(headings):,} fields in its first lines; at most {MAX_HEADINGS:,} are read"
            )
        layout = _layout(line for _, line in sample)
        batches = (
            _json_in_blocks(path, name, source, layout)
            if layout and source.encoding.startswith("utf-8")
            else _json_batches(_lines(path, name, source), source)
        )
        if path.stat().st_size <= IN_MEMORY_BYTES // 4:
            return _spooled_in_memory(batches, headings)
        return Records(headings, _spooled(batches, scratch))
    except UnicodeDecodeError as error:
        raise _wrong_encoding(name, source, error) from None


def _lines(path: Path, name: str, source: Source) -> Iterator[tuple[int, str]]:
    """Lines that are not empty, with their numbers."""
    numbers = itertools.count(1)
    for block in _whole_lines(path, name):
        # the line first: zip() would throw away the number that it took before it found no more lines
        for line, number in zip(block.split(b"\n")[:-1], numbers, strict=False):
            if line.strip():
                yield number, line.decode(source.encoding).rstrip("\r")


def _whole_lines(path: Path, name: str) -> Iterator[bytes]:
    """The file in blocks of whole lines with their ends, also of the last one, without a byte order mark."""
    rest = b""
    with path.open("rb") as file:
        if file.read(3) != codecs.BOM_UTF8:
            file.seek(0)
        while block := file.read(BLOCK_BYTES):
            whole, end, rest = (rest + block).rpartition(b"\n")
            if len(rest) > BLOCK_BYTES:
                raise RejectedError(f"{name}: a line of more than {BLOCK_BYTES >> 20} MiB")
            if end:
                yield whole + end
    if rest:
        yield rest + b"\n"


def json_records(
    lines: Sequence[tuple[int, str]], spec: Contract, unreadable: Sequence[tuple[int, str, str]]
) -> Records:
    """JSON texts with their numbers as records, and those without a text with what is kept of them, and why."""
    source = _source(spec)
    headings = _json_headings(source, (line for _, line in lines[:SAMPLED_LINES]))
    nothing = _table([pa.array([], pa.string()) for _ in source.headings], np.array([], np.int64))
    tables = [nothing, *_json_batches(lines, source)]
    for reason in {reason for _, _, reason in unreadable}:
        tables.append(_with_broken(nothing, [(n, text) for n, text, r in unreadable if r == reason], reason))
    return Records(headings, pa.concat_tables(tables))


#: Values of a flat record as JSON writes them, texts without escapes.
_JSON_TEXT = r'"[^"\\\x00-\x1f]*"'
_JSON_PLAIN = r"(?:-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null)"
_JSON_VALUE = rf"(?:{_JSON_TEXT}|{_JSON_PLAIN})"

#: As much of a file says whether it is one JSON value.
_JSON_START = 1 << 16
#: What a line without a record has.
_BLANKS = " \t\r\n\v\f"


#: The fields of a flat record in their order, and whether the value of each is a text.
_Layout = dict[str, bool]


def _layout(lines: Iterable[str]) -> _Layout:
    """That of the first line, if it is a flat record written without spaces as most senders' are."""
    line = next(iter(lines), "")
    if not re.fullmatch(rf"{{{_JSON_TEXT}:{_JSON_VALUE}(?:,{_JSON_TEXT}:{_JSON_VALUE})*}}", line):
        return {}
    fields = {field: isinstance(value, str) for field, value in json.loads(line).items()}
    # a field that comes twice is no layout, and of too many the expression would be too long
    return fields if line.count('":') == len(fields) <= MAX_LAYOUT else {}


def _json_in_blocks(path: Path, name: str, source: Source, layout: _Layout) -> Iterator[pa.Table]:
    """Lines of the layout are taken apart together, the others one by one by :func:`_json_batches`.

    It is what that one makes of them all: in a quarter of the time, in less where all lines are alike.
    """
    wanted = {heading: f"f{i}" for i, heading in enumerate(source.headings)}
    fields = [
        f"{re.escape(json.dumps(field, ensure_ascii=False))}:"
        + (f"(?P<{wanted[field]}>{_JSON_VALUE})" if field in wanted else _JSON_VALUE)
        for field in layout
    ]
    pattern = f"^(?P<line>{{{','.join(fields)}}})\n$"

    def table_of(
        lines: pa.StringArray, cells: Mapping[str, pa.Array], numbers: np.ndarray[Any, Any]
    ) -> pa.Table:
        nothing = pa.array([""], pa.string()).take(pa.array(np.zeros(len(lines), np.int64)))
        table = _table([cells.get(heading, nothing) for heading in source.headings], numbers)
        return table.set_column(table.column_names.index(RAW_TEXT), RAW_TEXT, lines)

    def taken_apart(numbers: np.ndarray[Any, Any], lines: pa.StringArray) -> pa.Table:
        if (cells := _cut(lines, layout)) is not None:
            return table_of(_without_ends(lines), cells, numbers)
        found = pc.extract_regex(lines, pattern)
        is_other = found.is_null().to_numpy(zero_copy_only=False)
        alike = found.filter(pa.array(~is_other))
        cells = {heading: _json_cells(alike.field(f)) for heading, f in wanted.items() if heading in layout}
        table = table_of(alike.field("line"), cells, numbers[~is_other])
        others = lines.filter(pa.array(is_other)).to_pylist()
        numbered = zip(numbers[is_other].tolist(), others, strict=True)
        left = [(n, text.removesuffix("\n").rstrip("\r")) for n, text in numbered if text.strip(_BLANKS)]
        if not left:
            return table
        # of records with the same key the first one counts
        return pa.concat_tables([table, *_json_batches(left, source)]).sort_by(SOURCE_ROW)

    threads = os.cpu_count() or 1
    with ThreadPoolExecutor(threads) as pool:
        before = 0
        for block in _whole_lines(path, name):
            lines = _split(block)
            parts = [p for p in np.array_split(np.arange(len(lines)), threads) if len(p)]
            yield from pool.map(
                taken_apart, [before + 1 + p for p in parts], [lines.slice(p[0], len(p)) for p in parts]
            )
            before += len(lines)


def _cut(lines: pa.StringArray, layout: _Layout) -> dict[str, pa.StringArray] | None:
    """The cells of lines that are all of the layout, cut out at their quotes; nothing where one is not.

    Their quotes tell where each value begins and ends, and what stands between the values is the same in all.
    """
    ends, text = _bounds(lines)
    found = np.flatnonzero(text == ord('"')).astype(np.int32)
    each = sum(4 if is_text else 2 for is_text in layout.values())
    controls = np.count_nonzero(text < ord(" "))
    if len(found) != each * len(lines) or controls != len(lines) or (text == ord("\\")).any():
        return None
    quotes = found.reshape(len(lines), each)
    starts, line_ends = ends[:-1] - ends[0], ends[1:] - ends[0]
    # a line's start, then where each value begins and ends
    cuts = [starts]
    between = ["{"]
    place = 0
    for field, is_text in layout.items():
        between[-1] += f"{json.dumps(field, ensure_ascii=False)}:" + ('"' if is_text else "")
        if is_text:
            cuts += [quotes[:, place + 2] + 1, quotes[:, place + 3]]
            place += 4
        else:
            after = quotes[:, place + 2] if place + 2 < each else line_ends - 1
            cuts += [quotes[:, place + 1] + 2, after - 1]
            place += 2
        between.append('",' if is_text else ",")
    between[-1] = between[-1].replace(",", "}\n")
    cuts.append(line_ends)
    if any((end < start).any() for start, end in pairwise(cuts)):
        return None
    gaps = zip(cuts[::2], cuts[1::2], between, strict=True)
    if not all(_is_always(text, start, end, wanted.encode()) for start, end, wanted in gaps):
        return None
    pieces = _pieces(lines, cuts[:-1])
    cells = {
        field: pieces.take(pa.array(np.arange(2 * i + 1, len(pieces), len(cuts) - 1)))
        for i, field in enumerate(layout)
    }
    for field, is_text in layout.items():
        if not is_text:
            if not pc.all(pc.match_substring_regex(cells[field], f"^{_JSON_PLAIN}$")).as_py():
                return None
            cells[field] = _json_cells(cells[field])
    return cells


def _is_always(text: np.ndarray[Any, Any], starts: Any, ends: Any, wanted: bytes) -> bool:
    """Whether the same bytes stand between all bounds."""
    return bool((ends - starts == len(wanted)).all()) and all(
        (text[starts + place] == byte).all() for place, byte in enumerate(wanted)
    )


def _pieces(lines: pa.StringArray, cuts: Sequence[np.ndarray[Any, Any]]) -> pa.StringArray:
    """All lines cut up at the same number of places each, without copying them."""
    ends, _ = _bounds(lines)
    bounds = np.append(np.stack(cuts, axis=1) + ends[0], ends[-1]).astype(np.int32)
    return pa.StringArray.from_buffers(len(bounds) - 1, pa.py_buffer(bounds), lines.buffers()[2])


def _without_ends(lines: pa.StringArray) -> pa.StringArray:
    ends, _ = _bounds(lines)
    pieces = _pieces(lines, [ends[:-1] - ends[0], ends[1:] - ends[0] - 1])
    return pieces.take(pa.array(np.arange(0, len(pieces), 2)))


def _bounds(texts: pa.StringArray) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Where each text begins in their common buffer, and the last one ends; and the bytes of them all."""
    _, offsets, data = texts.buffers()
    ends = np.frombuffer(offsets, np.int32)[texts.offset :][: len(texts) + 1]
    return ends, np.frombuffer(data, np.uint8)[ends[0] : ends[-1]]


def _split(text: bytes) -> pa.StringArray:
    """Lines with their ends, without copying them.

    Raises:
        UnicodeDecodeError: it is not UTF-8.
    """
    ends = np.flatnonzero(np.frombuffer(text, np.uint8) == ord("\n")) + 1
    bounds = np.concatenate(([0], ends)).astype(np.int32)
    lines = pa.StringArray.from_buffers(len(ends), pa.py_buffer(bounds), pa.py_buffer(text))
    try:
        lines.validate(full=True)
    except pa.ArrowInvalid:
        text.decode()  # says where
        raise
    return lines


def _json_headings(source: Source, lines: Iterable[str]) -> list[str]:
    """The mapping's headings, then what else the lines have."""
    found = dict.fromkeys((*source.headings, *source.ignored))
    for line in lines:
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict):
            found |= dict.fromkeys(str(k) for k in record)
    return list(found)


def _json_batches(lines: Iterable[tuple[int, str]], source: Source) -> Iterator[pa.Table]:
    """Cells under the mapping's headings; numbers stay as written: a float would change the sender's figure."""
    fields = [(f"f{i}", msgspec.Raw, msgspec.Raw()) for i in range(len(source.headings))]
    renamed = {f"f{i}": heading for i, heading in enumerate(source.headings)}
    decoder = msgspec.json.Decoder(msgspec.defstruct("Record", fields, rename=renamed))
    for block in _blocks(lines, 1 << 16):
        records, numbers, broken = [], [], []
        for number, line in block:
            try:
                records.append(decoder.decode(line))
                numbers.append((number, line))
            except (msgspec.DecodeError, RecursionError):
                broken.append((number, line))
        cells = [_json_texts([getattr(r, name) for r in records]) for name in renamed]
        table = _table(cells, np.array([n for n, _ in numbers], np.int64))
        kept = pa.array([line for _, line in numbers], pa.string())
        table = table.set_column(table.column_names.index(RAW_TEXT), RAW_TEXT, kept)
        yield _with_broken(_mark_nul(table), broken, "record:json")


def _blocks(lines: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    block: list[_Item] = []
    for line in lines:
        block.append(line)
        if len(block) == size:
            yield block
            block = []
    if block:
        yield block


def _json_texts(values: list[msgspec.Raw]) -> pa.Array:
    """Texts without their quotes, numbers and nested values as written, null as empty."""
    texts = pa.array([bytes(v) for v in values], pa.binary()).cast(pa.string())
    plain = _json_cells(texts)
    is_escaped = pc.and_(pc.starts_with(texts, '"'), pc.match_substring(texts, "\\"))
    escaped = pc.indices_nonzero(is_escaped).to_pylist()
    if not escaped:
        return plain
    whole = plain.to_pylist()
    for position in escaped:
        whole[position] = _without_surrogates(json.loads(bytes(values[position])))
    return pa.array(whole, pa.string())


def _json_cells(texts: pa.StringArray) -> pa.StringArray:
    """JSON values as texts: without their quotes, null as empty."""
    is_quoted = pc.starts_with(texts, '"')
    if not pc.any(is_quoted, min_count=0).as_py():
        return pc.if_else(pc.equal(texts, "null"), "", texts)
    plain = pc.utf8_slice_codeunits(texts, 1, -1)
    if pc.all(is_quoted, min_count=0).as_py():
        return plain
    return pc.if_else(is_quoted, plain, pc.if_else(pc.equal(texts, "null"), "", texts))


def _without_surrogates(text: str) -> str:
    """Half of a pair of code units is no character; it cannot be stored."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


# --- Excel -----------------------------------------------------------------------------------------


def _read_excel(path: Path, name: str, spec: Contract, scratch: Path) -> Records:
    """The sheet that is meant, or several as if they were files of an archive."""
    sheets = excel.open_sheets(path, name, scratch, _source(spec).sheets)
    names = [name] if len(sheets) == 1 else [f"{name}/{sheet.name}" for sheet in sheets]
    parts = [_read_sheet(sheet, n, spec) for sheet, n in zip(sheets, names, strict=True)]
    return _joined(name, parts, "sheets")


def _read_sheet(sheet: excel.Sheet, name: str, spec: Contract) -> Records:
    source = _source(spec)
    above, top = source.title_rows, source.title_rows + source.heading_rows
    first = [line.cells for line in itertools.islice(sheet.lines, top)]
    headings = source.named(excel.headings_of(first[above:], sheet.merged, above))
    _check_headings(name, source, headings)
    _refuse_hidden(name, sheet, headings, source)
    measures = _measures(spec, headings)
    lines = excel.with_merged(sheet.lines, sheet.merged, top + source.unit_rows, len(headings), measures)
    batches = _excel_batches(_excel_rows(lines, headings, source), headings, source, measures)
    return _named(_with_some(_spooled_in_memory(batches, headings), name, source), name)


def _measures(spec: Contract, headings: Sequence[str]) -> set[int]:
    """Columns of figures."""
    types = {m.heading: spec.column(name).type for name, m in _source(spec).mapping.items() if m.heading}
    return {i for i, h in enumerate(headings) if types.get(h, "").startswith(_NUMBERS)}


#: Types of columns that hold figures.
_NUMBERS = ("decimal", "int", "bigint")


def _refuse_hidden(name: str, sheet: excel.Sheet, headings: Sequence[str], source: Source) -> None:
    """What a person does not see was not meant, or was forgotten: nobody can tell."""
    below = source.title_rows + source.heading_rows + source.unit_rows
    if lines := [number for number in sheet.hidden_lines if number > below]:
        more = f" and {len(lines) - 12:,} more" if len(lines) > 12 else ""
        raise RejectedError(
            f"{name}: hidden lines {', '.join(map(str, lines[:12]))}{more} hold values; "
            "take the filter away and show them, or delete them"
        )
    hidden = [
        h
        for i, h in enumerate(headings)
        if h in source.headings and any(i in columns for columns in sheet.hidden_columns)
    ]
    if hidden:
        raise RejectedError(f"{name}: column {some(hidden)} is hidden; show it, or send the file without it")


def _excel_rows(
    lines: Iterable[excel.Line], headings: list[str], source: Source
) -> Iterator[tuple[int, list[str]]]:
    """Lines that are records, with as many cells as there are headings."""
    width = len(headings)
    for number, line in lines:
        cells = line[:width]
        if not excel.is_blank(cells) and not _is_total(cells, headings, source):
            yield number, cells + [""] * (width - len(cells))


def _excel_batches(
    rows: Iterable[tuple[int, list[str]]], headings: list[str], source: Source, measures: Collection[int]
) -> Iterator[pa.Table]:
    for block in _blocks(rows, 1 << 16):
        columns = [pa.array([cells[i] for _, cells in block], pa.string()) for i in range(len(headings))]
        columns = [excel.as_figures(c) if i in measures else c for i, c in enumerate(columns)]
        table = _mark_nul(_table(columns, np.array([n for n, _ in block], np.int64)))
        yield _mark_valueless(table, headings, source)


def _mark_valueless(table: pa.Table, headings: Sequence[str], source: Source) -> pa.Table:
    """Records of a sheet with a cell that does not say what it holds, where the mapping reads it."""
    used = [table[f"{CELL}{i}"] for i, heading in enumerate(headings) if heading in source.headings]
    for reason, which in excel.reasons(used):
        table = _marked(table, which, reason)
    return table


def _is_total(cells: Sequence[str], headings: Sequence[str], source: Source) -> bool:
    return any(
        heading in headings and _bare(cells[headings.index(heading)]) in map(_bare, words)
        for heading, words in source.total_words.items()
    )


def _bare(word: str) -> str:
    return re.sub(r"\s", "", excel.bare(word))
