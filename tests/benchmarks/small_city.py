"""A peer's results for a city of a few rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa

from benchmarks.areas import PEERS
from benchmarks.peer import Asked, make_all, tables_in
from schemas.contract import contract
from warehouse import duck

ASKED = Asked("2024", "2024-12")
Row = dict[str, Any]
Made = Callable[[str], list[Row]]


def made(area: str, folder: Path, given: dict[str, list[Row]], **rules: list[Row]) -> Made:
    """Run the peer's statements of an area on tables with these rows only; a function that queries the results."""
    of_rules, statements = PEERS[area](ASKED)
    connection = duck.connect()
    for name in tables_in(statements):
        schema = pa.schema([f.with_nullable(True) for f in contract(name).arrow_schema()])
        rows = [{f.name: row.get(f.name) for f in schema} for row in given.get(name, [])]
        connection.register("given", pa.Table.from_pylist(rows, schema))
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {name.split('.')[0]}")
        connection.execute(f"CREATE TABLE {name} AS FROM given")
    make_all(connection, {**of_rules, **rules}, statements, folder)
    assert sorted(p.name for p in folder.iterdir()) == sorted(n.replace(".", "_") for n in statements)
    return lambda sql: duck.fetch(connection, sql)
