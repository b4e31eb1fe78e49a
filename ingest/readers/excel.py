"""Excel files: a workbook is read as a person sees it, or refused; no value is guessed.

A library returns the values. ``ooxml.py`` and ``biff.py`` return what changes how a person reads them: which sheets,
lines and columns are visible, number formats, formulas without a value. A cell becomes the text that it shows, with all
digits of its number. If that text does not determine the cell's value, the record is refused.

The module is one, above 300 lines: what a cell shows depends on its sheet, its format and the cells merged with it.
"""

from __future__ import annotations

import itertools
import zipfile
from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.readers import biff, ooxml
from ingest.readers.number_formats import Format, marked, moment
from ingest.readers.ooxml import ALL_SHEETS, Look
from schemas.errors import RejectedError

#: Text of a formula or error without a value; the text of an empty cell is "".
NO_VALUE = " "
_SHARED, _NO_CODE, _NO_ZEROS = "合并", "数字", "不显示零值"
#: Digits of a number that Excel keeps, and the smallest number with more.
_DIGITS = 15
_FEWEST = 10**_DIGITS
#: Days up to the year 9999, the last year of a date.
_DAYS = 2_958_466

Merged = tuple[tuple[int, int], tuple[int, int]]


class Line(NamedTuple):
    """A line's number, counted from 1, and its cells as texts."""

    number: int
    cells: list[str]


@dataclass(frozen=True)
class Sheet:
    """A visible sheet: its lines from the first on, merged ranges, and hidden lines and columns."""

    name: str
    lines: Iterator[Line]
    merged: Sequence[Merged]
    #: Numbers of hidden lines that have a value.
    hidden_lines: Sequence[int]
    hidden_columns: Sequence[range]


def open_sheets(path: Path, name: str, scratch: Path, wanted: Sequence[str] = ()) -> list[Sheet]:
    """The named sheets, in that order, or the only visible sheet that is not empty.

    Args:
        wanted: names of sheets; ``*`` means every visible sheet that is not empty.

    Raises:
        RejectedError: the file is no Excel file, a password protects it, it would fill the memory, or several sheets
            are not empty and none is named.
    """
    if zipfile.is_zipfile(path):
        unpacked = ooxml.unpack(path, name, scratch, wanted)
        path, looks = unpacked.path, unpacked.looks
    elif biff.is_old_format(path):
        looks = biff.looks_of(path, name, wanted)
    else:
        raise RejectedError(f"{name}: not readable as Excel: neither .xlsx nor .xls; save it as .xlsx")
    chosen = _chosen(name, looks, wanted)
    return _opened(path, name, {sheet: looks[sheet] for sheet in chosen})


def _chosen(name: str, looks: Mapping[str, Look], wanted: Sequence[str]) -> list[str]:
    if wanted and ALL_SHEETS not in wanted:
        if missing := [sheet for sheet in wanted if sheet not in looks]:
            raise RejectedError(
                f"{name}: no visible sheet {_listed(missing)}; it has {_listed(looks)}: show it, or change source.sheet"
            )
        return list(wanted)
    filled = [sheet for sheet, look in looks.items() if look.has_value]
    if not filled:
        raise RejectedError(f"{name}: all visible sheets are empty")
    if len(filled) > 1 and not wanted:
        raise RejectedError(
            f"{name}: {len(filled)} sheets are not empty: {_listed(filled)}; "
            'name the right one in the contract (source.sheet), or "*" for all'
        )
    return filled


def _listed(sheets: Iterable[str]) -> str:
    """Names of sheets for a message, which is one line."""
    return ", ".join(" ".join(sheet[:31].split()) for sheet in itertools.islice(sheets, 12))


def _opened(path: Path, name: str, looks: Mapping[str, Look]) -> list[Sheet]:
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        book = CalamineWorkbook.from_path(str(path))
        return [_sheet(book.get_sheet_by_name(sheet), look) for sheet, look in looks.items()]
    except (CalamineError, OSError, ValueError, IndexError) as error:
        raise RejectedError(f"{name}: not readable as Excel: {(str(error) or '?').splitlines()[0]}") from None


def _sheet(sheet: Any, look: Look) -> Sheet:
    hidden = [line + 1 for line in look.hidden_lines]
    return Sheet(sheet.name, _lines(sheet, look), sheet.merged_cell_ranges or [], hidden, look.hidden_columns)


def headings_of(lines: Sequence[list[str]], merged: Sequence[Merged], above: int = 0) -> list[str]:
    """Join the heading lines of a column with "/"; a merged cell's text applies to all its columns.

    >>> headings_of([["企业", "废水", ""], ["", "氨氮", "COD"]], [((0, 1), (0, 2))])
    ['企业', '废水/氨氮', '废水/COD']
    """
    width = max((len(line) for line in lines), default=0)
    grid = [line + [""] * (width - len(line)) for line in lines]
    for (top, left), (bottom, right) in merged:
        if above <= top and bottom - above < len(grid) and right > left:
            line = grid[top - above]
            line[left : right + 1] = [line[left]] * (min(right + 1, width) - left)
    parts = [[bare(part).strip() for part in column] for column in zip(*grid, strict=True)]
    joined = ["/".join(dict.fromkeys(filter(None, column))) for column in parts]
    while joined and not joined[-1]:
        joined.pop()
    return joined


# --- merged cells --------------------------------------------------------------------------------------


def with_merged(
    lines: Iterable[Line], merged: Sequence[Merged], above: int, width: int, measures: Collection[int]
) -> Iterator[Line]:
    """Lines below the headings, with a merged cell's text in each line that the cell covers.

    A district in one merged cell (合并单元格) beside three firms is the district of all three, as a person reads it. A
    figure that several records share belongs to none of them, and a wide cell does not show which column it belongs
    to, so such records are refused. A line with nothing but its part of a merged cell is blank.

    Args:
        above: lines above the records.
        width: columns that have a heading.
        measures: columns of figures.
    """
    waiting = sorted((r for r in merged if r[1][0] >= above and r[0][1] < width), reverse=True)
    covering: list[tuple[Merged, str]] = []
    for line in lines:
        here = line.number - 1
        while waiting and waiting[-1][0][0] <= here:
            cell = waiting.pop()
            column = cell[0][1]
            text = line.cells[column] if column < len(line.cells) else ""
            covering.append((cell, text))
        if here >= above:
            covering = [r for r in covering if r[0][1][0] >= here]
            yield (
                _filled(line, covering, above, width, measures)
                if covering and not is_blank(line.cells)
                else line
            )


def _filled(
    line: Line, ranges: Sequence[tuple[Merged, str]], above: int, width: int, measures: Collection[int]
) -> Line:
    cells = line.cells + [""] * (width - len(line.cells))
    for ((top, left), (bottom, right)), text in ranges:
        # a range that begins in the headings is no value of a record
        is_unclear = top < above or right > left or (bottom > top and left in measures)
        filled = marked(text, _SHARED) if text and is_unclear else text
        cells[left : right + 1] = [filled] * (min(right + 1, width) - left)
    return Line(line.number, cells)


# --- cells ---------------------------------------------------------------------------------------------


def text_of(value: Any) -> str:
    """A cell's value as a person would type it; a number with all digits that distinguish it.

    >>> text_of(0.00001234), text_of(1e15), text_of(85.0)
    ('0.00001234', '1000000000000000', '85')
    """
    if isinstance(value, float):
        text = repr(value)
        return f"{_decimal(value):f}" if "e" in text else text.removesuffix(".0")
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d") if value.time() == datetime.min.time() else value.isoformat()
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value).strip() if value is not None else ""


def _decimal(value: float) -> Decimal:
    """The shortest decimal that reads back as this float, without trailing zeros."""
    return Decimal(repr(value)).normalize()


def _lines(sheet: Any, look: Look) -> Iterator[Line]:
    """The sheet's lines, lazily."""
    start = sheet.start[1] if sheet.start else 0
    padding = [""] * start
    marks, empty = _by_line(look.marks), _by_line(look.without_value)
    for number, values in enumerate(sheet.iter_rows()):
        cells = padding + [text_of(value) for value in values]
        for column, text in enumerate(cells):
            if len(text) >= _DIGITS and _is_too_long(values[column - start], text):
                cells[column] = marked(text, _NO_CODE)
        for column, style in marks(number):
            if start <= column < len(cells):
                cells[column] = _shown(values[column - start], look.formats[style], look)
        if look.hides_zeros:
            cells = [
                marked(c, _NO_ZEROS) if c == "0" and v == 0 else c
                for c, v in zip(cells, padding + values, strict=True)
            ]
        for column, _ in empty(number):
            cells += [""] * (column + 1 - len(cells))
            cells[column] = NO_VALUE
        yield Line(number + 1, cells)


def _by_line(marks: array[int]) -> Callable[[int], list[tuple[int, int]]]:
    """A function that returns the columns and formats of a line's marks; lines must be asked for in ascending order."""
    ordered = array("Q", np.sort(np.frombuffer(marks, np.uint64)).tobytes()) if marks else marks
    place = 0

    def of_line(line: int) -> list[tuple[int, int]]:
        nonlocal place
        of_this = []
        while place < len(ordered) and ordered[place] >> 32 <= line:
            of_this.append((ordered[place] >> 16 & 0xFFFF, ordered[place] & 0xFFFF))
            place += 1
        return of_this

    return of_line


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_too_long(value: Any, text: str) -> bool:
    """Whether a number has more digits than Excel keeps: a code typed as such a number has lost digits."""
    if not _is_number(value):
        return False
    return abs(value) >= _FEWEST or len(text.replace(".", "").lstrip("-0")) > _DIGITS


def _shown(value: Any, format: Format, look: Look) -> str:
    """What a cell shows if its format changes its value."""
    if isinstance(value, bool):
        return text_of(value)
    if _is_number(value) and not format.is_date:
        text = format.of_number(_decimal(value))
        is_no_code = format.is_exponential or _is_too_long(value, text_of(value))
        return marked(text, _NO_CODE) if is_no_code and not is_marked(text) else text
    if _is_number(value) and 1 <= value < _DAYS:
        value = moment(value, look.is_1904)
    is_moment = isinstance(value, date | time | timedelta)
    return format.of_moment(value) if is_moment and format.is_date else marked(text_of(value), format.code)


# --- texts that are no values ------------------------------------------------------------------------


def is_blank(cells: Sequence[str]) -> bool:
    """Whether a line has only empty cells and formulas without a value."""
    return not any(cell.strip() for cell in cells)


def is_marked(text: str) -> bool:
    return text.endswith("⟧")


def is_no_code_number(text: str) -> bool:
    """Whether it is unknown how a number was typed: it is valid as a figure, not as a code."""
    return text.endswith(f"⟦{_NO_CODE}⟧")


def bare(text: str) -> str:
    """A cell's text without its mark."""
    return text.partition(" ⟦")[0] if is_marked(text) else text


#: Reason of an invalid record → pattern of the cell texts that give it; the more important reasons first.
REASONS = {
    "record:formula": f"^{NO_VALUE}$",
    "record:merged": f" ⟦{_SHARED}⟧$",
    "record:digits": f" ⟦{_NO_CODE}⟧$",
    "record:format": "⟧$",
}


def reasons(cells: Iterable[pa.ChunkedArray]) -> Iterator[tuple[str, pa.ChunkedArray]]:
    """Pairs of a reason and a mask of the records with such a cell; found in the cell texts alone, so that kept records
    give the same reasons."""
    columns = list(cells)
    for reason, pattern in REASONS.items():
        for column in columns:
            yield reason, pc.fill_null(pc.match_substring_regex(column, pattern), False)


def as_figures(texts: pa.Array) -> pa.Array:
    """Texts of a column of figures without the mark of numbers that are no codes: figures may have any digits."""
    return pc.replace_substring(texts, f" ⟦{_NO_CODE}⟧", "")
