"""Excel files: a workbook is read as a person sees it, or refused; no cell's value is made up.

Values come from one reader. What changes how a person reads them is looked up beside it (``ooxml.py``, ``biff.py``):
which sheets, lines and columns are shown, number formats, formulas that nobody has worked out. A cell becomes the text
that it shows, with all digits of its number; where that text does not say what the cell holds, the record is none.

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

#: The text of a cell without a value; one that is empty has none.
NO_VALUE = " "
_SHARED, _NO_CODE, _NO_ZEROS = "合并", "数字", "不显示零值"
#: Excel keeps as many digits of a number.
_DIGITS = 15
_FEWEST = 10**_DIGITS
#: Days up to the year 9999, the last that a date may have.
_DAYS = 2_958_466

Merged = tuple[tuple[int, int], tuple[int, int]]


class Line(NamedTuple):
    """A line's number, from 1 on, and its cells as texts."""

    number: int
    cells: list[str]


@dataclass(frozen=True)
class Sheet:
    """A visible sheet: its lines from the first on, merged ranges, and what is hidden of it."""

    name: str
    lines: Iterator[Line]
    merged: Sequence[Merged]
    #: Numbers of hidden lines that hold a value.
    hidden_lines: Sequence[int]
    hidden_columns: Sequence[range]


def open_sheets(path: Path, name: str, scratch: Path, wanted: Sequence[str] = ()) -> list[Sheet]:
    """The sheets that are named, in that order, or the only visible one that holds anything.

    Args:
        wanted: names of sheets; ``*`` is every visible one that holds anything.

    Raises:
        RejectedError: no Excel file, protected by a password, made to fill the memory, or there is no telling which
            sheet is meant.
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
        raise RejectedError(f"{name}: no visible sheet holds anything")
    if len(filled) > 1 and not wanted:
        raise RejectedError(
            f"{name}: {len(filled)} sheets hold something: {_listed(filled)}; "
            'say in the contract which one is meant (source.sheet), or "*" for all'
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
    """Join the heading lines of a column with "/"; a merged cell's text holds for all its columns.

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
    """Lines below the headings, a merged cell's text in each line that it reaches.

    A district that stands beside three firms in one tall cell (合并单元格) is the district of all three: a person reads
    it so, and so is it read. A figure that several records share is no figure of any of them, nor does a wide cell say
    which column it belongs to: such records are none. A line with nothing but its part of a merged cell is blank.

    Args:
        above: lines above the records.
        width: columns that have a heading.
        measures: columns of figures.
    """
    waiting = sorted((r for r in merged if r[1][0] >= above and r[0][1] < width), reverse=True)
    reaching: list[tuple[Merged, str]] = []
    for line in lines:
        here = line.number - 1
        while waiting and waiting[-1][0][0] <= here:
            place = waiting.pop()
            column = place[0][1]
            text = line.cells[column] if column < len(line.cells) else ""
            reaching.append((place, text))
        if here >= above:
            reaching = [r for r in reaching if r[0][1][0] >= here]
            yield (
                _filled(line, reaching, above, width, measures)
                if reaching and not is_blank(line.cells)
                else line
            )


def _filled(
    line: Line, ranges: Sequence[tuple[Merged, str]], above: int, width: int, measures: Collection[int]
) -> Line:
    cells = line.cells + [""] * (width - len(line.cells))
    for ((top, left), (bottom, right)), text in ranges:
        # one that begins among the headings says nothing of a record
        is_unclear = top < above or right > left or (bottom > top and left in measures)
        filled = marked(text, _SHARED) if text and is_unclear else text
        cells[left : right + 1] = [filled] * (min(right + 1, width) - left)
    return Line(line.number, cells)


# --- cells ---------------------------------------------------------------------------------------------


def text_of(value: Any) -> str:
    """A cell as a person would type it; of a number all digits that tell it from others.

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
    """The shortest number that is this one in the machine, without zeros at its end."""
    return Decimal(repr(value)).normalize()


def _lines(sheet: Any, look: Look) -> Iterator[Line]:
    """Line by line: the cells of a line are made only when it is asked for."""
    start = sheet.start[1] if sheet.start else 0
    left = [""] * start
    marks, empty = _by_line(look.marks), _by_line(look.without_value)
    for number, values in enumerate(sheet.iter_rows()):
        cells = left + [text_of(value) for value in values]
        for column, text in enumerate(cells):
            if len(text) >= _DIGITS and _is_too_long(values[column - start], text):
                cells[column] = marked(text, _NO_CODE)
        for column, style in marks(number):
            if start <= column < len(cells):
                cells[column] = _shown(values[column - start], look.formats[style], look)
        if look.hides_zeros:
            cells = [
                marked(c, _NO_ZEROS) if c == "0" and v == 0 else c
                for c, v in zip(cells, left + values, strict=True)
            ]
        for column, _ in empty(number):
            cells += [""] * (column + 1 - len(cells))
            cells[column] = NO_VALUE
        yield Line(number + 1, cells)


def _by_line(marks: array[int]) -> Callable[[int], list[tuple[int, int]]]:
    """Columns and formats of the marks of a line, which is asked for after those above it."""
    ordered = array("Q", np.sort(np.frombuffer(marks, np.uint64)).tobytes()) if marks else marks
    place = 0

    def of_line(line: int) -> list[tuple[int, int]]:
        nonlocal place
        found = []
        while place < len(ordered) and ordered[place] >> 32 <= line:
            found.append((ordered[place] >> 16 & 0xFFFF, ordered[place] & 0xFFFF))
            place += 1
        return found

    return of_line


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_too_long(value: Any, text: str) -> bool:
    """A number of more digits than Excel keeps: typed as a code, it has lost some."""
    if not _is_number(value):
        return False
    return abs(value) >= _FEWEST or len(text.replace(".", "").lstrip("-0")) > _DIGITS


def _shown(value: Any, format: Format, look: Look) -> str:
    """What a cell shows whose format changes it."""
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
    """Whether a line holds nothing, or formulas without a value only."""
    return not any(cell.strip() for cell in cells)


def is_marked(text: str) -> bool:
    return text.endswith("⟧")


def is_no_code_number(text: str) -> bool:
    """A number of which nobody can tell how it was typed: as a figure it holds, as a code it does not."""
    return text.endswith(f"⟦{_NO_CODE}⟧")


def bare(text: str) -> str:
    """A cell's text without what is said of it."""
    return text.partition(" ⟦")[0] if is_marked(text) else text


#: Why a record is none, the weightier first, and the texts that say so.
REASONS = {
    "record:formula": f"^{NO_VALUE}$",
    "record:merged": f" ⟦{_SHARED}⟧$",
    "record:digits": f" ⟦{_NO_CODE}⟧$",
    "record:format": "⟧$",
}


def reasons(cells: Iterable[pa.ChunkedArray]) -> Iterator[tuple[str, pa.ChunkedArray]]:
    """Reasons, and which records have a cell of it; told from the texts, so that it holds as long as these."""
    columns = list(cells)
    for reason, pattern in REASONS.items():
        for column in columns:
            yield reason, pc.fill_null(pc.match_substring_regex(column, pattern), False)


def as_figures(texts: pa.Array) -> pa.Array:
    """Numbers in a column of figures, which may have any number of digits."""
    return pc.replace_substring(texts, f" ⟦{_NO_CODE}⟧", "")
