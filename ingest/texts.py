"""Texts of a record's cells as the mapping's SQL reads them: trimmed, and numbers that people typed as plain ones."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ingest.mapping import NUMBER, PERIOD_TEXT, TEXT, VALID
from ingest.readers.records import RECORD_REASON, Records, cell_columns
from schemas import credit_code
from schemas.contract import Feed
from schemas.field import Column
from schemas.source import MappedColumn

SLICE_ROWS = 2_000_000

#: A number as people type it: thousands separated, and in tens of thousands or hundreds of millions.
_WRITTEN = re.compile(r"(?P<number>[+-]?(?:[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(?:\.[0-9]+)?)(?P<times>[万亿]?)")
_TIMES = {"": Decimal(1), "万": Decimal(10**4), "亿": Decimal(10**8)}


def text_columns(spec: Feed) -> dict[str, str]:
    """Text column → heading."""
    columns = {TEXT + name: m.heading for name, m in spec.source.mapping.items() if m.heading}
    if spec.source.period_from:
        columns[PERIOD_TEXT] = spec.source.period_from.heading
    return columns


def slices(records: Records, spec: Feed, repeated: npt.NDArray[np.int64] | None) -> Iterator[pa.Table]:
    """The records, some at a time, with their texts; records whose key is there already say so.

    Args:
        repeated: positions of those records.
    """
    for start in range(0, records.count, SLICE_ROWS):
        part = records.table.slice(start, SLICE_ROWS)
        if repeated is not None and len(repeated):
            again = pa.array(np.isin(np.arange(start, start + part.num_rows), repeated))
            reason = pc.if_else(again, pc.coalesce(part[RECORD_REASON], "key:duplicate"), part[RECORD_REASON])
            part = part.set_column(part.column_names.index(RECORD_REASON), RECORD_REASON, reason)
        yield _with_texts(part, cell_columns(records), spec)


def _with_texts(part: pa.Table, place: Mapping[str, str], spec: Feed) -> pa.Table:
    """The cells beside their trimmed texts, and what is to be said of credit codes."""

    def columns_of(name: str, heading: str) -> Iterator[tuple[str, pa.ChunkedArray]]:
        cells = part[place[heading]] if heading in place else pa.nulls(part.num_rows, pa.string())
        texts = _empty_if_missing(trimmed_texts(cells), part[RECORD_REASON])
        column = next((c for c in spec.columns if TEXT + c.name == name), None)
        is_number = column and column.type.startswith(("decimal", "int", "bigint"))
        if column and is_number and spec.source.reads_written_numbers:
            texts = _numbers(texts, sent_unit(column, spec.source.mapping[column.name]))
        yield name, texts
        if column and column.domain.check == "uscc":
            valid = [credit_code.valid_mask(c) for c in pa.chunked_array(texts).chunks]
            yield VALID + column.name, pa.chunked_array(valid, pa.bool_())

    given = text_columns(spec).items()
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # what Arrow does here it does on one core
        for found in pool.map(lambda item: list(columns_of(*item)), given):
            for name, texts in found:
                part = part.append_column(name, texts)
    return part


def trimmed_texts(texts: pa.Array | pa.ChunkedArray) -> pa.ChunkedArray:
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
