"""Comparison of two homes: staged tables that differ in content, with columns and rows.

Homes that ingested the same deliveries have the same tables, whichever engine computed them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.contract import Contract, published_contracts
from schemas.errors import RejectedError
from warehouse.content import Content, content
from warehouse.duck import connect, fetch, load_delta, scan
from warehouse.settings import Settings
from warehouse.tables import check_data, open_folder, table_path

if TYPE_CHECKING:
    import duckdb

#: Differing rows of a table that are shown.
EXAMPLES = 3


@dataclass(frozen=True)
class Difference:
    """A table that differs between two homes."""

    table: str
    #: Rows that only one of the homes has; all rows if the other home lacks the table.
    only_here: int
    only_there: int
    #: Column → rows of both homes in which it differs.
    columns: dict[str, int]
    #: A few rows: their keys, and the values of both homes.
    rows: tuple[str, ...]

    def __str__(self) -> str:
        parts = [f"{name} in {rows:,} rows" for name, rows in self.columns.items()]
        parts += [f"{n:,} rows only {where}" for n, where in self._alone() if n]
        return f"{self.table}: {', '.join(parts) or 'repeated rows'}"

    def _alone(self) -> tuple[tuple[int, str], ...]:
        return (self.only_here, "here"), (self.only_there, "there")


def staged_content() -> Iterator[tuple[str, Content]]:
    """Name and content of every staged table at its latest version, published or not."""
    with connect() as connection:
        load_delta(connection)
        for spec in published_contracts():
            if not (table_path(spec.name) / "_delta_log").is_dir():
                continue
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {spec.area}")
            connection.execute(f"CREATE VIEW {spec.name} AS SELECT * FROM {_scan(table_path(spec.name))}")
            yield spec.name, content(connection, spec)


def _scan(folder: Path) -> str:
    """SQL for a table at its latest version.

    Raises:
        RejectedError: its log or one of its files is damaged.
    """
    table = open_folder(folder)
    check_data(table, folder)
    return scan(folder, table.version())


def differences(there: Path, here: Path) -> Iterator[Difference]:
    """The staged tables that differ between two homes.

    Raises:
        RejectedError: a home has no tables.
    """
    homes = {side: Settings(home=home) for side, home in (("here", here), ("there", there))}
    for home in homes.values():
        if not home.warehouse.is_dir():
            raise RejectedError(f"{home.home} has no tables")
    with connect() as connection:
        load_delta(connection)
        for side in homes:
            connection.execute(f"ATTACH ':memory:' AS {side}")
        for spec in published_contracts():
            found = [_opened(connection, spec, side, home) for side, home in homes.items()]
            if found[0] != found[1]:
                yield _difference(connection, spec)


def _opened(connection: duckdb.DuckDBPyConnection, spec: Contract, side: str, home: Settings) -> Content:
    """Create a view of a home's table and return its content; a missing table has no rows."""
    path = table_path(spec.name, home)
    connection.execute(f"USE {side}")
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {spec.area}")
    if (path / "_delta_log").is_dir():
        connection.execute(f"CREATE VIEW {spec.name} AS SELECT * FROM {_scan(path)}")
    else:
        connection.register("given", spec.arrow_schema().empty_table())
        connection.execute(f"CREATE TABLE {spec.name} AS FROM given")
        connection.unregister("given")
    return content(connection, spec)


def _difference(connection: duckdb.DuckDBPyConnection, spec: Contract) -> Difference:
    key = spec.key[0]
    others = [c for c in spec.content_columns if c not in spec.key]
    in_both = f"h.{key} IS NOT NULL AND t.{key} IS NOT NULL"
    changed = {c: f"{in_both} AND h.{c} IS DISTINCT FROM t.{c}" for c in others}
    joined = f"here.{spec.name} h FULL JOIN there.{spec.name} t USING ({', '.join(spec.key)})"
    counts = {"only_here": f"t.{key} IS NULL", "only_there": f"h.{key} IS NULL", **changed}
    [found] = fetch(
        connection,
        f"SELECT {', '.join(f'count(*) FILTER ({test}) AS {name}' for name, test in counts.items())} FROM {joined}",
    )
    differing = [c for c in others if found[c]]
    tests = " OR ".join(f"({counts[name]})" for name in ("only_here", "only_there", *differing))
    shown = ", ".join(f"{{here: h.{c}::VARCHAR, there: t.{c}::VARCHAR}} AS {c}" for c in differing)
    rows = fetch(
        connection,
        f"SELECT {', '.join(spec.key)}, CASE WHEN t.{key} IS NULL THEN 'here' WHEN h.{key} IS NULL THEN 'there' END "
        f"AS only_in{', ' if shown else ''}{shown} FROM {joined} WHERE {tests} "
        f"ORDER BY {', '.join(spec.key)} LIMIT {EXAMPLES}",
    )
    return Difference(
        spec.name,
        int(found["only_here"]),
        int(found["only_there"]),
        {c: int(found[c]) for c in differing},
        tuple(_as_text(row, spec, differing) for row in rows),
    )


def _as_text(row: dict[str, object], spec: Contract, differing: list[str]) -> str:
    which = " ".join(f"{name}={row[name]}" for name in spec.key)
    if row["only_in"]:
        return f"{which}: only {row['only_in']}"
    pairs = [(name, row[name]) for name in differing]
    values = [
        f"{name} {pair['here']} here, {pair['there']} there"
        for name, pair in pairs
        if isinstance(pair, dict) and pair["here"] != pair["there"]
    ]
    return f"{which}: {'; '.join(values)}"
