"""Files as the senders write them (交付文件): CSV, JSON lines and Excel, each with its manifest.

Headings, their order, encodings and code words come from the feed's contract: a changed contract changes the files.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from demo_city.frame import Frame
from schemas.contract import Feed
from schemas.source import Source

Bytes = bytes | memoryview

_MONTH = re.compile(r"\d{4}-\d\d")

#: Records written at a time.
_ROWS_AT_A_TIME = 100_000
#: Fixed creation date of every Excel file, so that the same city has the same bytes.
_EXCEL_CREATED = datetime(2021, 1, 1)  # noqa: DTZ001 - Excel has no time zones


def encode(frame: Frame) -> Iterator[Bytes]:
    """The delivery's file, piece by piece: the largest files take hundreds of MB."""
    source, table = frame.source, frame.table()
    if source.format == "excel":
        yield _excel(source, table)
        return
    if source.format == "csv":
        yield (source.delimiter.join(table.column_names) + "\n").encode(source.encoding)
    for start in range(0, table.num_rows, _ROWS_AT_A_TIME):
        piece = table.slice(start, _ROWS_AT_A_TIME)
        yield _csv(source, piece) if source.format == "csv" else _lines(piece)


def _csv(source: Source, table: pa.Table) -> Bytes:
    """The records' lines."""
    sink = pa.BufferOutputStream()
    options = csv.WriteOptions(include_header=False, delimiter=source.delimiter, quoting_style="none")
    csv.write_csv(table, sink, options)
    body = sink.getvalue()
    if source.encoding in ("utf-8", "utf-8-sig"):
        return memoryview(body)
    text: str = body.to_pybytes().decode("utf-8")
    return text.encode(source.encoding)


def _lines(table: pa.Table) -> memoryview:
    """One object a line. Cells hold no quotes or backslashes, so they need no escaping.

    The lines are the value buffer of a text array whose elements end in a line feed.
    """
    pieces: list[pa.Array | str] = []
    for position, name in enumerate(table.column_names):
        column = table.column(position).combine_chunks()
        text = column.cast(pa.string())
        if pa.types.is_string(column.type):
            text = pc.binary_join_element_wise('"', text, '"', "")
        pieces += [f'{"," if position else "{"}"{name}":', pc.fill_null(text, "null")]
    lines = pc.binary_join_element_wise(*pieces, "}\n", "")
    first, last = (lines.offset, lines.offset + len(lines))
    _, offsets, text = lines.buffers()
    ends = np.frombuffer(offsets, dtype=np.int32)
    return memoryview(text)[ends[first] : ends[last]]


def _excel(source: Source, table: pa.Table) -> bytes:
    """One sheet: merged headings, a line of units, the rows, and a totals line if the sender writes one."""
    import xlsxwriter

    units = {m.heading: m.unit or "" for m in source.mapping.values()}
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True, "strings_to_formulas": False})
    book.set_properties({"created": _EXCEL_CREATED})
    sheet = book.add_worksheet("Sheet1")
    _heading(sheet, table.column_names, source.heading_rows)
    row = source.heading_rows
    for _ in range(source.unit_rows):
        for position, name in enumerate(table.column_names):
            sheet.write_string(row, position, units.get(name, ""))
        row += 1
    columns = [
        _numbers_or_texts(table.column(i).combine_chunks(), bool(units.get(name)))
        for i, name in enumerate(table.column_names)
    ]
    for record in zip(*columns, strict=True):
        for position, cell in enumerate(record):
            if isinstance(cell, float):
                sheet.write_number(row, position, cell)
            elif cell:
                sheet.write_string(row, position, cell)
        row += 1
    for heading, (word, *_) in source.total_words.items():
        for position, cells in enumerate(columns):
            numbers = [c for c in cells if isinstance(c, float)]
            if table.column_names[position] == heading:
                sheet.write_string(row, position, word)
            elif numbers:
                sheet.write_number(row, position, round(sum(numbers), 3))
    book.close()
    return buffer.getvalue()


def _numbers_or_texts(column: pa.Array, is_measure: bool) -> list[str | float | None]:
    """Excel stores binary floats only, which keep three decimals exactly. Texts among measures stay texts."""
    if pa.types.is_string(column.type) and not is_measure:
        texts: list[str | float | None] = column.to_pylist()
        return texts
    return [_number_or_text(v) for v in column.to_pylist()]


def _number_or_text(value: object) -> str | float | None:
    if value is None:
        return None
    try:
        return float(str(value))
    except ValueError:
        return str(value)


def _heading(sheet: object, names: list[str], rows: int) -> None:
    """Heading lines: of "parent/child" the child under its merged parent, single names merged downwards."""
    write, merge = sheet.write_string, sheet.merge_range  # type: ignore[attr-defined]
    if rows == 1:
        for position, name in enumerate(names):
            write(0, position, name)
        return
    position = 0
    while position < len(names):
        parent, slash, _ = names[position].partition("/")
        end = position
        while slash and end + 1 < len(names) and names[end + 1].startswith(parent + "/"):
            end += 1
        if not slash:
            merge(0, position, rows - 1, position, parent)
        elif end > position:
            merge(0, position, 0, end, parent)
        else:
            write(0, position, parent)
        for child in range(position, end + 1):
            if slash:
                write(1, child, names[child].partition("/")[2])
        position = end + 1


def file_name(frame: Frame, suffix: str = "") -> str:
    """Name of the file: ``tax_2023.csv``, ``land_survey_2023_haishu.csv``, ``energy_2023_corrected.jsonl``."""
    ending = {"csv": "csv", "jsonl": "jsonl", "excel": "xlsx"}[frame.source.format]
    name = frame.feed.removeprefix("gov_").removeprefix("ent_")
    stem = "_".join(filter(None, [name, frame.period, frame.part, suffix]))
    return f"{stem}.{ending}"


def source_row(source: Source, position: int) -> int:
    """Line number of a record in the file, from 1, headings included."""
    if source.format == "jsonl":
        return position + 1
    heading = source.heading_rows + source.unit_rows if source.format == "excel" else 1
    return position + heading + 1


def period_end(period: str) -> date:
    """Last day of a year or month; a day is its own last day.

    >>> period_end("2024-02").isoformat()
    '2024-02-29'
    """
    if len(period) == 10:
        return date.fromisoformat(period)
    year, _, month = period.partition("-")
    if not month:
        return date(int(year), 12, 31)
    following = date(int(year) + int(month) // 12, int(month) % 12 + 1, 1)
    return following - timedelta(days=1)


def sent_at(contract: Feed, period: str, days_late: int = 0, part: str = "") -> str:
    """Time of sending in UTC: four fifths of the allowed days after the period's end, plus ``days_late``.

    A part that is a month is sent after it: the procedure of a year runs in the next one.
    """
    days = contract.source.lateness_days * 4 // 5 + days_late
    end = period_end(part if _MONTH.fullmatch(part) else period)
    moment = datetime.combine(end, datetime.min.time(), UTC) + timedelta(days=days, hours=2)
    return moment.isoformat().replace("+00:00", "Z")


def deliver(landing: Path, frame: Frame, name: str, sent: str) -> None:
    """Write the delivery's file to the landing folder, then its manifest, each atomically."""
    folder = landing / frame.feed
    folder.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with _replaced(folder / name) as file:
        for piece in encode(frame):
            digest.update(piece)
            file.write(piece)
    manifest = {
        "feed": frame.feed,
        "period": frame.period,
        "part": frame.part,
        "file": name,
        "sha256": digest.hexdigest(),
        "records": frame.rows,
        "sent_at": sent,
    }
    replace(folder / f"{name}.manifest.json", _json(manifest))


def replace(path: Path, content: bytes) -> None:
    """Write a file atomically."""
    with _replaced(path) as file:
        file.write(content)


@contextmanager
def _replaced(path: Path) -> Iterator[IO[bytes]]:
    """A file under a temporary name, renamed when it is written. No fsync: a lost file can be generated again."""
    temporary = path.with_name(f".{path.name}.part")
    with temporary.open("wb") as file:
        yield file
    temporary.replace(path)


def _json(value: object) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode("utf-8")
