"""The parts of an .xlsx that the value reader does not return: visible and hidden sheets, number formats, formulas.

The file is a zip of XML, and a few kilobytes of it can unpack to terabytes. So it is unpacked once, within limits, and
parsed on the way by a parser that holds one element at a time and refuses entities.

The module is one, above 300 lines: all parts of the file are parsed in one pass, within common limits.
"""

from __future__ import annotations

import zipfile
from array import array
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import IO, Any
from xml.etree import ElementTree
from xml.parsers import expat

from ingest.readers import archives
from ingest.readers.number_formats import BUILT_IN, GENERAL, Format, format_of
from schemas.errors import RejectedError

MAX_UNPACKED_BYTES = 512 << 20
#: Cells up to the last used line and column, empty ones included: the value reader holds them all.
MAX_CELLS = 24 << 20
#: Texts of all cells together; a shared text counts once for each of its cells.
MAX_TEXT_BYTES = 1 << 30
_CHUNK = 1 << 20
_DIGITS = "0123456789"
#: ``source.sheet`` of a contract for every sheet.
ALL_SHEETS = "*"
_BOOK, _STYLES, _TEXTS = "xl/workbook.xml", "xl/styles.xml", "xl/sharedStrings.xml"
_YES = ("1", "true")
#: Exceptions of a sheet with invalid cells.
_UNREADABLE = (expat.ExpatError, KeyError, OverflowError)
#: A mark has 16 bits for a style's number.
_MAX_STYLES = 1 << 16


@dataclass
class Look:
    """A sheet's information about its cells other than their values. Lines and columns count from 0."""

    formats: Sequence[Format] = ()
    is_1904: bool = False
    #: Zeros are not shown.
    hides_zeros: bool = False
    #: Cells whose format changes what is shown: line, column and format as one number, see :func:`marked`.
    marks: array[int] = field(default_factory=lambda: array("Q"))
    #: Cells with an uncalculated formula or an error (#DIV/0!): line and column as in ``marks``.
    without_value: array[int] = field(default_factory=lambda: array("Q"))
    #: Hidden lines that have a value.
    hidden_lines: array[int] = field(default_factory=lambda: array("L"))
    hidden_columns: list[range] = field(default_factory=list)
    has_value: bool = False

    @cached_property
    def number_styles(self) -> frozenset[int]:
        """Formats that change how a number is shown."""
        return frozenset(i for i, f in enumerate(self.formats) if not f.is_plain)

    @cached_property
    def text_styles(self) -> frozenset[int]:
        """Formats that change how a text is shown."""
        return frozenset(i for i, f in enumerate(self.formats) if not f.shows_texts)


def marked(line: int, column: int, style: int = 0) -> int:
    return line << 32 | column << 16 | style


@dataclass(frozen=True)
class Unpacked:
    """A workbook without compression, and its visible sheets in their order."""

    path: Path
    looks: Mapping[str, Look]


def unpack(path: Path, name: str, scratch: Path, wanted: Collection[str]) -> Unpacked:
    """Unpack a workbook into the scratch folder and inspect its sheets.

    Args:
        wanted: sheets to inspect, all if none is named; the others are only listed.

    Raises:
        RejectedError: the file is no workbook, or would fill the memory.
    """
    target = scratch / f"sheet-{len(list(scratch.iterdir()))}.xlsx"
    try:
        with zipfile.ZipFile(path) as packed, zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as plain:
            members = archives.checked_members(packed, name, MAX_UNPACKED_BYTES)
            names = {member.filename for member in members}
            if _BOOK not in names or len(names) < len(members):
                raise RejectedError(f"{name}: not readable as Excel: no workbook; save it as .xlsx")
            book = _book(packed, names)
            formats, conditional = _formats(packed) if _STYLES in names else ((), frozenset())
            sheets = {
                part: _SheetLook(formats, book.is_1904, conditional)
                for sheet, part in book.sheets.items()
                if is_looked_at(sheet, wanted)
            }
            texts = _TextLook()
            for member in members:
                is_texts = member.filename == _TEXTS
                _copy_part(packed, member, plain, texts if is_texts else sheets.get(member.filename))
            for look in sheets.values():
                look.judge(name, texts.lengths)
            if sum(look.cells for look in sheets.values()) > MAX_CELLS:
                raise RejectedError(f"{name}: its sheets together have too many cells; send them one by one")
    except (*archives.UNREADABLE, *_UNREADABLE) as error:
        raise RejectedError(f"{name}: not readable as Excel: {error}") from None
    looks = {sheet: sheets[part].look if part in sheets else Look() for sheet, part in book.sheets.items()}
    return Unpacked(target, looks)


def conditional_format(name: str) -> str:
    return (
        f"{name}: a conditional format changes how its numbers are shown, like 0.853 as 85.3%; remove it, so that "
        "the file is read as it is shown"
    )


def is_looked_at(sheet: str, wanted: Collection[str]) -> bool:
    return not wanted or ALL_SHEETS in wanted or sheet in wanted


# --- workbook and styles -----------------------------------------------------------------------------


@dataclass(frozen=True)
class _Book:
    #: Visible worksheet → its part.
    sheets: Mapping[str, str]
    is_1904: bool


def _book(packed: zipfile.ZipFile, names: set[str]) -> _Book:
    """Visible worksheets and their parts, without chart sheets."""
    try:
        book = ElementTree.fromstring(_small(packed, _BOOK))
        relations = ElementTree.fromstring(_small(packed, "xl/_rels/workbook.xml.rels"))
        parts = {
            r.attrib["Id"]: (r.attrib["Type"].rpartition("/")[2], _part(r.attrib["Target"]))
            for r in relations
        }
        sheets = {
            e.attrib["name"]: parts[next(v for k, v in e.attrib.items() if k.endswith("}id"))]
            for e in book.iter()
            if e.tag.endswith("}sheet") and e.attrib.get("state", "visible") == "visible"
        }
    except (ElementTree.ParseError, StopIteration, KeyError) as error:
        raise zipfile.BadZipFile(f"no sheet ({type(error).__name__})") from None
    worksheets = {name: part for name, (kind, part) in sheets.items() if kind == "worksheet"}
    # the value reader finds styles and shared texts only under these names
    elsewhere = {part for kind, part in parts.values() if kind in ("styles", "sharedStrings")} - {
        _STYLES,
        _TEXTS,
    }
    used = set(worksheets.values())
    if elsewhere or not used <= names or len(used) < len(worksheets):
        raise zipfile.BadZipFile("its parts are not where Excel stores them; save it with Excel")
    properties = next((e.attrib for e in book.iter() if e.tag.endswith("}workbookPr")), {})
    return _Book(worksheets, properties.get("date1904") in _YES)


def _part(target: str) -> str:
    return target.removeprefix("/") if target.startswith("/") else f"xl/{target}"


def _small(packed: zipfile.ZipFile, name: str) -> bytes:
    if packed.getinfo(name).file_size > _CHUNK:
        raise zipfile.BadZipFile(f"{name} is too large")
    return packed.read(name)


def _formats(packed: zipfile.ZipFile) -> tuple[Sequence[Format], frozenset[int]]:
    """The number format of each cell style, and the conditional formats that change how a number is shown."""
    codes: dict[int, str] = {}
    used: list[int] = []
    path: list[str] = []
    conditional: set[int] = set()
    differing = -1

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal differing
        path.append(_local(tag))
        if path[-2:] == ["dxfs", "dxf"]:
            differing += 1
        elif path[-3:] == ["dxfs", "dxf", "numFmt"]:
            if not _is_plain(attributes):
                conditional.add(differing)
        elif path[-2:] == ["numFmts", "numFmt"]:
            codes[int(attributes["numFmtId"])] = attributes.get("formatCode", GENERAL)
        elif path[-2:] == ["cellXfs", "xf"]:
            used.append(int(attributes.get("numFmtId", 0)))

    parser = _parser(start, lambda _: path.pop())
    with packed.open(_STYLES) as source:
        while chunk := source.read(_CHUNK):
            parser.Parse(chunk, False)
    parser.Parse(b"", True)
    if len(used) > _MAX_STYLES:
        raise zipfile.BadZipFile(f"{len(used):,} styles of cells")
    # a number that is neither defined nor built in is a format of another country's Excel
    return [format_of(codes.get(n) or BUILT_IN.get(n, f"[{n}]")) for n in used], frozenset(conditional)


def _is_plain(attributes: Mapping[str, str]) -> bool:
    return format_of(attributes.get("formatCode", GENERAL)).is_plain


# --- parsers of the parts that are copied ------------------------------------------------------------


def _parser(start: Callable[[str, dict[str, str]], None], end: Callable[[str], Any]) -> Any:
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.StartDoctypeDeclHandler = _refuse_entities
    return parser


def _refuse_entities(*_: object) -> None:
    raise zipfile.BadZipFile("it declares entities")


def _local(tag: str) -> str:
    return tag.rpartition(":")[2]


class _Cache(dict[str, Any]):
    """Results of a function of a text, each computed once."""

    def __init__(self, compute: Callable[[str], Any]) -> None:
        self.compute = compute

    def __missing__(self, text: str) -> Any:
        return self.setdefault(text, self.compute(text))


def column_number(letters: str) -> int:
    """
    >>> column_number("A"), column_number("XFD")
    (0, 16383)
    """
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return number - 1


class _SheetLook:
    """Parses a sheet's XML element by element; each cell is judged when its element ends."""

    def __init__(self, formats: Sequence[Format], is_1904: bool, conditional: frozenset[int]) -> None:
        self.look = Look(formats, is_1904)
        self.conditional, self.has_conditional = conditional, False
        self.numbers, self.texts = self.look.number_styles, self.look.text_styles
        self.shared: Counter[str] = Counter()
        self.last_line = self.last_column = self.line = self.column = -1
        self.is_hidden = self.in_cell = self.in_value = self.has_formula = self.has_text = False
        self.value, self.kind, self.style = "", "n", 0
        self.known, self.columns = _Cache(_local), _Cache(column_number)
        self.parser = _parser(self.start, self.end)
        self.parser.CharacterDataHandler = self.data

    def feed(self, chunk: bytes, is_last: bool) -> None:
        self.parser.Parse(chunk, is_last)

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = self.known[tag]
        if name == "c":
            self.in_cell, self.has_formula, self.has_text, self.value = True, False, False, ""
            self.kind, self.style = attributes.get("t", "n"), int(attributes.get("s", 0))
            place = attributes.get("r")
            if place is None:
                self.column += 1
                return
            letters = place.rstrip(_DIGITS)
            self.column, self.line = self.columns[letters], int(place[len(letters) :]) - 1
        elif self.in_cell:
            if name == "v":
                self.in_value = True
            elif name == "f":
                self.has_formula = True
            elif name == "is":
                self.has_text = True
        elif name == "row":
            self.line = int(attributes["r"]) - 1 if "r" in attributes else self.line + 1
            self.column = -1
            self.is_hidden = attributes.get("hidden") in _YES or attributes.get("ht") == "0"
        elif name == "col" and (attributes.get("hidden") in _YES or attributes.get("width") == "0"):
            self.look.hidden_columns.append(range(int(attributes["min"]) - 1, int(attributes["max"])))
        elif name == "sheetView" and attributes.get("showZeros") in ("0", "false"):
            self.look.hides_zeros = True
        elif name == "cfRule":
            self.has_conditional |= int(attributes.get("dxfId", -1)) in self.conditional
        elif name == "numFmt":  # the format of a rule that is defined in the sheet itself
            self.has_conditional |= not _is_plain(attributes)

    def data(self, text: str) -> None:
        if self.in_value:
            self.value += text

    def end(self, tag: str) -> None:
        name = self.known[tag]
        if name == "v":
            self.in_value = False
        elif name == "c":
            self.in_cell = False
            self.last_column, self.last_line = (
                max(self.last_column, self.column),
                max(self.last_line, self.line),
            )
            self.judge_cell()

    def judge_cell(self) -> None:
        kind, look = self.kind, self.look
        if kind == "e" or (self.has_formula and not self.value and kind != "str"):
            look.without_value.append(marked(self.line, self.column))
        elif not self.value and not self.has_text:
            return
        elif kind == "s":
            self.shared[self.value] += 1
        look.has_value = True
        if self.is_hidden and (not look.hidden_lines or look.hidden_lines[-1] != self.line):
            look.hidden_lines.append(self.line)
        if self.style in (self.numbers if kind in ("n", "d") else self.texts):
            look.marks.append(marked(self.line, self.column, self.style))

    @property
    def cells(self) -> int:
        return (self.last_column + 1) * (self.last_line + 1)

    def judge(self, name: str, lengths: Sequence[int]) -> None:
        """
        Raises:
            RejectedError: the sheet needs too much memory, or a conditional format changes how numbers are shown.
        """
        if self.has_conditional:
            raise RejectedError(conditional_format(name))
        if self.cells > MAX_CELLS:
            raise RejectedError(
                f"{name}: its sheet has {self.cells:,} cells up to line {self.last_line + 1:,}, most of them empty; "
                "delete the cells below and beside the table"
            )
        size = sum(times * lengths[int(n)] for n, times in self.shared.items() if int(n) < len(lengths))
        if size > MAX_TEXT_BYTES:
            raise RejectedError(f"{name}: its texts take {size / 2**30:.1f} GiB; it is not read")


class _TextLook:
    """Parses the shared texts for their lengths in bytes."""

    def __init__(self) -> None:
        self.lengths: list[int] = []
        self.begin = 0
        self.known = _Cache(_local)
        self.parser = _parser(self.start, self.end)

    def feed(self, chunk: bytes, is_last: bool) -> None:
        self.parser.Parse(chunk, is_last)

    def start(self, tag: str, _: dict[str, str]) -> None:
        if self.known[tag] == "si":
            self.begin = self.parser.CurrentByteIndex

    def end(self, tag: str) -> None:
        if self.known[tag] == "si":
            self.lengths.append(self.parser.CurrentByteIndex - self.begin)


def _copy_part(
    packed: zipfile.ZipFile,
    member: zipfile.ZipInfo,
    plain: zipfile.ZipFile,
    look: _SheetLook | _TextLook | None,
) -> None:
    source: IO[bytes]
    with packed.open(member) as source, plain.open(member.filename, "w", force_zip64=True) as target:
        while chunk := source.read(_CHUNK):
            target.write(chunk)
            if look:
                look.feed(chunk, False)
        if look:
            look.feed(b"", True)
