"""The first records of an unknown workbook: its sheets, heading lines, unit line and total lines."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ingest.proposal.sample import SAMPLED_RECORDS, Sample
from ingest.proposal.words import SYNONYMS, is_unit_line, plain, unit_named
from ingest.readers import excel
from ingest.readers.ooxml import ALL_SHEETS
from schemas.errors import RejectedError
from schemas.source import plain_heading

_MAX_HEADING_ROWS = 5


def of_excel(path: Path, scratch: Path) -> Sample:
    """The sample of the first sheet that is not empty; it lists all such sheets.

    Raises:
        RejectedError: the file cannot be read as Excel, or has no heading line.
    """
    sheets = excel.open_sheets(path, path.name, scratch, [ALL_SHEETS])
    sheet = sheets[0]
    first = list(itertools.islice(sheet.lines, 50))
    cells = [line.cells for line in first]
    title, heading = _heading_lines(cells, sheet.merged)
    top = title + heading
    headings = [plain_heading(h) for h in excel.headings_of(cells[title:top], sheet.merged, title)]
    if not headings:
        raise RejectedError(f"{path.name}: no heading line found in sheet {sheet.name}")
    width = len(headings)
    units = 1 if len(first) > top and is_unit_line(cells[top][:width]) else 0
    sample = Sample("excel", headings, [], title_rows=title, heading_rows=heading, unit_rows=units)
    if units:
        sample.units = [unit_named(cell) or "" for cell in cells[top][:width]]
    if len(sheets) > 1:
        sample.sheets = [s.name for s in sheets]
    sample.notes += _hidden(sheet, headings, top + units)
    lines = itertools.chain(first, sheet.lines)
    for line in excel.with_merged(lines, sheet.merged, top + units, width, ()):
        _add_line(sample, line.cells[:width])
    sample.notes += _valueless(sample)
    return sample


def _hidden(sheet: excel.Sheet, headings: Sequence[str], above: int) -> Iterator[str]:
    if any(number > above for number in sheet.hidden_lines):
        yield "hidden lines have values; such a file is refused"
    for i, heading in enumerate(headings):
        if any(i in columns for columns in sheet.hidden_columns):
            yield f"column {heading} is hidden; a contract that reads it refuses such a file"


def _valueless(sample: Sample) -> Iterator[str]:
    """Notes on columns with cells that do not show their value; the cells' marks are removed."""
    for i, heading in enumerate(sample.headings):
        texts = [row[i] for row in sample.rows]
        if (
            any(excel.is_marked(text) and not excel.is_no_code_number(text) for text in texts)
            or excel.NO_VALUE in texts
        ):
            yield f"{heading} has cells that show no value or a wrong one; such records are quarantined"
        if any(excel.is_no_code_number(text) and "." not in text for text in texts):
            yield f"{heading} has long numbers or exponents, not valid as codes; if it has codes, ask for texts"
        for row in sample.rows:
            row[i] = excel.bare(row[i]).strip()


def _add_line(sample: Sample, cells: list[str]) -> None:
    """Add a record or a total line to the sample; total lines are searched beyond the sampled records as well."""
    if excel.is_blank(cells):
        return
    for heading, cell in itertools.islice(zip(sample.headings, map(excel.bare, cells), strict=False), 3):
        if plain(cell) in {plain(word) for word in SYNONYMS["totals"]}:
            words = sample.totals.setdefault(heading, [])
            if plain(cell) not in map(plain, words):
                words.append(cell)
            return
    if len(sample.rows) < SAMPLED_RECORDS:
        sample.rows.append(cells + [""] * (len(sample.headings) - len(cells)))


def _heading_lines(first: Sequence[list[str]], merged: Sequence[Any]) -> tuple[int, int]:
    """Number of title lines above the headings, and of heading lines; merged cells show how far these reach."""
    title = next((i for i, line in enumerate(first) if len(set(filter(None, line))) > 1), len(first))
    count = 1
    while count < _MAX_HEADING_ROWS and any(
        title <= top < title + count
        and (bottom >= title + count or (top == bottom == title + count - 1 and right > left))
        for (top, left), (bottom, right) in merged
    ):
        count += 1
    return title, count
