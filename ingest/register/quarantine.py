"""Records now in quarantine, and any current record, as its sender sent it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow.compute as pc

from ingest.register.corrections import Sent
from ingest.register.deliveries import DELIVERY, QUARANTINE
from schemas.contract import Feed, feed, feeds
from schemas.errors import RejectedError
from schemas.register import current_deliveries, in_force, stands, table_version
from warehouse import tables

COLUMNS = ["period", "row_id", "delivery_id", "source_file", "source_row", "source_record", "mapping_hash"]


def quarantined(name: str | None = None) -> Iterator[Sent]:
    """The records now in quarantine of a feed, or of all feeds: those of deliveries that are current or held."""
    known = tables.rows(DELIVERY).to_pylist()
    for spec in [feed(name)] if name else feeds().values():
        current = _by_mark(known, spec)
        if any(d["records_quarantined"] for d in current.values()):
            rows = _rows(QUARANTINE, pc.field("feed") == spec.table, [*COLUMNS, "record_key", "reasons"])
            refused = [r for r in rows if _mark(r) in current]
            for row in sorted(refused, key=lambda r: (r["period"], r["source_file"], r["source_row"])):
                yield _sent(spec, current[_mark(row)], row)


def record_of(row_id: str) -> Sent:
    """The current record of a row, accepted or quarantined.

    Raises:
        RejectedError: there is no such current row.
    """
    return next(_current(pc.field("row_id") == row_id, feeds().values(), row_id), None) or _unknown(row_id)


def records_at(name: str, file: str | None, number: int) -> list[Sent]:
    """The current records of a feed with this record number, in one file or any."""
    condition = pc.field("source_row") == number
    if file is not None:
        condition = condition & (pc.field("source_file") == file)
    return list(_current(condition, [feed(name)]))


def _unknown(row_id: str) -> Sent:
    raise RejectedError(f"there is no current row {row_id}; ./brain quarantine show lists rows")


def _current(condition: Any, specs: Any, row_id: str = "") -> Iterator[Sent]:
    """Current records that meet a condition, quarantined ones first because they are few."""
    known = tables.rows(DELIVERY).to_pylist()
    current = {spec.table: _by_mark(known, spec) for spec in specs}
    refused = list(_rows(QUARANTINE, condition, ["feed", *COLUMNS, "record_key", "reasons"]))
    for row in refused:
        marks = current.get(row["feed"], {})
        if _mark(row) in marks:
            yield _sent(feed(row["feed"]), marks[_mark(row)], row)
    # the row id of a file's record begins with its delivery's identifier; that of a stream's record does not
    of_feed = {d["feed"] for d in known if d["delivery_id"] == row_id.partition("-")[0]}
    for spec in specs:
        if current[spec.table] and (not of_feed or spec.table in of_feed):
            for row in _rows(spec.name, condition, COLUMNS):
                if _mark(row) in current[spec.table]:
                    yield _sent(spec, current[spec.table][_mark(row)], row)


def _by_mark(known: Sequence[dict[str, Any]], spec: Feed) -> dict[tuple[str, ...], dict[str, Any]]:
    """Mark → delivery: the current deliveries, and the held ones that would be, whose records need review first."""
    held = [
        d for d in in_force(known, spec, with_held=True) if not stands(d) and table_version(d) == spec.version
    ]
    return {_mark(d): d for d in (*current_deliveries(known, spec), *held)}


def _mark(row: Mapping[str, Any]) -> tuple[str, ...]:
    """The key that joins a row of a table with its delivery in the register.

    The period is part of it, because a later snapshot may supersede only some periods of a delivery.
    """
    return row["delivery_id"], row["mapping_hash"], row["period"]


def _rows(table: str, condition: Any, columns: Sequence[str]) -> list[dict[str, Any]]:
    if not tables.exists(table):
        return []
    dataset = tables.open_table(table).to_pyarrow_dataset()
    rows: list[dict[str, Any]] = dataset.to_table(columns=list(columns), filter=condition).to_pylist()
    return rows


def _sent(spec: Feed, delivery: Mapping[str, Any], row: Mapping[str, Any]) -> Sent:
    headings: Sequence[str] = delivery["headings"]
    if spec.source.format == "jsonl":
        # JSON has no heading line, so a field that no record has can be corrected as well
        headings = tuple(dict.fromkeys((*spec.source.headings, *headings)))
    cells = fields_of(row["source_record"], delivery["headings"]) or {}
    return Sent(spec, delivery, row, tuple(headings), cells)


def fields_of(record: Sequence[str | None], headings: Sequence[str]) -> dict[str, str] | None:
    """Heading → cell of a kept record, missing cells as empty texts; None if the record has no cells.

    >>> fields_of(["91", "7"], ["代码", "电量"]), fields_of(["91"], ["代码", "电量"])
    ({'代码': '91', '电量': '7'}, None)
    """
    if len(record) == 1 and (fields := as_fields(record[0] or "")) is not None:
        return fields
    if len(headings) != len(record):
        return None
    return {heading: cell or "" for heading, cell in zip(headings, record, strict=True)}


def as_fields(line: str) -> dict[str, str] | None:
    """The fields of a JSON line, numbers as written; None if the line is no JSON object."""
    try:
        record = json.loads(line, parse_float=str, parse_int=str)
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict):
        return None
    texts = {k: v if isinstance(v, str) else json.dumps(v, ensure_ascii=False) for k, v in record.items()}
    return {k: "" if record[k] is None else text for k, text in texts.items()}
