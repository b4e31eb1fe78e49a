"""A peer's statements: SQL files with the rules' values inserted, run one after the other and timed."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from warehouse import duck

if TYPE_CHECKING:
    import duckdb

STATEMENTS = Path(__file__).with_name("peers")


@dataclass(frozen=True)
class Asked:
    """The year and the month to compute."""

    year: str
    month: str


#: Small tables with the rules, and statements by the table that they correspond to, or by a name of their own.
Peer = tuple[Mapping[str, list[dict[str, Any]]], Mapping[str, str]]


def statement(name: str, **parts: object) -> str:
    """The statement of ``peers/<name>.sql`` (``.`` written as ``_``), with ``$part`` replaced by the parts."""
    text = (STATEMENTS / f"{name.replace('.', '_')}.sql").read_text(encoding="utf-8")
    return Template(text).substitute(parts)


def make_all(
    connection: duckdb.DuckDBPyConnection,
    rules: Mapping[str, list[dict[str, Any]]],
    statements: Mapping[str, str],
    folder: Path,
) -> dict[str, float]:
    """Run the statements. Each result becomes a table (``.`` written as ``_``) and a Parquet file in the folder.

    Returns:
        Statement → seconds.
    """
    for name, rows in rules.items():
        connection.register("given", pa.Table.from_pylist(rows))
        connection.execute(f"CREATE TABLE {name} AS FROM given")
        connection.unregister("given")
    seconds = {}
    for name, sql in statements.items():
        start = time.monotonic()
        result = name.replace(".", "_")
        connection.execute(f"CREATE TABLE {result} AS {sql}")
        connection.execute(f"COPY {result} TO {duck.literal(str(folder / result))} (FORMAT parquet)")
        seconds[name] = time.monotonic() - start
    return seconds


def tables_in(statements: Mapping[str, str]) -> set[str]:
    """The platform's tables that the statements name."""
    matches = (
        re.findall(r"\b(?:raw|core|per_mu|chain|profile)\.[a-z_]+\b", sql) for sql in statements.values()
    )
    return {name for names in matches for name in names}
