"""Cells of JSON records that are decoded one by one; numbers keep the sender's text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.readers.records import RAW_TEXT, batches_of, cell_table, mark_nul, with_broken
from schemas.source import Source

#: Characters of a blank line.
BLANKS = " \t\r\n\v\f"


def json_batches(lines: Iterable[tuple[int, str]], source: Source) -> Iterator[pa.Table]:
    """Cells under the mapping's headings. Numbers stay texts, because a float would change the sender's figure."""
    fields = [(f"f{i}", msgspec.Raw, msgspec.Raw()) for i in range(len(source.headings))]
    renamed = {f"f{i}": heading for i, heading in enumerate(source.headings)}
    decoder = msgspec.json.Decoder(msgspec.defstruct("Record", fields, rename=renamed))
    for block in batches_of(lines, 1 << 16):
        clear, ambiguous = _without_ambiguous(block, source.headings)
        records, numbers, broken = [], [], []
        for number, line in clear:
            try:
                records.append(decoder.decode(line))
                numbers.append((number, line))
            except (msgspec.DecodeError, RecursionError):
                broken.append((number, line))
        cells = [_texts([getattr(r, name) for r in records]) for name in renamed]
        table = cell_table(cells, np.array([n for n, _ in numbers], np.int64))
        kept = pa.array([line for _, line in numbers], pa.string())
        table = table.set_column(table.column_names.index(RAW_TEXT), RAW_TEXT, kept)
        yield with_broken(
            with_broken(mark_nul(table), broken, "record:json"), ambiguous, "record:field_twice"
        )


def _without_ambiguous(
    lines: list[tuple[int, str]], headings: Sequence[str]
) -> tuple[list[tuple[int, str]], list[tuple[int, str]]]:
    """The lines, and those that give a heading twice: parsers keep the last value, a person may mean the first.

    A line is decoded to see it only if the text of a heading occurs twice in it or a heading may be escaped.
    """
    texts = pa.array([line for _, line in lines], pa.string())
    is_suspect = pc.match_substring(texts, "\\")
    for heading in headings:
        quoted = json.dumps(heading, ensure_ascii=False)
        is_suspect = pc.or_(is_suspect, pc.greater(pc.count_substring(texts, quoted), 1))
    suspects = pc.indices_nonzero(is_suspect).to_pylist()
    ambiguous = {i for i in suspects if _has_twice(lines[i][1], headings)}
    if not ambiguous:
        return lines, []
    kept = [line for i, line in enumerate(lines) if i not in ambiguous]
    return kept, [lines[i] for i in sorted(ambiguous)]


def _has_twice(line: str, headings: Sequence[str]) -> bool:
    """Whether the outermost object of a line has one of the fields more than once."""
    try:
        pairs = json.loads(line, object_pairs_hook=list)
    except (ValueError, RecursionError):
        return False
    if not line.lstrip().startswith("{"):
        return False
    names = [name for name, _ in pairs]
    return any(names.count(heading) > 1 for heading in headings)


def _texts(values: list[msgspec.Raw]) -> pa.Array:
    """Texts without their quotes, numbers and nested values as written, null as empty."""
    texts = pa.array([bytes(v) for v in values], pa.binary()).cast(pa.string())
    plain = json_cells(texts)
    is_escaped = pc.and_(pc.starts_with(texts, '"'), pc.match_substring(texts, "\\"))
    escaped = pc.indices_nonzero(is_escaped).to_pylist()
    if not escaped:
        return plain
    decoded = plain.to_pylist()
    for position in escaped:
        decoded[position] = _without_surrogates(json.loads(bytes(values[position])))
    return pa.array(decoded, pa.string())


def json_cells(texts: pa.StringArray) -> pa.StringArray:
    """JSON values as texts: without their quotes, null as empty."""
    is_quoted = pc.starts_with(texts, '"')
    if not pc.any(is_quoted, min_count=0).as_py():
        return pc.if_else(pc.equal(texts, "null"), "", texts)
    plain = pc.utf8_slice_codeunits(texts, 1, -1)
    if pc.all(is_quoted, min_count=0).as_py():
        return plain
    return pc.if_else(is_quoted, plain, pc.if_else(pc.equal(texts, "null"), "", texts))


def _without_surrogates(text: str) -> str:
    """Replace unpaired surrogates, which cannot be stored as UTF-8."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
