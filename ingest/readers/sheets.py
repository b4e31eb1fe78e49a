"""Sheets of a workbook as records; the contract states where titles, headings, unit lines and total lines are.

``excel.py`` returns what a cell shows.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from ingest.readers import excel
from ingest.readers.headings import check_headings, some
from ingest.readers.records import (
    CELL,
    Records,
    batches_of,
    cell_table,
    from_file,
    in_memory,
    joined,
    mark_nul,
    marked,
    source_of,
    with_some,
)
from schemas.contract import Feed
from schemas.errors import RejectedError
from schemas.source import Source

#: Types of columns that hold figures.
_NUMBERS = ("decimal", "int", "bigint")


def read_excel(path: Path, name: str, spec: Feed, scratch: Path) -> Records:
    """Records of the contract's sheet, or of several sheets like those of the files of an archive."""
    sheets = excel.open_sheets(path, name, scratch, source_of(spec).sheets)
    names = [name] if len(sheets) == 1 else [f"{name}/{sheet.name}" for sheet in sheets]
    parts = [_read_sheet(sheet, n, spec) for sheet, n in zip(sheets, names, strict=True)]
    return joined(name, parts, "sheets")


def _read_sheet(sheet: excel.Sheet, name: str, spec: Feed) -> Records:
    source = source_of(spec)
    above, top = source.title_rows, source.title_rows + source.heading_rows
    first = [line.cells for line in itertools.islice(sheet.lines, top)]
    headings = source.named(excel.headings_of(first[above:], sheet.merged, above))
    check_headings(name, source, headings)
    _refuse_hidden(name, sheet, headings, source)
    measures = _measures(spec, headings)
    lines = excel.with_merged(sheet.lines, sheet.merged, top + source.unit_rows, len(headings), measures)
    batches = _batches(_rows(lines, headings, source), headings, source, measures)
    return from_file(with_some(in_memory(batches, headings), name, source), name)


def _measures(spec: Feed, headings: Sequence[str]) -> set[int]:
    """Positions of the columns of figures."""
    types = {m.heading: spec.column(name).type for name, m in source_of(spec).mapping.items() if m.heading}
    return {i for i, h in enumerate(headings) if types.get(h, "").startswith(_NUMBERS)}


def _refuse_hidden(name: str, sheet: excel.Sheet, headings: Sequence[str], source: Source) -> None:
    """Refuse hidden lines and columns with values: whether the sender means them cannot be known.

    Raises:
        RejectedError: a hidden line below the headings has a value, or a column that the mapping reads is hidden.
    """
    below = source.title_rows + source.heading_rows + source.unit_rows
    if lines := [number for number in sheet.hidden_lines if number > below]:
        more = f" and {len(lines) - 12:,} more" if len(lines) > 12 else ""
        raise RejectedError(
            f"{name}: hidden lines {', '.join(map(str, lines[:12]))}{more} have values; "
            "remove the filter and show them, or delete them"
        )
    hidden = [
        h
        for i, h in enumerate(headings)
        if h in source.headings and any(i in columns for columns in sheet.hidden_columns)
    ]
    if hidden:
        raise RejectedError(f"{name}: column {some(hidden)} is hidden; show it, or send the file without it")


def _rows(
    lines: Iterable[excel.Line], headings: list[str], source: Source
) -> Iterator[tuple[int, list[str]]]:
    """Lines that are records, each with as many cells as headings."""
    width = len(headings)
    for number, line in lines:
        cells = line[:width]
        if not excel.is_blank(cells) and not _is_total(cells, headings, source):
            yield number, cells + [""] * (width - len(cells))


def _batches(
    rows: Iterable[tuple[int, list[str]]], headings: list[str], source: Source, measures: Collection[int]
) -> Iterator[pa.Table]:
    for block in batches_of(rows, 1 << 16):
        columns = [pa.array([cells[i] for _, cells in block], pa.string()) for i in range(len(headings))]
        columns = [excel.as_figures(c) if i in measures else c for i, c in enumerate(columns)]
        table = mark_nul(cell_table(columns, np.array([n for n, _ in block], np.int64)))
        yield mark_valueless(table, headings, source)


def mark_valueless(table: pa.Table, headings: Sequence[str], source: Source) -> pa.Table:
    """Mark records of a sheet in which a cell that the mapping reads does not show its value."""
    used = [table[f"{CELL}{i}"] for i, heading in enumerate(headings) if heading in source.headings]
    for reason, which in excel.reasons(used):
        table = marked(table, which, reason)
    return table


def _is_total(cells: Sequence[str], headings: Sequence[str], source: Source) -> bool:
    return any(
        heading in headings and _bare(cells[headings.index(heading)]) in map(_bare, words)
        for heading, words in source.total_words.items()
    )


def _bare(word: str) -> str:
    return re.sub(r"\s", "", excel.bare(word))
