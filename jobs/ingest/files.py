"""The bounded reader: a sender's file becomes text cells with record numbers, outside Spark.

Spark's CSV source neither reads GB18030 strictly nor numbers records, and has no Excel. Here a file is read
as text, strictly in the encoding of its contract; nothing is converted or dropped.
"""

from __future__ import annotations

import codecs
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv

from schemas.contract import Contract, Source
from schemas.errors import RejectedError

#: Prefix of the text columns in the reader's files, beside the provenance columns.
TEXT = "text_"
#: Prefix of what the reader found out about check characters: one look-up for it, eighteen cuts of a text for Spark.
VALID = "valid_"

#: Files above this are refused: they would not fit the reader's memory.
MAX_FILE_BYTES = 4 << 30


@dataclass(frozen=True)
class TextRecords:
    """A file's records as text.

    ``cells`` has one text column for each heading, in the file's order; ``numbers`` the record numbers as a
    spreadsheet shows them; ``broken`` pairs of record number and cells for records whose number of cells
    is not the headings' (kept, to be quarantined).
    """

    headings: list[str]
    cells: pa.Table
    numbers: pa.Array
    broken: list[tuple[int, list[str]]]

    @property
    def count(self) -> int:
        return int(self.cells.num_rows) + len(self.broken)


def read_records(path: Path, spec: Contract) -> TextRecords:
    """Read one file as its contract says it is sent.

    Raises:
        RejectedError: the file is empty, unreadable, in another encoding, or lacks a heading.
    """
    source = spec.source
    assert source is not None
    size = path.stat().st_size
    if size == 0:
        raise RejectedError(f"{path.name}: the file is empty; ask {source.sender} to send it again")
    if size > MAX_FILE_BYTES:
        raise RejectedError(f"{path.name}: larger than {MAX_FILE_BYTES >> 30} GiB; split it")
    read = {"csv": _read_csv, "jsonl": _read_json_lines, "excel": _read_excel}[source.format]
    records = read(path, source)
    _check_headings(path, source, records.headings)
    if records.count == 0:
        raise RejectedError(f"{path.name}: headings but no record; ask {source.sender} to send it again")
    return records


def unknown_headings(source: Source, headings: Sequence[str]) -> list[str]:
    """Headings that the mapping neither uses nor ignores by name: a change at the sender's."""
    known = {m.heading for m in source.mapping.values() if m.heading} | set(source.ignored)
    return [h for h in headings if h not in known]


def _check_headings(path: Path, source: Source, headings: Sequence[str]) -> None:
    wanted = [m.heading for m in source.mapping.values() if m.heading]
    missing = [h for h in wanted if h not in headings]
    if missing:
        raise RejectedError(
            f"{path.name}: no column {', '.join(missing)}; the file has {', '.join(headings[:12])}"
        )
    repeated = sorted({h for h in headings if headings.count(h) > 1})
    if repeated:
        raise RejectedError(f"{path.name}: column {', '.join(repeated)} appears more than once")


def _wrong_encoding(path: Path, source: Source, error: Exception) -> RejectedError:
    return RejectedError(
        f"{path.name}: not {source.encoding} as its contract says ({error}); "
        "ask for the right encoding or change source.encoding"
    )


# --- CSV -------------------------------------------------------------------------------------------


def _read_csv(path: Path, source: Source) -> TextRecords:
    data = path.read_bytes()
    if source.encoding.startswith("utf-8"):
        data = data.removeprefix(codecs.BOM_UTF8)
        payload: Any = data
        try:
            data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise _wrong_encoding(path, source, error) from None
    else:
        try:
            payload = data.decode(source.encoding).encode("utf-8")
        except UnicodeDecodeError as error:
            raise _wrong_encoding(path, source, error) from None
    headings = _first_line(payload, source)
    broken: list[tuple[int, list[str]]] = []

    def keep(row: pyarrow.csv.InvalidRow) -> str:
        broken.append((row.number, [row.text or ""]))
        return "skip"

    try:
        table = pyarrow.csv.read_csv(
            pa.BufferReader(payload),
            # one thread: record numbers of broken rows are known only then
            read_options=pyarrow.csv.ReadOptions(use_threads=False, column_names=headings, skip_rows=1),
            parse_options=pyarrow.csv.ParseOptions(
                delimiter=source.delimiter,
                newlines_in_values=True,
                invalid_row_handler=keep,
                ignore_empty_lines=True,
            ),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(headings, pa.string()),
                strings_can_be_null=False,
                quoted_strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid as error:
        raise RejectedError(f"{path.name}: not readable as CSV: {str(error).splitlines()[0]}") from None
    taken = {number for number, _ in broken}
    numbers: Any = (
        pa.array(range(2, table.num_rows + 2), pa.int32())
        if not taken
        else pa.array([n for n in range(2, table.num_rows + len(taken) + 2) if n not in taken], pa.int32())
    )
    return TextRecords(headings, table, numbers, broken)


def _first_line(payload: bytes, source: Source) -> list[str]:
    import csv

    text = io.TextIOWrapper(io.BytesIO(payload[: 1 << 20]), encoding="utf-8", errors="ignore", newline="")
    first = next(csv.reader(text, delimiter=source.delimiter), [])
    return [h.strip() for h in first]


# --- JSON lines ------------------------------------------------------------------------------------


def _read_json_lines(path: Path, source: Source) -> TextRecords:
    try:
        text = path.read_bytes().decode(source.encoding)
    except UnicodeDecodeError as error:
        raise _wrong_encoding(path, source, error) from None
    wanted = [m.heading for m in source.mapping.values() if m.heading] + list(source.ignored)
    headings: dict[str, None] = dict.fromkeys(())
    records: list[tuple[int, dict[str, Any]]] = []
    broken: list[tuple[int, list[str]]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            # numbers stay as written: a float would change the sender's figure
            record = json.loads(line, parse_float=str, parse_int=str)
        except (json.JSONDecodeError, RecursionError):
            broken.append((number, [line]))
            continue
        if not isinstance(record, dict):
            broken.append((number, [line]))
            continue
        headings.update(dict.fromkeys(record))
        records.append((number, record))
    ordered = [h for h in wanted if h in headings] + [h for h in headings if h not in wanted]
    columns = {h: pa.array([_json_text(r.get(h)) for _, r in records], pa.string()) for h in ordered}
    return TextRecords(ordered, pa.table(columns), pa.array([n for n, _ in records], pa.int32()), broken)


def _json_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


# --- Excel -----------------------------------------------------------------------------------------


def _read_excel(path: Path, source: Source) -> TextRecords:
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        sheet = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0)
        lines = sheet.to_python(skip_empty_area=False)
        merged = getattr(sheet, "merged_cell_ranges", None) or []
    except (CalamineError, OSError, ValueError) as error:
        raise RejectedError(f"{path.name}: not readable as Excel: {error}") from None
    top = source.heading_rows
    headings = _excel_headings([list(map(_excel_text, line)) for line in lines[:top]], merged)
    width = len(headings)
    rows: list[tuple[int, list[str]]] = []
    for number, line in enumerate(lines[top + source.unit_rows :], start=top + source.unit_rows + 1):
        cells = [_excel_text(v) for v in line[:width]]
        if any(cells) and not _is_total(cells, headings, source):
            rows.append((number, cells + [""] * (width - len(cells))))
    columns = {h: pa.array([cells[i] for _, cells in rows], pa.string()) for i, h in enumerate(headings)}
    return TextRecords(headings, pa.table(columns), pa.array([n for n, _ in rows], pa.int32()), [])


def _excel_headings(lines: list[list[str]], merged: Sequence[Any]) -> list[str]:
    """Join the heading lines of a column with "/"; a merged cell's text holds for all its columns."""
    for (top, left), (bottom, right) in merged:
        if bottom < len(lines) and right > left:
            for column in range(left, right + 1):
                lines[top][column] = lines[top][left]
    joined = ["/".join(dict.fromkeys(part for part in parts if part)) for parts in zip(*lines, strict=True)]
    while joined and not joined[-1]:
        joined.pop()
    return joined


def _is_total(cells: Sequence[str], headings: Sequence[str], source: Source) -> bool:
    return any(
        heading in headings and cells[headings.index(heading)] == word
        for heading, word in source.totals.items()
    )


def _excel_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        # Excel knows doubles only; 15 digits are what it keeps of a number
        text = f"{value:.15g}"
        return text if "e" not in text else f"{value:f}"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d") if value.time() == datetime.min.time() else value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return str(value).strip() if value is not None else ""
