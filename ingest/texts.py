"""Cell texts as the mapping's SQL reads them: trimmed, and numbers that people typed in plain notation."""

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

#: A number as people type it: with thousands separators, or in 万 (10,000) or 亿 (100 million).
_WRITTEN = re.compile(r"(?P<number>[+-]?(?:[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(?:\.[0-9]+)?)(?P<times>[万亿]?)")
_TIMES = {"": Decimal(1), "万": Decimal(10**4), "亿": Decimal(10**8)}


def text_columns(spec: Feed) -> dict[str, str]:
    """Text column → heading."""
    columns = {TEXT + name: m.heading for name, m in spec.source.mapping.items() if m.heading}
    if spec.source.period_from:
        columns[PERIOD_TEXT] = spec.source.period_from.heading
    return columns


def slices(records: Records, spec: Feed, repeated: npt.NDArray[np.int64] | None) -> Iterator[pa.Table]:
    """The records with their texts, in slices of ``SLICE_ROWS``; records with a repeated key get that reason.

    Args:
        repeated: positions of records whose key an earlier record has.
    """
    for start in range(0, records.count, SLICE_ROWS):
        part = records.table.slice(start, SLICE_ROWS)
        if repeated is not None and len(repeated):
            again = pa.array(np.isin(np.arange(start, start + part.num_rows), repeated))
            reason = pc.if_else(again, pc.coalesce(part[RECORD_REASON], "key:duplicate"), part[RECORD_REASON])
            part = part.set_column(part.column_names.index(RECORD_REASON), RECORD_REASON, reason)
        yield _with_texts(part, cell_columns(records), spec)


def _with_texts(part: pa.Table, cells_of: Mapping[str, str], spec: Feed) -> pa.Table:
    """The cells with their trimmed texts, and whether each credit code is valid."""

    def columns_of(name: str, heading: str) -> Iterator[tuple[str, pa.ChunkedArray]]:
        cells = part[cells_of[heading]] if heading in cells_of else pa.nulls(part.num_rows, pa.string())
        texts = _empty_if_missing(trimmed_texts(cells), part[RECORD_REASON])
        column = next((c for c in spec.columns if TEXT + c.name == name), None)
        is_number = column and column.type.startswith(("decimal", "int", "bigint"))
        if column and is_number and spec.source.reads_written_numbers:
            texts = _numbers(texts, sent_unit(column, spec.source.mapping[column.name]))
        yield name, texts
        if column and column.domain.check == "uscc":
            valid = [credit_code.valid_mask(c) for c in pa.chunked_array(texts).chunks]
            yield VALID + column.name, pa.chunked_array(valid, pa.bool_())

    with ThreadPoolExecutor(os.cpu_count()) as pool:  # Arrow runs these functions on one core
        for columns in pool.map(lambda item: list(columns_of(*item)), text_columns(spec).items()):
            for name, texts in columns:
                part = part.append_column(name, texts)
    return part


def trimmed_texts(texts: pa.Array | pa.ChunkedArray) -> pa.ChunkedArray:
    """Texts without surrounding whitespace; chunks of visible ASCII, as in most columns of codes, stay as they are."""
    chunks = pa.chunked_array(texts).chunks
    return pa.chunked_array(
        [chunk if _is_visible_ascii(chunk) else pc.utf8_trim_whitespace(chunk) for chunk in chunks],
        pa.string(),
    )


def _is_visible_ascii(texts: pa.StringArray) -> bool:
    """Whether all bytes are printable ASCII other than the space."""
    _, offsets, data = texts.buffers()
    if not len(texts) or data is None:
        return True
    ends = np.frombuffer(offsets, np.int32)[texts.offset :][: len(texts) + 1]
    letters = np.frombuffer(data, np.uint8)[ends[0] : ends[-1]]
    return not len(letters) or bool(letters.min() > ord(" ") and letters.max() < 0x7F)


def _empty_if_missing(texts: pa.ChunkedArray, reasons: pa.ChunkedArray) -> pa.ChunkedArray:
    """A missing cell of a database equals an empty cell of a file. A record without cells has no texts."""
    if not texts.null_count:
        return texts
    has_cells = pc.fill_null(pc.invert(pc.starts_with(reasons, "record:")), True)
    return pc.if_else(pc.and_(pc.is_null(texts), has_cells), "", texts)


def _numbers(texts: pa.ChunkedArray, unit: str | None) -> pa.Array:
    """Numbers that people typed, in plain notation; texts that are no numbers stay as they are."""
    texts = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    odd = pc.fill_null(pc.invert(pc.match_substring_regex(texts, f"^({NUMBER})?$")), False)
    if not pc.any(odd).as_py():
        return texts
    return pc.replace_with_mask(
        texts, odd, pa.array([plain_number(t, unit) for t in texts.filter(odd).to_pylist()])
    )


def plain_number(text: str, unit: str | None = None) -> str:
    """A typed number in plain notation, without the unit in which it is sent; other texts stay as they are.

    A text with 万 or 亿 stays as it is if its unit has a scale as well: 3亿 in 亿元.

    >>> plain_number("１，２３４.5"), plain_number("1.2万"), plain_number("3亿"), plain_number("12,34")
    ('1234.5', '12000', '300000000', '12,34')
    >>> plain_number("85.3％", "%"), plain_number("85.3%"), plain_number("12万元", "万元"), plain_number("3亿", "亿元")
    ('85.3', '85.3%', '12', '3亿')
    """
    plain = unicodedata.normalize("NFKC", text).replace(" ", "").removesuffix(unit or "")
    number = _WRITTEN.fullmatch(plain)
    if not number or (number["times"] and unit and unit[0] in _TIMES):
        return text
    value = Decimal(number["number"].replace(",", "")) * _TIMES[number["times"]]
    return f"{value.normalize():f}"


def sent_unit(column: Column, mapped: MappedColumn) -> str | None:
    """The unit of the sender's figures: the mapping's, the column's, or a percent sign in the heading."""
    is_percent = re.search(r"[(（][%％][)）]\s*$", mapped.heading or "")
    return mapped.unit or column.unit or ("%" if is_percent else None)
