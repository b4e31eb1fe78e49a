"""JSON lines in files and messages: one object for each record."""

from __future__ import annotations

import codecs
import itertools
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from ingest.readers.bounds import BLOCK_BYTES, IN_MEMORY_BYTES, MAX_HEADINGS
from ingest.readers.encoding import wrong_encoding
from ingest.readers.json_cells import BLANKS, json_batches
from ingest.readers.line_layout import in_layout, layout_of
from ingest.readers.records import Records, cell_table, in_memory, source_of, spooled, with_broken
from schemas.contract import Feed
from schemas.errors import RejectedError
from schemas.source import Source

#: Lines that are searched for fields that the mapping does not know.
SAMPLED_LINES = 100

#: Bytes at a file's start that show whether the file is one JSON value.
_START = 1 << 16


def refuse_json_document(name: str, start: str) -> None:
    """Refuse a file that is one JSON value with the records inside.

    Raises:
        RejectedError: the file begins with an array, or with an object over several lines.
    """
    text = start.lstrip("\ufeff" + BLANKS)
    hint = "send JSON lines: one object for each record, one line for each object, no brackets around them"
    if re.match(r"\[\s*([{\]]|\Z)", text):
        raise RejectedError(f"{name}: a JSON array; {hint}")
    line = text.partition("\n")[0].rstrip()
    if line == "{":
        raise RejectedError(f"{name}: a JSON object over several lines; {hint}")


def read_json_lines(path: Path, name: str, source: Source, scratch: Path) -> Records:
    """A file's records, their cells under the mapping's headings.

    Raises:
        RejectedError: it is one JSON value, in another encoding, or has a line that is too long or too many fields.
    """
    try:
        with path.open("rb") as file:
            refuse_json_document(name, file.read(_START).decode(source.encoding, "replace"))
        sample = [line for _, line in zip(range(SAMPLED_LINES), _lines(path, name, source), strict=False)]
        headings = _headings(source, (line for _, line in sample))
        if len(headings) > MAX_HEADINGS + len(source.headings):
            raise RejectedError(
                f"{name}: {len(headings):,} fields in its first lines; at most {MAX_HEADINGS:,} are read"
            )
        layout = layout_of(line for _, line in sample)
        batches = (
            in_layout(_whole_lines(path, name), source, layout)
            if layout and source.encoding.startswith("utf-8")
            else json_batches(_lines(path, name, source), source)
        )
        if path.stat().st_size <= IN_MEMORY_BYTES // 4:
            return in_memory(batches, headings)
        return Records(headings, spooled(batches, scratch))
    except UnicodeDecodeError as error:
        raise wrong_encoding(name, source, error) from None


def json_records(
    lines: Sequence[tuple[int, str]], spec: Feed, unreadable: Sequence[tuple[int, str, str]]
) -> Records:
    """Records of numbered JSON texts and of unreadable messages.

    Args:
        unreadable: number, kept text and reason of each message that is no text.
    """
    source = source_of(spec)
    headings = _headings(source, (line for _, line in lines[:SAMPLED_LINES]))
    empty = cell_table([pa.array([], pa.string()) for _ in source.headings], np.array([], np.int64))
    tables = [empty, *json_batches(lines, source)]
    for reason in {reason for _, _, reason in unreadable}:
        tables.append(with_broken(empty, [(n, text) for n, text, r in unreadable if r == reason], reason))
    return Records(headings, pa.concat_tables(tables))


def _headings(source: Source, lines: Iterable[str]) -> list[str]:
    """The mapping's headings, then the other fields of the lines."""
    headings = dict.fromkeys((*source.headings, *source.ignored))
    for line in lines:
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict):
            headings |= dict.fromkeys(str(k) for k in record)
    return list(headings)


def _lines(path: Path, name: str, source: Source) -> Iterator[tuple[int, str]]:
    """Lines that are not blank, with their numbers."""
    numbers = itertools.count(1)
    for block in _whole_lines(path, name):
        # lines come first: zip() takes from its first argument first and would otherwise lose a number at the end
        for line, number in zip(block.split(b"\n")[:-1], numbers, strict=False):
            if line.strip():
                yield number, line.decode(source.encoding).rstrip("\r")


def _whole_lines(path: Path, name: str) -> Iterator[bytes]:
    """The file in blocks of complete lines, without a byte order mark; the last line gets a line end if it has none."""
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
