"""The first records of an unknown text file: its encoding, its delimiter, CSV or JSON lines."""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ingest.proposal.sample import SAMPLED_RECORDS, Sample
from ingest.proposal.words import is_unit_line, unit_named
from ingest.readers.bounds import BLOCK_BYTES
from ingest.readers.encoding import refuse_utf8_within
from ingest.readers.json_lines import refuse_json_document
from schemas.errors import RejectedError
from schemas.source import plain_heading

DELIMITERS = (",", "\t", ";", "|")


def of_text(path: Path) -> Sample:
    """The sample of a text file.

    Raises:
        RejectedError: its encoding is not supported, or it is neither CSV nor JSON lines.
    """
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
    """The encoding in which the complete file decodes without an error.

    Raises:
        RejectedError: it is neither UTF-8 nor GB18030.
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
        raise RejectedError(f"{name}: a quote is never closed; correct the file")
    headings = [plain_heading(heading) for heading in rows[0]]
    if sum(map(bool, headings)) == 1 < max(map(len, rows)):
        raise RejectedError(f"{name}: line 1 is a title, not headings; ask for a file without it")
    complete = [row for row in rows[1:] if len(row) == len(headings)]
    sample = Sample("csv", headings, _trimmed(complete), encoding, delimiter)
    if broken := len(rows) - 1 - len(complete):
        sample.notes.append(f"{broken} of the first records have another number of cells than headings")
    if complete and is_unit_line(sample.rows[0]):
        sample.units = [unit_named(cell) or "" for cell in sample.rows[0]]
        sample.notes.append("the second line has units; as a record it will be quarantined")
        del sample.rows[0]
    return sample


def delimiter_of(text: str) -> str:
    """The delimiter with which most lines have as many cells as the first; csv.Sniffer often guesses a letter.

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
            f"{name}: records within a JSON object (a wrapper); send JSON lines, one record a line"
        )
    if not headings:
        raise RejectedError(f"{name}: no line is a JSON object; send JSON lines, one record a line")
    rows = [[_json_text(record.get(h)) for h in headings] for record in records]
    sample = Sample("jsonl", headings, rows, "utf-8" if encoding == "utf-8-sig" else encoding)
    if broken:
        sample.notes.append(f"{broken} of the first lines are no JSON objects")
    return sample


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
