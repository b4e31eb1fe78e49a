"""An independent reader and checker of the senders' files, in plain Python and without the generator.

It reads a file in the format that its contract states, and lists all reasons why a record breaks the contract.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path

from python_calamine import CalamineWorkbook

from schemas.contract import Feed, code_list, feed, feeds, units
from schemas.field import Column
from schemas.source import MappedColumn

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"


@dataclass(frozen=True)
class Record:
    row: int
    cells: dict[str, str | None]


#: No sender knows the grades: lists of them come from the platform's own journal.
PUBLISHED_BY_THE_PLATFORM = "gov_grade_publication"


def connected_feeds() -> dict[str, Feed]:
    """The feeds whose sender already delivers; for other feeds only a contract exists."""
    return {
        name: spec
        for name, spec in feeds().items()
        if spec.source.is_connected and name != PUBLISHED_BY_THE_PLATFORM
    }


def files_of(landing: Path, name: str) -> list[Path]:
    return sorted(p for p in (landing / name).iterdir() if not p.name.endswith(".manifest.json"))


def read(path: Path) -> tuple[list[str], list[Record]]:
    """Headings and records of a file, without totals lines; blank cells are None."""
    source = feed(path.parent.name).source
    if source.format == "jsonl":
        objects = [json.loads(line, parse_float=str, parse_int=str) for line in path.open(encoding="utf-8")]
        return list(objects[0]), [Record(i + 1, o) for i, o in enumerate(objects)]
    if source.format == "csv":
        lines = path.read_bytes().decode(source.encoding).splitlines()
        headings = lines[0].split(source.delimiter)
        rows = [[c or None for c in line.split(source.delimiter)] for line in lines[1:]]
        first = 2
    else:
        sheet = CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python(skip_empty_area=False)
        headings = _joined(sheet[0], sheet[1])
        first = source.heading_rows + source.unit_rows + 1
        rows = [[None if c == "" else str(c) for c in line] for line in sheet[first - 1 :]]
    records = [Record(first + i, dict(zip(headings, r, strict=True))) for i, r in enumerate(rows)]
    for heading, word in source.totals.items():
        records = [r for r in records if r.cells[heading] != word]
    return headings, records


def _joined(parents: list[object], children: list[object]) -> list[str]:
    names, parent = [], ""
    for above, below in zip(parents, children, strict=True):
        parent = str(above) or parent
        names.append(f"{parent}/{below}" if below else parent)
    return names


def faults_of(contract: Feed, record: Record) -> Iterator[str]:
    """All reasons, as column:rule, why the record breaks its contract."""
    for name, mapped in contract.source.mapping.items():
        text = record.cells[mapped.heading] if mapped.heading else mapped.constant
        text = text and text.strip()
        if text and contract.source.reads_written_numbers and mapped.unit:
            text = text.replace(",", "").removesuffix(mapped.unit)
        if rule := _broken_rule(contract.column(name), mapped, text):
            yield f"{name}:{rule}"
        elif text and (earlier := contract.column(name).domain.not_before):
            # both are written in the same format, year first
            start = record.cells[str(contract.source.mapping[earlier].heading)]
            if start and text < start:
                yield f"{name}:order"


def _broken_rule(column: Column, mapped: MappedColumn, text: str | None) -> str | None:
    if text is None:
        return "missing" if column.required else None
    if mapped.codes is not None:
        if text not in mapped.codes:
            return "code"
        text = mapped.codes[text]
    if column.type == "date":
        return None if any(_is_date(text, pattern) for pattern in mapped.date_formats) else "date"
    if column.type == "timestamp":
        return None if _is_moment(text) else "timestamp"
    if column.type.startswith("decimal") or column.type == "int":
        return _number_rule(column, mapped, text)
    domain = column.domain
    rules = {
        "check": domain.check == "uscc" and not valid_uscc(text),
        "pattern": domain.pattern and not re.fullmatch(domain.pattern, text),
        "code": domain.codes and text not in code_list(domain.codes),
    }
    return next((rule for rule, is_broken in rules.items() if is_broken), None)


def _number_rule(column: Column, mapped: MappedColumn, text: str) -> str | None:
    try:
        # Python reads full-width digits as well
        number = Decimal(text if text.isascii() else "-")
    except InvalidOperation:
        return "type"
    if mapped.unit and column.unit:
        number *= units()[mapped.unit][column.unit]
    low, high = column.domain.min, column.domain.max
    outside = (low is not None and number < low) or (high is not None and number > high)
    return "domain" if outside else None


def _is_moment(text: str) -> bool:
    """ISO 8601 in local time with its offset."""
    try:
        return text[10] == "T" and text.endswith("+08:00") and bool(datetime.fromisoformat(text))
    except ValueError:
        return False


def _is_date(text: str, pattern: str) -> bool:
    forms = {"yyyy/M/d": r"(\d{4})/(\d{1,2})/(\d{1,2})", "yyyy年M月d日": r"(\d{4})年(\d{1,2})月(\d{1,2})日"}
    try:
        if form := forms.get(pattern):
            parts = re.fullmatch(form, text)
            if parts is None:
                return False
            date(*(int(part) for part in parts.groups()))
        else:
            date.fromisoformat(text)
    except ValueError:
        return False
    return True


def valid_uscc(code: str) -> bool:
    """Whether a credit code is valid by GB 32100-2015: weights 3^(i-1) mod 31."""
    if not re.fullmatch(f"[{ALPHABET}]{{18}}", code):
        return False
    weighted = sum(ALPHABET.index(c) * pow(3, i, 31) for i, c in enumerate(code[:17]))
    return ALPHABET[(31 - weighted % 31) % 31] == code[17]
