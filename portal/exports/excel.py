"""A table as an Excel file in the offices' layout 公文表格.

From above: title, unit and period, headings (two lines where columns have a common heading), rows, 口径 notes, who made
it and when, and the line of signatures. Rows are written as they come, so that a long table needs no more memory than
a short one. A text is always written as text: nothing that a sender wrote becomes a formula or a link.

The module is one, above 300 lines: the parts of one page, in the order in which they are written.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from itertools import chain, groupby, islice
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

from rich.cells import cell_len

from schemas.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

Language = Literal["zh", "en"]
#: ``percent`` is given as the tables have it, 12.5 for 12.5 %, and stored as 0.125, so that Excel calculates rightly.
Kind = Literal["text", "integer", "year", "decimal", "percent", "date", "time"]

#: Rows of a sheet in Excel.
_MOST_ROWS = 1_048_576
#: Characters of a cell in Excel.
_LONGEST_TEXT = 32_767
#: Rows whose width decides that of the columns.
_MEASURED = 200
_NARROWEST, _WIDEST = 8, 40
_A4 = 9
#: Excel counts days from here, and shows no earlier ones.
_FIRST_YEAR = 1900
_BEIJING = timezone(timedelta(hours=8))
_MISSING = "—"
_WORDS: Mapping[Language, Mapping[str, str]] = {
    "zh": {
        "synthetic": "【合成数据】", "none": "无记录", "note": "口径：{0}", "office": "制表单位：{0}",
        "made": "制表日期：{0:%Y}年{0.month}月{0.day}日", "release": "数据版本：发布{0}",
        "signatures": "制表人：　　　　　　　　审核人：　　　　　　　　负责人：",
        "page": "&C第 &P 页，共 &N 页", "true": "是", "false": "否", "and": "、", "font": "宋体",
    },
    "en": {
        "synthetic": "[Synthetic data] ", "none": "no rows", "note": "Scope: {0}", "office": "Prepared by: {0}",
        "made": "Date: {0:%Y-%m-%d}", "release": "Data: release {0}",
        "signatures": "Prepared: ________________    Checked: ________________    Responsible: ________________",
        "page": "&CPage &P of &N", "true": "yes", "false": "no", "and": ", ", "font": "Calibri",
    },
}  # fmt: skip


@dataclass(frozen=True)
class Column:
    """One column: heading, unit and how its values are shown."""

    title: str
    unit: str = ""
    kind: Kind = "text"
    decimals: int = 2
    #: Heading above those of neighbouring columns with the same group.
    group: str = ""
    #: In characters of half width; measured on the first rows if omitted.
    width: float | None = None


@dataclass(frozen=True)
class Sheet:
    """A table with all that stands around it."""

    title: str
    #: Unit and period, such as ``单位：万元　年度：2024``.
    unit_line: str
    columns: Sequence[Column]
    #: Values in the order of the columns; None is shown as missing, never as 0.
    rows: Iterable[Sequence[object]]
    office: str
    made_on: date
    release: int
    footnotes: Sequence[str] = ()
    language: Language = "zh"
    is_synthetic: bool = False

    def write(self, stream: BinaryIO) -> None:
        """Write the file; nothing is written before the last row has come.

        Raises:
            UsageError: it has more rows than a sheet can hold.
        """
        import xlsxwriter

        with TemporaryDirectory(prefix="brain-excel-") as folder:
            options = {
                "constant_memory": True,
                "tmpdir": folder,
                "strings_to_formulas": False,
                "strings_to_urls": False,
                "strings_to_numbers": False,
            }
            book = xlsxwriter.Workbook(stream, options)
            made = datetime(self.made_on.year, self.made_on.month, self.made_on.day, tzinfo=UTC)
            book.set_properties({"title": self.title, "company": self.office, "created": made})
            _Writer(book, self).write()
            book.close()


def _sheet_name(title: str) -> str:
    r"""A name that Excel accepts for a sheet.

    >>> _sheet_name("2024年度A/B类[规上]'")
    '2024年度A B类 规上'
    """
    return re.sub(r"[\[\]:*?/\\\x00-\x1f]+", " ", title).strip(" '")[:31].strip(" '") or "1"


class _Writer:
    """Writes one sheet from top to bottom: with constant memory a line that was left cannot be changed."""

    def __init__(self, book: Any, given: Sheet) -> None:
        self._given = given
        self._words = _WORDS[given.language]
        self._page = book.add_worksheet(_sheet_name(given.title))
        self._formats = _formats(book, self._words["font"], given.columns)
        self._last_column = len(given.columns) - 1
        self._line = 0

    def write(self) -> None:
        given = self._given
        rows = iter(given.rows)
        first = list(islice(rows, _MEASURED))
        self._widths(first)
        synthetic = self._words["synthetic"] if given.is_synthetic else ""
        self._across(synthetic + given.title, "title", height=30)
        self._across(given.unit_line, "unit")
        heading = self._line
        self._headings()
        self._page.freeze_panes(self._line, 1)
        self._page.repeat_rows(heading, self._line - 1)
        self._rows(chain(first, rows))
        for note in given.footnotes:
            self._across(self._words["note"].format(note), "note")
        made = (("office", given.office), ("made", given.made_on), ("release", given.release))
        self._across("　　".join(self._words[word].format(value) for word, value in made), "note")
        self._across(self._words["signatures"], "note", height=26)
        self._printed()

    def _printed(self) -> None:
        page = self._page
        page.print_area(0, 0, self._line - 1, self._last_column)
        page.set_landscape()
        page.set_paper(_A4)
        page.fit_to_pages(1, 0)  # one page wide, as long as needed
        page.center_horizontally()
        page.set_margins(left=0.5, right=0.5, top=0.6, bottom=0.7)
        page.set_footer(self._words["page"])

    def _across(self, text: str, form: str, height: float | None = None) -> None:
        """One line over all columns."""
        if height:
            self._page.set_row(self._line, height)
        if self._last_column:
            self._page.merge_range(self._line, 0, self._line, self._last_column, "", self._formats[form])
        self._page.write_string(
            self._line, 0, _plain(text), self._formats[form]
        )  # merge_range would interpret it
        self._line += 1

    def _headings(self) -> None:
        columns, form = self._given.columns, self._formats["heading"]
        if any(column.group for column in columns):
            self._groups()
        has_units = any(column.unit for column in columns)
        self._page.set_row(self._line, 32 if has_units else 20)
        for position, column in enumerate(columns):
            is_below = column.group or not any(c.group for c in columns)
            self._page.write_string(self._line, position, _heading(column) if is_below else "", form)
        self._line += 1

    def _groups(self) -> None:
        """The upper line of two: groups over their columns, other headings over both lines."""
        form, position = self._formats["heading"], 0
        self._page.set_row(self._line, 20)
        for group, members in groupby(self._given.columns, lambda column: column.group):
            within = list(members)
            last = position + len(within) - 1
            if group and last > position:
                self._page.merge_range(self._line, position, self._line, last, _plain(group), form)
            elif group:
                self._page.write_string(self._line, position, _plain(group), form)
            else:
                for column in within:
                    self._page.write_string(self._line, position, _heading(column), form)
                    # merge_range would write the line below, and with constant memory end this one
                    self._page.merge.append([self._line, position, self._line + 1, position])
                    position += 1
            position = last + 1
        self._line += 1

    def _rows(self, rows: Iterable[Sequence[object]]) -> None:
        below = len(self._given.footnotes) + 2
        start = self._line
        for row in rows:
            if self._line + below >= _MOST_ROWS:
                raise UsageError(
                    f"an Excel sheet holds {_MOST_ROWS:,} rows, this table has more; choose fewer, or CSV or Parquet"
                )
            for position, (column, value) in enumerate(zip(self._given.columns, row, strict=True)):
                self._cell(position, column, value)
            self._line += 1
        if self._line == start:
            self._across(self._words["none"], "note")

    def _cell(self, position: int, column: Column, value: object) -> None:
        page, line, form = self._page, self._line, self._formats[_form(column)]
        if value is None or (isinstance(value, float | Decimal) and not math.isfinite(value)):
            page.write_string(line, position, _MISSING, self._formats["missing"])
        elif (
            isinstance(value, datetime | date)
            and column.kind in ("date", "time")
            and value.year >= _FIRST_YEAR
        ):
            page.write_datetime(line, position, _local(value), form)
        elif _is_number(value) and column.kind not in ("text", "date", "time"):
            page.write_number(line, position, _number(column, value), form)
        else:
            page.write_string(line, position, _plain(self._text(value)), self._formats["text"])

    def _text(self, value: object) -> str:
        if isinstance(value, bool):
            return self._words[str(value).lower()]
        if isinstance(value, list | tuple):
            return self._words["and"].join(map(self._text, value))
        return str(_local(value)) if isinstance(value, datetime) else str(value)

    def _widths(self, first: Sequence[Sequence[object]]) -> None:
        for position, column in enumerate(self._given.columns):
            lines = [*_heading(column).split("\n"), *(self._shown(column, row[position]) for row in first)]
            measured = min(max(_NARROWEST, *map(cell_len, lines)) + 2, _WIDEST)
            self._page.set_column(position, position, column.width or measured)

    def _shown(self, column: Column, value: object) -> str:
        """About what Excel will show, for its width."""
        if _is_number(value) and column.kind in ("integer", "decimal", "percent"):
            return f"{float(str(value)):,.{0 if column.kind == 'integer' else column.decimals}f}"
        if isinstance(value, datetime):
            return "0000-00-00 00:00" if column.kind == "time" else "0000-00-00"
        return _MISSING if value is None else self._text(value)


def _heading(column: Column) -> str:
    return _plain(f"{column.title}\n（{column.unit}）" if column.unit else column.title)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _number(column: Column, value: Any) -> float:
    """Excel has only binary floats: 15 digits are exact, enough for every amount of a city in 万元."""
    return float(Decimal(str(value)) / 100 if column.kind == "percent" else value)


def _local(value: datetime | date) -> datetime | date:
    """A time as clocks in Ningbo show it; Excel has no time zones."""
    if isinstance(value, datetime) and value.tzinfo:
        return value.astimezone(_BEIJING).replace(tzinfo=None)
    return value


def _plain(text: str) -> str:
    """A text that Excel takes: half a surrogate is no character, and a longer text would be dropped."""
    whole = text.encode("utf-8", "replace").decode("utf-8")
    return whole if len(whole) <= _LONGEST_TEXT else whole[: _LONGEST_TEXT - 1] + "…"


# --- formats -------------------------------------------------------------------------------------------


def _form(column: Column) -> str:
    return f"{column.kind}{column.decimals}" if column.kind in ("decimal", "percent") else column.kind


def _number_formats(columns: Sequence[Column]) -> Iterator[tuple[str, str]]:
    yield from (("integer", "#,##0"), ("year", "0"), ("date", "yyyy-mm-dd"), ("time", "yyyy-mm-dd hh:mm"))
    for column in columns:
        places = "." + "0" * column.decimals if column.decimals else ""
        if column.kind == "decimal":
            yield _form(column), f"#,##0{places}"
        elif column.kind == "percent":
            yield _form(column), f"0{places}%"


def _formats(book: Any, font: str, columns: Sequence[Column]) -> dict[str, Any]:
    plain = {"font_name": font, "font_size": 10, "valign": "vcenter"}
    cell = {**plain, "border": 1}
    given: dict[str, dict[str, Any]] = {
        "title": {**plain, "font_size": 16, "bold": True, "align": "center"},
        "unit": {**plain, "align": "right"},
        "heading": {**cell, "bold": True, "align": "center", "text_wrap": True, "bg_color": "#F2F2F2"},
        "note": {**plain, "align": "left"},
        "text": {**cell, "num_format": "@"},
        "missing": {**cell, "align": "right"},
    }
    given |= {name: {**cell, "num_format": form} for name, form in _number_formats(columns)}
    return {name: book.add_format(form) for name, form in given.items()}
