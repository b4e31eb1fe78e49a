"""Excel files in senders' layouts, and old ones (.xls), which no library here writes."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


def emission_headings(sheet: Any) -> None:
    """Two heading lines: parents over merged cells, and their children."""
    sheet.merge_range(0, 0, 0, 1, "企业")
    sheet.merge_range(0, 2, 0, 3, "废水")
    sheet.merge_range(0, 4, 0, 5, "废气")
    sheet.write_row(1, 0, ["名称", "信用代码", "化学需氧量", "氨氮", "二氧化硫", "氮氧化物"])


#: Cells of an old sheet without a value: an error, and a formula that was never calculated.
ERROR, UNWORKED = object(), object()


@dataclass(frozen=True)
class OldSheet:
    """A sheet of an .xls: lines of numbers, texts, :data:`ERROR`, :data:`UNWORKED`, and (number, format)."""

    name: str
    lines: Sequence[Sequence[Any]]
    is_hidden: bool = False
    hidden_lines: Sequence[int] = ()
    hidden_columns: Sequence[int] = ()
    #: Whether its conditional formats of Excel 97 and of 2007 have a number format; None: no conditional formats.
    conditional: tuple[bool, bool] | None = None


def old_workbook(path: Path, *sheets: OldSheet, is_1904: bool = False) -> Path:
    """A minimal .xls in the form of Excel 97."""
    cells = [cell for sheet in sheets for line in sheet.lines for cell in line]
    codes = ["General", *dict.fromkeys(cell[1] for cell in cells if isinstance(cell, tuple))]
    # UTF-16 text; custom formats begin at 164, each with the style of the same index
    head = _record(0x809, struct.pack("<HHHHII", 0x600, 5, 0, 1997, 0, 6)) + _record(0x42, b"\xb0\x04")
    head += _record(0x22, struct.pack("<H", is_1904))
    head += b"".join(
        _record(0x41E, struct.pack("<H", 164 + i) + _wide(code, "<H")) for i, code in enumerate(codes)
    )
    head += b"".join(_record(0xE0, struct.pack("<HH16x", 0, 164 + i)) for i in range(len(codes)))
    parts = [_old_sheet(sheet, codes) for sheet in sheets]
    names = [struct.pack("<BB", sheet.is_hidden, 0) + _wide(sheet.name, "<B") for sheet in sheets]
    place = len(head) + sum(len(_record(0x85, b"1234" + name)) for name in names) + 4
    for name, part in zip(names, parts, strict=True):
        head += _record(0x85, struct.pack("<I", place) + name)
        place += len(part)
    path.write_bytes(_compound(head + _record(0x0A, b"") + b"".join(parts)))
    return path


def _old_sheet(sheet: OldSheet, codes: Sequence[str]) -> bytes:
    found = [_record(0x809, struct.pack("<HHHHII", 0x600, 0x10, 0, 1997, 0, 6))]
    found += [_record(0x7D, struct.pack("<6H", c, c, 0, 0, 1, 0)) for c in sheet.hidden_columns]
    found += [_record(0x208, struct.pack("<5HHI", row, 0, 9, 255, 0, 0, 0x20)) for row in sheet.hidden_lines]
    for row, line in enumerate(sheet.lines):
        for column, cell in enumerate(line):
            value, style = (cell[0], codes.index(cell[1])) if isinstance(cell, tuple) else (cell, 0)
            found.append(_old_cell(value, struct.pack("<HHH", row, column, style)))
    found.append(_record(0x23E, struct.pack("<HHHIHHI", 0x6B6, 0, 0, 0, 0, 0, 0)))
    if sheet.conditional:
        old, new = (
            struct.pack("<IH", 0x3FFFFF | has_format << 25, 0) + b"\0\0" for has_format in sheet.conditional
        )
        # [MS-XLS] 2.4.42 CF, 2.4.43 CF12: kind, comparison, lengths of two formulas, differing format
        found.append(_record(0x1B1, struct.pack("<BBHH", 1, 6, 3, 0) + old + b"\x1e\1\0"))
        head = struct.pack("<H10xBBHH", 0x87A, 1, 6, 3, 0)
        found.append(_record(0x87A, head + struct.pack("<I", len(new)) + new + b"\x1e\1\0"))
    return b"".join(found) + _record(0x0A, b"")


def _old_cell(value: Any, at: bytes) -> bytes:
    if value is ERROR:
        return _record(0x205, at + b"\x07\x01")
    if value is UNWORKED:
        return _record(0x06, at + b"\x03\0\0\0\0\0\xff\xff" + struct.pack("<HIH", 0, 0, 3) + b"\x1e\1\0")
    if isinstance(value, str):
        return _record(0x204, at + _wide(value, "<H")) if value else b""
    return _record(0x203, at + struct.pack("<d", value))


def _record(kind: int, content: bytes) -> bytes:
    return struct.pack("<HH", kind, len(content)) + content


def _wide(text: str, count: str) -> bytes:
    return struct.pack(count, len(text)) + b"\1" + text.encode("utf-16-le")


def _compound(stream: bytes) -> bytes:
    """A compound file with one stream: header, allocation table, directory, and the stream."""
    last, free, own = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD
    stream = stream.ljust(4096, b"\0")
    count = -(-len(stream) // 512)
    tables = -(-(count + 2) // 127)
    table = [own] * tables + [last] + [tables + 2 + i for i in range(count - 1)] + [last]
    table += [free] * (tables * 128 - len(table))
    own_places = list(range(tables)) + [free] * (109 - tables)
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
    header += struct.pack(
        "<HHHHH6xIIIIIIIII", 62, 3, 0xFFFE, 9, 6, 0, tables, tables, 0, 4096, last, 0, last, 0
    )
    header += struct.pack("<109I", *own_places)
    entries = [_entry("Root Entry", 5, 1, last, 0), _entry("Workbook", 2, free, tables + 1, len(stream))]
    directory = b"".join(entries).ljust(512, b"\0")
    return header + struct.pack(f"<{len(table)}I", *table) + directory + stream.ljust(count * 512, b"\0")


def _entry(name: str, kind: int, child: int, start: int, size: int) -> bytes:
    text = name.encode("utf-16-le") + b"\0\0"
    free = 0xFFFFFFFF
    return text.ljust(64, b"\0") + struct.pack(
        "<HBBIII36xIQ", len(text), kind, 1, free, free, child, start, size
    )
