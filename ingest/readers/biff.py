"""The parts of an .xls (Excel 97 to 2003) that the value reader does not return, as ``ooxml.py`` does for .xlsx.

An .xls is a small file system (复合文档) with one stream of records; see [MS-CFB] and [MS-XLS] of Microsoft's open
specifications. Nothing in it is compressed, so the file's size bounds what is read.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

from ingest.readers.number_formats import BUILT_IN, format_of
from ingest.readers.ooxml import Look, conditional_format, is_looked_at, marked
from schemas.errors import RejectedError

MAX_BYTES = 512 << 20
_SIGNATURE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_LAST_SECTOR = 0xFFFFFFFA
#: Streams below this size are stored in sectors of 64 bytes.
_SMALL = 4096
_SMALL_SECTOR = 64

_BOF, _EOF, _SHEET, _FORMAT, _XF, _DATES, _PASSWORD = 0x809, 0x0A, 0x85, 0x41E, 0xE0, 0x22, 0x2F
_FORMULA, _NUMBER, _RK, _SEVERAL_RK, _FLAG_OR_ERROR = 0x06, 0x203, 0x27E, 0xBD, 0x205
_SHARED_TEXT, _TEXT, _RICH_TEXT = 0xFD, 0x204, 0xD6
_ROW, _COLUMNS, _WINDOW = 0x208, 0x7D, 0x23E
#: Conditional formats (CF, and CF12 of later versions): record kind → offset of the differing format (DXFN), and the
#: DXFN's flag for a number format (ibitAtrNum).
_CONDITIONAL, _NUMBER_FLAG = {0x1B1: 6, 0x87A: 22}, 1 << 25
_BIFF8 = 0x600
_WORKSHEET, _VISIBLE = 0, 0


def is_old_format(path: Path) -> bool:
    """Whether a file is an .xls; a password-protected .xlsx has the same signature."""
    with path.open("rb") as file:
        return file.read(4) == _SIGNATURE[:4]


def looks_of(path: Path, name: str, wanted: Collection[str]) -> dict[str, Look]:
    """Visible sheets in their order.

    Args:
        wanted: sheets to inspect, all if none is named; the others are only listed.

    Raises:
        RejectedError: the file is no workbook of Excel 97 or later, or a password protects it.
    """
    if path.stat().st_size > MAX_BYTES:
        raise RejectedError(f"{name}: larger than {MAX_BYTES >> 20} MiB; save it as .xlsx")
    try:
        streams = _Streams(path.read_bytes())
        if "EncryptedPackage" in streams.entries:
            raise RejectedError(f"{name}: protected by a password; send it without")
        if "Workbook" not in streams.entries:
            raise RejectedError(f"{name}: not readable as Excel: older than Excel 97; save it as .xlsx")
        return _sheets(streams.read("Workbook"), name, wanted)
    except (struct.error, ValueError, IndexError, KeyError, OverflowError) as error:
        raise RejectedError(f"{name}: not readable as Excel: {error}; save it as .xlsx") from None


# --- the file system ---------------------------------------------------------------------------------


class _Streams:
    """Streams by name, each a chain of sectors."""

    def __init__(self, content: bytes) -> None:
        if content[:8] != _SIGNATURE:
            raise ValueError("no compound file")
        self.content = content
        shift = struct.unpack_from("<H", content, 30)[0]
        if shift not in (9, 12):
            raise ValueError("unknown sector size")
        self.size = 1 << shift
        directory, small_table = (struct.unpack_from("<I", content, at)[0] for at in (48, 60))
        self.table = self._allocation_table()
        entries = list(self._directory(self._chain(directory, self.table, self._sector)))
        self.entries = dict(entries)
        if sum(name == "Workbook" for name, _ in entries) > 1:
            raise ValueError("it embeds another workbook")
        self.small_table = _numbers(self._chain(small_table, self.table, self._sector))
        self.small = self._chain(entries[0][1][0], self.table, self._sector)

    def read(self, name: str) -> bytes:
        start, size = self.entries[name]
        if size < _SMALL:
            return self._chain(start, self.small_table, self._small_sector)[:size]
        return self._chain(start, self.table, self._sector)[:size]

    def _sector(self, number: int) -> bytes:
        return self.content[(number + 1) * self.size : (number + 2) * self.size]

    def _small_sector(self, number: int) -> bytes:
        return self.small[number * _SMALL_SECTOR : (number + 1) * _SMALL_SECTOR]

    def _allocation_table(self) -> Sequence[int]:
        """For each sector, the next one of its chain. The table's own sectors are listed in the header, and in further
        sectors if the file is large."""
        own = list(struct.unpack_from("<109I", self.content, 76))
        following, lists = struct.unpack_from("<2I", self.content, 68)
        count = len(self.content) // self.size
        for _ in range(min(lists, count)):
            *more, following = _numbers(self._sector(following))
            own += more
        own = [number for number in own if number < _LAST_SECTOR]
        return _numbers(b"".join(self._sector(number) for number in own[: count + 1]))

    def _chain(self, start: int, table: Sequence[int], sector: Callable[[int], bytes]) -> bytes:
        parts: list[bytes] = []
        while start < _LAST_SECTOR:
            if len(parts) > len(table):
                raise ValueError("an endless stream")
            parts.append(sector(start))
            start = table[start]
        return b"".join(parts)

    @staticmethod
    def _directory(content: bytes) -> Iterator[tuple[str, tuple[int, int]]]:
        for at in range(0, len(content) - 127, 128):
            length = struct.unpack_from("<H", content, at + 64)[0]
            name = content[at : at + max(length - 2, 0)].decode("utf-16-le", "replace")
            yield name, struct.unpack_from("<2I", content, at + 116)


def _numbers(content: bytes) -> Sequence[int]:
    return struct.unpack(f"<{len(content) // 4}I", content[: len(content) // 4 * 4])


# --- records -----------------------------------------------------------------------------------------


def _records(stream: bytes, at: int) -> Iterator[tuple[int, int, int]]:
    """Kind, position and length of the records of a part; those of embedded charts are skipped."""
    depth = 0
    header = struct.Struct("<HH")
    while True:
        kind, length = header.unpack_from(stream, at)
        if at + 4 + length > len(stream):
            raise ValueError("a record is cut off")
        depth += (kind == _BOF) - (kind == _EOF)
        if depth == 0:
            return
        if depth == 1:
            yield kind, at + 4, length
        at += 4 + length


def _sheets(stream: bytes, name: str, wanted: Collection[str]) -> dict[str, Look]:
    if struct.unpack_from("<HHH", stream)[::2] != (_BOF, _BIFF8):
        raise RejectedError(f"{name}: not readable as Excel: older than Excel 97; save it as .xlsx")
    codes: dict[int, str] = {}
    used: list[int] = []
    places: dict[str, int] = {}
    is_1904 = False
    for kind, at, length in _records(stream, 0):
        if kind == _FORMAT:
            codes[struct.unpack_from("<H", stream, at)[0]] = _text(stream, at + 2, "<H")
        elif kind == _XF:
            used.append(struct.unpack_from("<H", stream, at + 2)[0])
        elif kind == _PASSWORD:
            raise RejectedError(f"{name}: protected by a password; send it without")
        elif kind == _DATES:
            is_1904 = stream[at] == 1
        elif kind == _SHEET and length > 6:
            place, state, sort = struct.unpack_from("<IBB", stream, at)
            if state & 3 == _VISIBLE and sort == _WORKSHEET:
                places[_text(stream, at + 6, "<B")] = place
    if len(set(places.values())) < len(places):
        raise ValueError("two sheets at one position")
    formats = [format_of(codes.get(n) or BUILT_IN.get(n, f"[{n}]")) for n in used]
    return {
        sheet: _look(stream, place, Look(formats, is_1904), name) if is_looked_at(sheet, wanted) else Look()
        for sheet, place in places.items()
    }


def _text(stream: bytes, at: int, count: str) -> str:
    """A text after its length; each character takes one byte or two."""
    length = struct.unpack_from(count, stream, at)[0]
    at += struct.calcsize(count)
    is_wide = stream[at] & 1
    content = stream[at + 1 : at + 1 + length * (1 + is_wide)]
    return content.decode("utf-16-le" if is_wide else "latin-1", "replace")


def _look(stream: bytes, place: int, look: Look, name: str) -> Look:
    hidden: set[int] = set()
    valued: set[int] = set()
    for kind, at, length in _records(stream, place):
        if kind in _CELLS:
            valued.add(struct.unpack_from("<H", stream, at)[0])
            _look_at_cell(kind, stream, at, length, look)
        elif kind == _ROW:
            if struct.unpack_from("<I", stream, at + 12)[0] & 0x20:
                hidden.add(struct.unpack_from("<H", stream, at)[0])
        elif kind == _COLUMNS:
            first, last, _, _, flags = struct.unpack_from("<5H", stream, at)
            if flags & 1:
                look.hidden_columns.append(range(first, last + 1))
        elif kind in _CONDITIONAL and _changes_numbers(stream[at + _CONDITIONAL[kind] : at + length]):
            raise RejectedError(conditional_format(name))
        elif kind == _WINDOW:
            look.hides_zeros = not struct.unpack_from("<H", stream, at)[0] & 0x10
    look.has_value = bool(valued)
    look.hidden_lines.extend(sorted(hidden & valued))
    return look


_CELL = struct.Struct("<HHH")


def _look_at_cell(kind: int, stream: bytes, at: int, length: int, look: Look) -> None:
    line, column, style = _CELL.unpack_from(stream, at)
    if kind == _SEVERAL_RK:
        for number in range((length - 6) // 6):
            style = struct.unpack_from("<H", stream, at + 4 + 6 * number)[0]
            if style in look.number_styles:
                look.marks.append(marked(line, column + number, style))
    elif _has_no_value(kind, stream, at):
        look.without_value.append(marked(line, column))
    elif style in (look.text_styles if _is_text(kind, stream, at) else look.number_styles):
        look.marks.append(marked(line, column, style))


_CELLS = frozenset((_FORMULA, _NUMBER, _RK, _SEVERAL_RK, _FLAG_OR_ERROR, _SHARED_TEXT, _TEXT, _RICH_TEXT))
#: Kinds of a formula's value that is no number: a text, an error, nothing.
_FORMULA_TEXT, _FORMULA_ERROR, _FORMULA_NOTHING = 0, 2, 3


def _has_no_value(kind: int, stream: bytes, at: int) -> bool:
    """Whether a cell is an error, or a formula with an empty value, that is, one that no program has calculated."""
    if kind == _FLAG_OR_ERROR:
        return stream[at + 7] == 1
    return _formula_kind(kind, stream, at) in (_FORMULA_ERROR, _FORMULA_NOTHING)


def _changes_numbers(differing: bytes) -> bool:
    return len(differing) >= 4 and bool(struct.unpack_from("<I", differing)[0] & _NUMBER_FLAG)


def _is_text(kind: int, stream: bytes, at: int) -> bool:
    return kind in (_SHARED_TEXT, _TEXT, _RICH_TEXT) or _formula_kind(kind, stream, at) == _FORMULA_TEXT


def _formula_kind(kind: int, stream: bytes, at: int) -> int | None:
    """Kind of a formula's value; None if the value is a number or the cell is no formula."""
    return stream[at + 6] if kind == _FORMULA and stream[at + 12 : at + 14] == b"\xff\xff" else None
