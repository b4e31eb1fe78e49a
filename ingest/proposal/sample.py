"""What an unknown file is: format, encoding, delimiter, heading lines, and its first records as texts.

Unlike in ``ingest/readers/files.py`` no contract says what to expect, so that everything is found; memory is bounded
alike.
"""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from ingest.readers import archives, excel
from ingest.readers.bounds import BLOCK_BYTES, MAX_FILE_BYTES, MAX_HEADINGS
from ingest.readers.encoding import refuse_utf8_within
from ingest.readers.files import check_file
from ingest.readers.json_lines import refuse_json_document
from ingest.readers.ooxml import ALL_SHEETS
from schemas.contract import plain_heading
from schemas.errors import RejectedError

#: Records that a proposal rests on.
SAMPLED_RECORDS = 20_000
DELIMITERS = (",", "\t", ";", "|")
_MAX_HEADING_ROWS = 5
SYNONYMS: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parent / "synonyms.yml").read_text(encoding="utf-8")
)


@dataclass
class Sample:
    """The first records of a file and what a contract's source block says of it."""

    format: str
    headings: list[str]
    rows: list[list[str]]
    encoding: str | None = None
    delimiter: str | None = None
    title_rows: int = 0
    heading_rows: int = 1
    unit_rows: int = 0
    #: Names of the sheets that hold anything, where there are several.
    sheets: list[str] = field(default_factory=list)
    #: Unit of each heading as the unit line says.
    units: list[str] = field(default_factory=list)
    #: Heading → words of lines of totals.
    totals: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def take(path: Path, scratch: Path) -> Sample:
    """
    Raises:
        RejectedError: the file is no table that could become a feed.
    """
    if not path.is_file():
        raise RejectedError(f"{path}: no such file")
    if check_file(path, path.name) == 0:
        raise RejectedError(f"{path.name}: the file is empty")
    if path.suffix.lower() == ".zip":
        members = archives.extract(path, scratch, MAX_FILE_BYTES)
        if len(members) > 1:
            raise RejectedError(f"{path.name}: {len(members)} files; name an archive of one, or one of them")
        path = members[0][1]
    is_excel = path.suffix.lower() in (".xlsx", ".xlsm", ".xls")
    sample = _of_excel(path, scratch) if is_excel else _of_text(path)
    if not sample.rows:
        raise RejectedError(f"{path.name}: headings but no record")
    if len(sample.headings) > MAX_HEADINGS:
        raise RejectedError(
            f"{path.name}: {len(sample.headings):,} columns; at most {MAX_HEADINGS:,} are read"
        )
    if not all(sample.headings) or len(set(sample.headings)) < len(sample.headings):
        raise RejectedError(
            f"{path.name}: a column without a heading, or a heading twice; mend the heading line"
        )
    return sample


def plain(text: str) -> str:
    """A word without width, case, spaces and punctuation.

    >>> plain("Account No."), plain("用电量 （万千瓦时）")
    ('accountno', '用电量万千瓦时')
    """
    return re.sub(r"[\W_]", "", unicodedata.normalize("NFKC", text).casefold())


# --- text ------------------------------------------------------------------------------------------


def _of_text(path: Path) -> Sample:
    encoding = encoding_of(path)
    with path.open("rb") as file:
        start = file.read(BLOCK_BYTES)
    is_whole = path.stat().st_size <= len(start)
    if not is_whole:
        start = start[: start.rfind(b"\n") + 1]
        if not start:
            raise RejectedError(f"{path.name}: a line of more than {BLOCK_BYTES >> 20} MiB")
    text = start.decode(encoding)
    refuse_json_document(path.name, text)
    if text.lstrip().startswith("{"):
        return _of_json(path.name, text, encoding)
    return _of_csv(path.name, text, encoding, is_whole)


def encoding_of(path: Path) -> str:
    """The encoding in which the whole file can be read, tried strictly.

    Raises:
        RejectedError: neither in UTF-8 nor in GB18030.
    """
    with path.open("rb") as file:
        start = file.read(4)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise RejectedError(f"{path.name}: UTF-16; ask for UTF-8 or GB18030")
    if start.startswith(codecs.BOM_UTF8):
        _decode_all(path, "utf-8-sig")
        return "utf-8-sig"
    for encoding in ("utf-8", "gb18030"):
        try:
            _decode_all(path, encoding)
        except UnicodeDecodeError:
            continue
        if encoding == "gb18030":
            refuse_utf8_within(path, path.name)
        return encoding
    raise RejectedError(f"{path.name}: neither UTF-8 nor GB18030; ask the sender for one of them")


def _decode_all(path: Path, encoding: str) -> None:
    decoder = codecs.getincrementaldecoder(encoding)()
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            decoder.decode(block)
        decoder.decode(b"", final=True)


def _of_csv(name: str, text: str, encoding: str, is_whole: bool) -> Sample:
    delimiter = delimiter_of(text)
    try:
        rows = list(itertools.islice(_csv_rows(text, delimiter), SAMPLED_RECORDS + 1))
    except csv.Error as error:
        raise RejectedError(f"{name}: not readable as CSV: {error}") from None
    if is_whole and text.count('"') % 2 and any("\n" in cell for cell in rows[-1]):
        raise RejectedError(f"{name}: a quote is never closed; mend the file")
    headings = [plain_heading(heading) for heading in rows[0]]
    if sum(map(bool, headings)) == 1 < max(map(len, rows)):
        raise RejectedError(f"{name}: line 1 is a title, not headings; ask for a file without it")
    whole = [row for row in rows[1:] if len(row) == len(headings)]
    found = Sample("csv", headings, _trimmed(whole), encoding, delimiter)
    if broken := len(rows) - 1 - len(whole):
        found.notes.append(f"{broken} of the first records have another number of cells than headings")
    if whole and _is_unit_line(found.rows[0]):
        found.units = [unit_named(cell) or "" for cell in found.rows[0]]
        found.notes.append("the second line holds units; as a record it will be quarantined")
        del found.rows[0]
    return found


def delimiter_of(text: str) -> str:
    """The delimiter with which the most lines have as many cells as the first; csv.Sniffer often guesses a letter.

    >>> delimiter_of("a;b,c;d\\n1;2,5;3\\n"), delimiter_of("one\\n1\\n")
    (';', ',')
    """

    def fit(delimiter: str) -> tuple[float, int]:
        try:
            rows = list(itertools.islice(_csv_rows(text, delimiter), 200))
        except csv.Error:
            return 0, 0
        width = len(rows[0]) if rows else 0
        return (sum(len(row) == width for row in rows) / len(rows), width) if width > 1 else (0, 0)

    return max(DELIMITERS, key=fit)


def _csv_rows(text: str, delimiter: str) -> Iterator[list[str]]:
    return (row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row)


def _of_json(name: str, text: str, encoding: str) -> Sample:
    records = []
    broken = 0
    for line in itertools.islice(filter(str.strip, text.split("\n")), SAMPLED_RECORDS):
        try:
            record = json.loads(line, parse_int=str, parse_float=str)
        except (ValueError, RecursionError):
            broken += 1
            continue
        records.append(record if isinstance(record, dict) else {})
    headings = list(dict.fromkeys(key for record in records for key in record))
    if len(records) == 1 and any(_is_records(value) for value in records[0].values()):
        raise RejectedError(
            f"{name}: records within a JSON object (a wrapper); JSON lines are read, one record a line"
        )
    if not headings:
        raise RejectedError(f"{name}: no line is a JSON object; JSON lines are read, one record a line")
    rows = [[_json_text(record.get(h)) for h in headings] for record in records]
    found = Sample("jsonl", headings, rows, "utf-8" if encoding == "utf-8-sig" else encoding)
    if broken:
        found.notes.append(f"{broken} of the first lines are no JSON objects")
    return found


def _is_records(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(item, dict) for item in value)


def _json_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value.strip()
    return json.dumps(value, ensure_ascii=False)


def _trimmed(rows: Sequence[list[str]]) -> list[list[str]]:
    return [[cell.strip() for cell in row] for row in rows]


# --- Excel -----------------------------------------------------------------------------------------


def _of_excel(path: Path, scratch: Path) -> Sample:
    """The first sheet that holds anything; which ones there are is said."""
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
    units = 1 if len(first) > top and _is_unit_line(cells[top][:width]) else 0
    found = Sample("excel", headings, [], title_rows=title, heading_rows=heading, unit_rows=units)
    if units:
        found.units = [unit_named(cell) or "" for cell in cells[top][:width]]
    if len(sheets) > 1:
        found.sheets = [s.name for s in sheets]
    found.notes += _hidden(sheet, headings, top + units)
    lines = itertools.chain(first, sheet.lines)
    for line in excel.with_merged(lines, sheet.merged, top + units, width, ()):
        _take_line(found, line.cells[:width])
    found.notes += _valueless(found)
    return found


def _hidden(sheet: excel.Sheet, headings: Sequence[str], above: int) -> Iterator[str]:
    if any(number > above for number in sheet.hidden_lines):
        yield "hidden lines hold values; such a file is refused"
    for i, heading in enumerate(headings):
        if any(i in columns for columns in sheet.hidden_columns):
            yield f"column {heading} is hidden; a contract that reads it refuses such a file"


def _valueless(found: Sample) -> Iterator[str]:
    """Headings with cells that do not say what they hold; their marks are taken away."""
    for i, heading in enumerate(found.headings):
        texts = [row[i] for row in found.rows]
        if (
            any(excel.is_marked(text) and not excel.is_no_code_number(text) for text in texts)
            or excel.NO_VALUE in texts
        ):
            yield f"{heading} has cells that show no value or another than they hold; such records are quarantined"
        if any(excel.is_no_code_number(text) and "." not in text for text in texts):
            yield f"{heading} has numbers that are no codes (long, or with an exponent); where they are, ask for texts"
        for row in found.rows:
            row[i] = excel.bare(row[i]).strip()


def _take_line(found: Sample, cells: list[str]) -> None:
    """A record, or a line of totals, which may stand behind the last one."""
    if excel.is_blank(cells):
        return
    for heading, cell in itertools.islice(zip(found.headings, map(excel.bare, cells), strict=False), 3):
        if plain(cell) in {plain(word) for word in SYNONYMS["totals"]}:
            words = found.totals.setdefault(heading, [])
            if plain(cell) not in map(plain, words):
                words.append(cell)
            return
    if len(found.rows) < SAMPLED_RECORDS:
        found.rows.append(cells + [""] * (len(found.headings) - len(cells)))


def _heading_lines(first: Sequence[list[str]], merged: Sequence[Any]) -> tuple[int, int]:
    """Lines above the headings, and heading lines: merged cells say how far these reach."""
    title = next((i for i, line in enumerate(first) if len(set(filter(None, line))) > 1), len(first))
    count = 1
    while count < _MAX_HEADING_ROWS and any(
        title <= top < title + count
        and (bottom >= title + count or (top == bottom == title + count - 1 and right > left))
        for (top, left), (bottom, right) in merged
    ):
        count += 1
    return title, count


# --- units -----------------------------------------------------------------------------------------


def _is_unit_line(cells: Sequence[str]) -> bool:
    """Most of what stands in it are units, and none of it is a number."""
    said = [cell for cell in cells if cell and cell not in ("-", "—", "/")]
    return bool(said) and sum(unit_named(cell) is not None for cell in said) * 2 > len(said)


def unit_named(text: str) -> str | None:
    """Our name of a unit.

    >>> unit_named("MWh"), unit_named("（公斤）"), unit_named("甲")
    ('兆瓦时', '千克', None)
    """
    return _UNITS.get(_unit_key(text.strip("()（）[]【】 单位:：")))


def _unit_key(text: str) -> str:
    return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", text).casefold().strip())


_UNITS = {_unit_key(word): unit for unit, words in SYNONYMS["units"].items() for word in (unit, *words)}
