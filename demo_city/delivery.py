"""Files as the senders write them (交付文件): CSV, JSON lines and Excel, each with its manifest.

Headings, their order, encodings and code words come from the feed's contract: a changed contract changes the files.
"""

from __future__ import annotations

import hashlib
import io
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from demo_city.frame import Frame
from schemas.contract import Feed
from schemas.source import Source

#: Fixed creation date of every Excel file, so that the same city has the same bytes.
_EXCEL_CREATED = datetime(2021, 1, 1)  # noqa: DTZ001 - Excel has no time zones


def encode(frame: Frame) -> bytes:
    """The delivery's file as bytes."""
    source, table = frame.source, frame.table()
    if source.format == "csv":
        return _csv(source, table)
    if source.format == "jsonl":
        return _json_lines(table)
    return _excel(source, table)


def _csv(source: Source, table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    options = csv.WriteOptions(include_header=False, delimiter=source.delimiter, quoting_style="none")
    csv.write_csv(table, sink, options)
    heading = source.delimiter.join(table.column_names) + "\n"
    body = sink.getvalue()
    if source.encoding in ("utf-8", "utf-8-sig"):
        return b"".join([heading.encode(source.encoding), memoryview(body)])
    text: str = heading + body.to_pybytes().decode("utf-8")
    return text.encode(source.encoding)


#: Records converted to lines at a time; bounds the memory needed beyond the file itself.
_LINES_AT_A_TIME = 200_000


def _json_lines(table: pa.Table) -> bytes:
    """One object a line. Cells hold no quotes or backslashes, so they need no escaping."""
    starts = range(0, table.num_rows, _LINES_AT_A_TIME)
    return b"".join(_lines(table.slice(start, _LINES_AT_A_TIME)) for start in starts)


def _lines(table: pa.Table) -> memoryview:
    """The records' lines: the value buffer of a text array whose elements end in a line feed."""
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
            if cell is not None:
                sheet.write(row, position, cell)
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


def sent_at(contract: Feed, period: str, days_late: int = 0) -> str:
    """Time of sending in UTC: four fifths of the allowed days after the period's end, plus ``days_late``."""
    days = contract.source.lateness_days * 4 // 5 + days_late
    moment = datetime.combine(period_end(period), datetime.min.time(), UTC) + timedelta(days=days, hours=2)
    return moment.isoformat().replace("+00:00", "Z")


def deliver(landing: Path, frame: Frame, name: str, content: bytes, sent: str) -> None:
    """Write the file to the landing folder, then its manifest, each atomically."""
    folder = landing / frame.feed
    folder.mkdir(parents=True, exist_ok=True)
    manifest = {
        "feed": frame.feed,
        "period": frame.period,
        "part": frame.part,
        "file": name,
        "sha256": hashlib.sha256(content).hexdigest(),
        "records": frame.rows,
        "sent_at": sent,
    }
    replace(folder / name, content)
    replace(folder / f"{name}.manifest.json", _json(manifest))


def replace(path: Path, content: bytes) -> None:
    """Write under a temporary name, then rename. No fsync: a lost file can be generated again."""
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_bytes(content)
    temporary.replace(path)


def _json(value: object) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode("utf-8")
