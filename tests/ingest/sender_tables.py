"""A sender's tables: the cells of its files, read by an independent reader, in columns of the types that they allow."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from schemas.contract import feed
from tests.demo_city.sender_files import read


@dataclass(frozen=True)
class Lot:
    """One delivered file: its cells by heading, and its time of sending."""

    feed: str
    file: str
    period: str
    part: str
    sent_at: datetime
    rows: list[dict[str, str | None]] = field(repr=False)


def lots(landing: Path) -> list[Lot]:
    """Every file of a landing folder, by time of sending."""
    files = []
    for path in landing.rglob("*.manifest.json"):
        manifest = json.loads(path.read_text(encoding="utf-8"))
        _, records = read(path.with_name(manifest["file"]))
        shown = _plain if manifest["file"].endswith(".xlsx") else str
        rows = [{h: c and shown(c) for h, c in r.cells.items()} for r in records]
        sent = datetime.fromisoformat(manifest["sent_at"])
        files.append(
            Lot(manifest["feed"], manifest["file"], manifest["period"], manifest["part"], sent, rows)
        )
    return sorted(files, key=lambda lot: (lot.sent_at, lot.file))


def _plain(cell: str) -> str:
    """Excel's integers as people see them, without a decimal point."""
    return cell.removesuffix(".0") if re.fullmatch(r"-?[0-9]+[.]0", cell) else cell


def _types(spec: Any, rows: Iterable[dict[str, str | None]]) -> dict[str, str]:
    wanted = {m.heading: spec.column(n).type for n, m in spec.source.mapping.items() if m.heading}
    coded = {m.heading for m in spec.source.mapping.values() if m.codes}
    cells: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        for heading, cell in row.items():
            cells[heading] += [cell] if cell is not None else []
    found = {}
    for heading, texts in cells.items():
        kind = wanted.get(heading, "string")
        as_sent = {"timestamp": "timestamptz", "date": "date", "int": "integer", "bigint": "bigint"}
        sql_type = as_sent.get(kind, "numeric" if kind.startswith("decimal") else "text")
        found[heading] = sql_type if heading not in coded and _takes(sql_type, texts) else "text"
    return found


def _takes(sql_type: str, texts: Iterable[str]) -> bool:
    makes: dict[str, Callable[[str], Any]] = {
        "numeric": Decimal,
        "integer": int,
        "bigint": int,
        "date": _day,
        "timestamptz": datetime.fromisoformat,
        "text": str,
    }
    try:
        for text in texts:
            makes[sql_type](text)
    except (ArithmeticError, ValueError):
        return False
    return True


def _day(text: str) -> date:
    parts = re.fullmatch(r"(\d+)\D(\d+)\D(\d+)\D?", text)
    if parts is None:  # 20240331 stays a text
        raise ValueError(text)
    return date(*(int(n) for n in parts.groups()))


def create(connection: psycopg.Connection, of_feed: str, every: Iterable[Lot]) -> dict[str, str]:
    """Create an empty table for the rows of files; returns heading → type."""
    spec = feed(of_feed)
    rows = [row for lot in every for row in lot.rows]
    types = _types(spec, rows)
    types = {h: types.get(h, "text") for h in dict.fromkeys((*spec.source.headings, *types))}
    columns = [("period", "text"), ("part", "text"), *types.items()]
    connection.execute(
        sql.SQL("CREATE TABLE {} ({})").format(
            sql.Identifier(of_feed),
            sql.SQL(", ").join(
                sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind)) for name, kind in columns
            ),
        )
    )
    return types


def put(connection: psycopg.Connection, lot: Lot, types: dict[str, str]) -> None:
    """Insert a file's rows in reverse, because a table has no order."""
    columns = ["period", "part", *types]
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(lot.feed), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with connection.cursor().copy(statement) as copy:
        for row in reversed(lot.rows):
            copy.write_row([lot.period, lot.part, *_values(row, types)])


def _values(row: dict[str, str | None], types: dict[str, str]) -> Iterator[Any]:
    for heading, kind in types.items():
        text = row.get(heading)
        yield _day(text) if text is not None and kind == "date" else text


def take_back(connection: psycopg.Connection, lot: Lot) -> None:
    """Delete the rows of the file's period and part, which another file supersedes."""
    statement = sql.SQL("DELETE FROM {} WHERE period = %s AND part = %s").format(sql.Identifier(lot.feed))
    connection.execute(statement, (lot.period, lot.part))
