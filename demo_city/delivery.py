"""Files as the senders write them (交付文件): CSV, JSON lines and Excel, each with its manifest.

A frame holds a delivery's cells under our column names (and, for headings that our mapping ignores, under the
heading). Headings, their order, encodings and code words come from the feed's contract, so a changed contract
changes the files.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from demo_city.world.draws import Bools, Ints
from schemas.contract import Contract, ContractError, Source

#: The day on which every Excel file claims to have been made: the same city has the same bytes.
_EXCEL_CREATED = datetime(2021, 1, 1)  # noqa: DTZ001 - Excel has no time zones


@dataclass(frozen=True)
class Frame:
    """Cells of one delivery, column by column."""

    contract: Contract
    period: str
    part: str
    columns: dict[str, pa.Array]

    @property
    def feed(self) -> str:
        return self.contract.table

    @property
    def source(self) -> Source:
        return source_of(self.contract)

    @property
    def rows(self) -> int:
        return len(next(iter(self.columns.values())))

    def table(self) -> pa.Table:
        """The cells under the sender's headings: mapped ones in their order, ignored ones after the first."""
        mapping = self.source.mapping
        wanted = {name: m.heading for name, m in mapping.items() if m.heading is not None}
        extra = set(self.columns) - set(wanted) - set(self.source.ignored)
        missing = set(wanted) | set(self.source.ignored)
        missing -= set(self.columns)
        if extra or missing:
            raise ContractError(
                f"schemas/raw/{self.feed}.yml: the demo city sends {sorted(extra)} which is not mapped, "
                f"and lacks {sorted(missing)}; extend its module in demo_city/senders"
            )
        first, *others = wanted
        order = [(first, wanted[first]), *((h, h) for h in self.source.ignored)]
        order += [(name, wanted[name]) for name in others]
        return pa.table([self.columns[name] for name, _ in order], names=[heading for _, heading in order])


def source_of(contract: Contract) -> Source:
    if contract.source is None:
        raise ContractError(f"{contract.name} is no feed: it has no source block")
    return contract.source


# --- cells -----------------------------------------------------------------------------------------


def decimals(values: Ints, digits: int, blank: Bools | None = None) -> pa.Array:
    """Whole numbers of 10^-digits as exact decimals.

    >>> decimals(np.array([12345, -5]), 2).cast("string").to_pylist()
    ['123.45', '-0.05']
    """
    if digits == 0:
        return pa.array(values, mask=blank)
    words = np.empty((len(values), 2), dtype=np.int64)
    words[:, 0] = values
    words[:, 1] = values >> 63
    array = pa.Array.from_buffers(pa.decimal128(20, digits), len(values), [None, pa.py_buffer(words)])
    return array if blank is None else pc.if_else(pa.array(blank), None, array)


def amounts(
    contract: Contract, column: str, values: Ints, unit: str, digits: int, *, blank: Bools | None = None
) -> pa.Array:
    """Amounts in the sender's unit.

    Raises:
        ContractError: the contract names another unit than the demo city's sender uses.
    """
    stated = source_of(contract).mapping[column].unit
    if stated is not None and stated != unit:
        raise ContractError(
            f"schemas/raw/{contract.table}.yml: {column} is sent in {unit}, the contract says {stated}"
        )
    return decimals(values, digits, blank)


def words(contract: Contract, column: str, codes: Sequence[str | None], index: Ints) -> pa.Array:
    """Codes in the sender's words (the first word that the contract translates to the code)."""
    translation = source_of(contract).mapping[column].codes or {}
    word_of = {code: word for word, code in reversed(translation.items())}
    if unknown := {c for c in codes if c is not None} - set(word_of):
        raise ContractError(f"schemas/raw/{contract.table}.yml: {column} has no word for {sorted(unknown)}")
    return take([None if code is None else word_of[code] for code in codes], index)


def take(values: Sequence[str | None] | pa.Array, index: Ints) -> pa.Array:
    """Texts by position; -1 is blank."""
    array = values if isinstance(values, pa.Array) else pa.array(values, type=pa.string())
    return array.take(pa.array(index, mask=index < 0))


def dates(
    contract: Contract, column: str, days: npt.NDArray[np.datetime64], blank: Bools | None = None
) -> pa.Array:
    """Dates in the sender's format; where the sender has several, records take them in turn."""
    formats = source_of(contract).mapping[column].date_formats
    if unknown := set(formats) - set(_DATE_MARKS):
        raise ContractError(
            f"schemas/raw/{contract.table}.yml: the demo city cannot write dates as {sorted(unknown)}"
        )
    text = np.datetime_as_string(days.astype("datetime64[D]")).astype(object)
    for number, pattern in enumerate(formats):
        text[number :: len(formats)] = _written(text[number :: len(formats)].astype(str), pattern)
    return pa.array(text, type=pa.string(), mask=blank)


#: Date formats that the demo city's senders write: what stands after year, month and day.
_DATE_MARKS = {
    "yyyy-MM-dd": ("-", "-", ""),
    "yyyyMMdd": ("", "", ""),
    "yyyy/M/d": ("/", "/", ""),
    "yyyy年M月d日": ("年", "月", "日"),
}


def _written(iso: npt.NDArray[np.str_], pattern: str) -> npt.NDArray[np.str_]:
    """ISO dates in another format.

    >>> _written(np.array(["2024-03-05"]), "yyyy年M月d日").tolist()
    ['2024年3月5日']
    """
    if pattern in ("yyyy-MM-dd", "yyyyMMdd"):
        return np.char.replace(iso, "-", "") if pattern == "yyyyMMdd" else iso
    after_year, after_month, after_day = _DATE_MARKS[pattern]
    short = np.char.replace(iso, "-0", "-")
    year, rest = np.char.partition(short, "-")[:, [0, 2]].T
    month, day = np.char.partition(rest, "-")[:, [0, 2]].T
    for piece in (after_year, month, after_month, day, after_day):
        year = np.char.add(year, piece)
    written: npt.NDArray[np.str_] = year
    return written


def days_in_year(year: Ints, draw: npt.NDArray[np.float64]) -> npt.NDArray[np.datetime64]:
    """A day of each year, by a number from 0 to 1."""
    start = (year - 1970).astype("datetime64[Y]").astype("datetime64[D]")
    day: npt.NDArray[np.datetime64] = start + (draw * 365).astype("timedelta64[D]")
    return day


# --- files -----------------------------------------------------------------------------------------


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


#: Records that are joined to lines at a time: what lies beside the file in memory stays small.
_LINES_AT_A_TIME = 200_000


def _json_lines(table: pa.Table) -> bytes:
    """One object a line; cells hold no quotes or backslashes, so they are joined as they are."""
    starts = range(0, table.num_rows, _LINES_AT_A_TIME)
    return b"".join(_lines(table.slice(start, _LINES_AT_A_TIME)) for start in starts)


def _lines(table: pa.Table) -> memoryview:
    """The lines of some records: the bytes of one text array whose elements end in a line feed."""
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
    """A sheet: merged headings, a line of units, the rows, and the totals line where the sender has one."""
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
    """Excel knows binary floats only; three decimals survive that. Texts among measures stay texts."""
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
    """Two heading lines: "parent/child" under a merged parent, single names merged downwards."""
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
    """``tax_2023.csv``, ``land_survey_2023_haishu.csv``, ``energy_2023_corrected.jsonl``."""
    ending = {"csv": "csv", "jsonl": "jsonl", "excel": "xlsx"}[frame.source.format]
    name = frame.feed.removeprefix("gov_").removeprefix("ent_")
    stem = "_".join(filter(None, [name, frame.period, frame.part, suffix]))
    return f"{stem}.{ending}"


def source_row(source: Source, position: int) -> int:
    """Line of a record as a spreadsheet shows it."""
    if source.format == "jsonl":
        return position + 1
    heading = source.heading_rows + source.unit_rows if source.format == "excel" else 1
    return position + heading + 1


def period_end(period: str) -> date:
    """Last day of a year or month; a day is its own last one.

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


def sent_at(contract: Contract, period: str, days_late: int = 0) -> str:
    """When the sender sends: four fifths through the time it is allowed, plus ``days_late``."""
    days = source_of(contract).lateness_days * 4 // 5 + days_late
    moment = datetime.combine(period_end(period), datetime.min.time(), UTC) + timedelta(days=days, hours=2)
    return moment.isoformat().replace("+00:00", "Z")


def deliver(landing: Path, frame: Frame, name: str, content: bytes, sent: str) -> None:
    """Put the file in the landing folder, then its manifest; each appears whole or not at all."""
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
    """Write under a temporary name, then rename."""
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_bytes(content)
    temporary.replace(path)


def _json(value: object) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode("utf-8")
