"""Excel files: what was checked is what is read, and no cell's value is made up.

An .xlsx is a zip of XML, and a few kilobytes of it can ask for terabytes: a cell in the last row and column of a sheet,
a long text that a million cells share, a directory that lies about sizes. The file is therefore unpacked once within
bounds, looked through on the way, and only that copy is given to the reader.
"""

from __future__ import annotations

import itertools
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from jobs.ingest import archives
from schemas.errors import RejectedError

MAX_UNPACKED_BYTES = 512 << 20
#: Cells between the first and the last used one, empty ones included: the reader holds them all.
MAX_CELLS = 24 << 20
#: Texts of all cells together, a shared text once for each cell that has it.
MAX_TEXT_BYTES = 1 << 30
_OLD_FORMAT = b"\xd0\xcf\x11\xe0"
_CHUNK = 1 << 20

_POSITION = re.compile(rb"""\br\s*=\s*["']([A-Za-z]{1,7})([0-9]{1,10})["']""")
_SHARED = re.compile(rb"""\bt\s*=\s*["']s["'][^>]*>\s*<(?:\w+:)?v[^>]*>\s*([0-9]+)""")
_ANY_SHARED = re.compile(rb"""\bt\s*=\s*["']s["']""")
_TEXT = re.compile(rb"<(?:\w+:)?si\b")
#: A formula that no program has worked out (an empty text is a value), and one whose value is an error.
_UNWORKED = re.compile(
    rb"""<(?:\w+:)?c\b(?![^>]*\bt=["']str)([^>]*)>\s*<(?:\w+:)?f\b(?:[^>]*/>|[^>]*>[^<]*</(?:\w+:)?f>)\s*"""
    rb"""(?:<(?:\w+:)?v>\s*</(?:\w+:)?v>|<(?:\w+:)?v\s*/>)?\s*</(?:\w+:)?c>"""
)
_ERROR = re.compile(rb"""<(?:\w+:)?c\b(?=[^>]*\bt=["']e["'])([^>]*)>""")


@dataclass(frozen=True)
class Sheet:
    """The first sheet: its lines as texts from line 1 on, merged ranges, and lines with a formula that has no value."""

    lines: Iterator[list[str]]
    merged: Sequence[Any]
    without_value: frozenset[int]


def open_sheet(path: Path, name: str, scratch: Path) -> Sheet:
    """
    Raises:
        RejectedError: no Excel file, protected by a password, or made to fill the memory.
    """
    from python_calamine import CalamineError, CalamineWorkbook

    looked = _Look()
    if zipfile.is_zipfile(path):
        path = _checked_copy(path, name, scratch, looked)
    elif not _is_old_format(path):
        raise RejectedError(f"{name}: not readable as Excel: neither .xlsx nor .xls")
    try:
        sheet = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0)
        merged = getattr(sheet, "merged_cell_ranges", None) or []
    except (CalamineError, OSError, ValueError, IndexError) as error:
        raise RejectedError(f"{name}: not readable as Excel: {(str(error) or '?').splitlines()[0]}") from None
    return Sheet(_texts(sheet), merged, frozenset(looked.without_value))


def headings_of(lines: Sequence[list[str]], merged: Sequence[Any], above: int = 0) -> list[str]:
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
    joined = ["/".join(dict.fromkeys(part for part in parts if part)) for parts in zip(*grid, strict=True)]
    while joined and not joined[-1]:
        joined.pop()
    return joined


def text_of(value: Any) -> str:
    """A cell as a person would type it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        # Excel knows doubles only; 15 digits are what it keeps of a number
        text = f"{value:.15g}"
        return text if "e" not in text else f"{value:f}"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d") if value.time() == datetime.min.time() else value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return str(value).strip() if value is not None else ""


def _texts(sheet: Any) -> Iterator[list[str]]:
    """Line by line: the cells of a line are made only when it is asked for."""
    left = [""] * (sheet.start[1] if sheet.start else 0)
    for line in sheet.iter_rows():
        yield left + [text_of(value) for value in line]


def _is_old_format(path: Path) -> bool:
    """An .xls; an .xlsx that a password protects begins alike, and the reader says so of it."""
    with path.open("rb") as file:
        return file.read(4) == _OLD_FORMAT


# --- what is looked at on the way --------------------------------------------------------------------


@dataclass
class _Look:
    """What the first sheet asks for."""

    last_column: int = 0
    last_row: int = 0
    shared: Counter[bytes] = field(default_factory=Counter)
    unknown_shared: int = 0
    lengths: list[int] = field(default_factory=list)
    without_value: set[int] = field(default_factory=set)

    def sheet(self, text: bytes) -> None:
        for column, row in set(_POSITION.findall(text)):
            self.last_column = max(self.last_column, _column_number(column))
            self.last_row = max(self.last_row, int(row))
        found = _SHARED.findall(text)
        self.shared.update(found)
        self.unknown_shared += max(len(_ANY_SHARED.findall(text)) - len(found), 0)
        for pattern in (_UNWORKED, _ERROR):
            for attributes in pattern.findall(text):
                if position := _POSITION.search(b" " + attributes):
                    self.without_value.add(int(position[2]))

    def texts(self, text: bytes) -> None:
        starts = [found.start() for found in _TEXT.finditer(text)]
        if self.lengths:  # the rest of a text that is longer than a chunk
            self.lengths[-1] += starts[0] if starts else len(text)
        self.lengths += [after - start for start, after in itertools.pairwise([*starts, len(text)])]

    def judge(self, name: str) -> None:
        cells = self.last_column * self.last_row
        if cells > MAX_CELLS:
            raise RejectedError(
                f"{name}: its sheet has {cells:,} cells up to line {self.last_row:,}, most of them empty; "
                "delete what is below and beside the table"
            )
        longest = max(self.lengths, default=0)
        size = self.unknown_shared * longest
        for number, times in self.shared.items():
            place = int(number)
            size += times * (self.lengths[place] if place < len(self.lengths) else 0)
        if size > MAX_TEXT_BYTES:
            raise RejectedError(f"{name}: its texts take {size / 2**30:.1f} GiB; it is not read")


def _column_number(letters: bytes) -> int:
    """
    >>> _column_number(b"A"), _column_number(b"XFD")
    (1, 16384)
    """
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number


def _checked_copy(path: Path, name: str, scratch: Path, looked: _Look) -> Path:
    """The workbook's parts without compression, as far as their directory says they reach."""
    target = scratch / f"sheet-{len(list(scratch.iterdir()))}.xlsx"
    try:
        with zipfile.ZipFile(path) as packed, zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as plain:
            members = archives.checked_members(packed, name, MAX_UNPACKED_BYTES)
            names = {member.filename for member in members}
            if "xl/workbook.xml" not in names or len(names) < len(members):
                raise RejectedError(f"{name}: not readable as Excel: no workbook; save it as .xlsx")
            first = _first_sheet(packed, names)
            for member in members:
                look = {first: looked.sheet, "xl/sharedStrings.xml": looked.texts}.get(member.filename)
                _copy_part(packed, member, plain, look)
    except archives.UNREADABLE as error:
        raise RejectedError(f"{name}: not readable as Excel: {error}") from None
    looked.judge(name)
    return target


def _copy_part(
    packed: zipfile.ZipFile,
    member: zipfile.ZipInfo,
    plain: zipfile.ZipFile,
    look: Callable[[bytes], None] | None,
) -> None:
    rest = b""
    with packed.open(member) as source, plain.open(member.filename, "w", force_zip64=True) as target:
        while chunk := source.read(_CHUNK):
            target.write(chunk)
            if look:
                rest += chunk
                end = _element_end(rest)
                look(rest[:end])
                rest = rest[end:]
    if look and rest:
        look(rest)


def _element_end(text: bytes) -> int:
    """Behind the last cell or shared text that is whole, or at least the last element."""
    ends = [text.rfind(mark) + len(mark) for mark in (b"</c>", b":c>", b"</si>", b":si>") if mark in text]
    return max(ends, default=text.rfind(b">") + 1) or len(text)


def _first_sheet(packed: zipfile.ZipFile, names: set[str]) -> str:
    """Name of the part that holds the first sheet."""
    relation = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
    try:
        book = ElementTree.fromstring(_small(packed, "xl/workbook.xml"))
        sheet = next(e for e in book.iter() if e.tag.endswith("}sheet"))
        wanted = next(value for key, value in sheet.attrib.items() if key == relation or key.endswith("}id"))
        relations = ElementTree.fromstring(_small(packed, "xl/_rels/workbook.xml.rels"))
        target = next(e.attrib["Target"] for e in relations if e.attrib.get("Id") == wanted)
    except (ElementTree.ParseError, StopIteration, KeyError) as error:
        raise zipfile.BadZipFile(f"no first sheet ({type(error).__name__})") from None
    part = target.removeprefix("/") if target.startswith("/") else f"xl/{target}"
    if part not in names:
        raise zipfile.BadZipFile("its first sheet is not there")
    return part


def _small(packed: zipfile.ZipFile, name: str) -> bytes:
    if packed.getinfo(name).file_size > _CHUNK:
        raise zipfile.BadZipFile(f"{name} is too large")
    return packed.read(name)
