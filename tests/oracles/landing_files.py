"""Senders' files in plain Python: which of them count, their records, and the values of cells."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

from python_calamine import CalamineWorkbook

Row = dict[str, Any]
Key = tuple[str, str]

#: Characters of GB 32100-2015 with their values, and the weights of the first 17 places.
CHARACTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
WEIGHTS = [pow(3, place, 31) for place in range(17)]


class Refused(Exception):
    """A record with a cell that cannot be read, or a value that cannot be."""


# --- files -----------------------------------------------------------------------------------------


def files(landing: Path, feed: str) -> Iterator[tuple[str, Path]]:
    """Period and file of the deliveries that count: of each period and part the one sent last."""
    last: dict[Key, tuple[str, str]] = {}
    for manifest in (landing / feed).glob("*.manifest.json"):
        told = json.loads(manifest.read_text(encoding="utf-8"))
        sent = (told["sent_at"], told["file"])
        last[told["period"], told["part"]] = max(sent, last.get((told["period"], told["part"]), ("", "")))
    for (period, _), (_, name) in sorted(last.items()):
        yield period, landing / feed / name


def records(
    landing: Path, feed: str, encoding: str = "utf-8", delimiter: str = ","
) -> Iterator[tuple[str, Row]]:
    """Period and cells of each record, heading → text; an Excel heading of two rows is joined by a stroke."""
    for period, path in files(landing, feed):
        if path.suffix == ".jsonl":
            for line in path.read_text(encoding="utf-8").splitlines():
                yield period, json.loads(line, parse_float=str, parse_int=str)
        elif path.suffix == ".csv":
            text = path.read_bytes().decode(encoding)
            for record in csv.DictReader(io.StringIO(text), delimiter=delimiter):
                yield period, record
        else:
            yield from ((period, row) for row in _sheet(path))


def _sheet(path: Path) -> Iterator[Row]:
    """Records under a heading of two rows; a row without its first cell states units."""
    above, below, *rows = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()
    headings, group = [], ""
    for upper, lower in zip(above, below, strict=True):
        group = str(upper) or group
        headings.append(f"{group}/{lower}" if lower else group)
    for row in rows:
        if row[0] != "":
            yield dict(zip(headings, row, strict=True))


# --- cells -----------------------------------------------------------------------------------------


def valid(code: str | None) -> bool:
    """Whether a credit code has the right length, characters and check character."""
    if not code or len(code) != 18 or any(c not in CHARACTERS for c in code):
        return False
    total = sum(CHARACTERS.index(c) * w for c, w in zip(code, WEIGHTS, strict=False))
    return CHARACTERS[-total % 31] == code[17]


def firm_of(record: Row, heading: str) -> str:
    code = str(record[heading] or "").strip()
    if not valid(code):
        raise Refused(heading)
    return code


def number(record: Row, heading: str, least: int | None = 0, needed: bool = False) -> Fraction | None:
    cell = record.get(heading)
    if cell is None or str(cell).strip() == "":
        if needed:
            raise Refused(heading)
        return None
    try:
        value = Fraction(str(cell).strip())
    except ValueError:
        raise Refused(heading) from None
    if least is not None and value < least:
        raise Refused(heading)
    return value


def day(record: Row, heading: str, stroke: str = "-") -> date | None:
    cell = str(record.get(heading) or "").strip()
    if not cell:
        return None
    try:
        year, month, number_of_day = cell[:10].split(stroke)
        return date(int(year), int(month), int(number_of_day))
    except ValueError:
        raise Refused(heading) from None


def word(record: Row, heading: str, words: Mapping[str, str]) -> str:
    try:
        return words[str(record[heading]).strip()]
    except KeyError:
        raise Refused(heading) from None


def rounded(value: Fraction, digits: int = 6) -> Fraction:
    steps = abs(value) * 10**digits
    whole = int(steps + Fraction(1, 2))
    return Fraction(whole if value >= 0 else -whole, 10**digits)


def cut(value: Fraction, digits: int = 6) -> Fraction:
    return Fraction(int(value * 10**digits), 10**digits)


def first_day(period: str) -> date:
    return date.fromisoformat(f"{period}-01-01"[:10])
