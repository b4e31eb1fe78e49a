"""The gate's database: pinned Delta tables copied into DuckDB, and nothing else.

Tables are copied because every check would otherwise open the Delta log again. If a release's draft already holds a
copy, that copy is used. The last release's tables are views, because few checks read them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schemas.coded import titled, value_lists
from schemas.contract import Contract, Feed, feeds
from schemas.credit_code import ALPHABET, WEIGHTS
from schemas.duckdb_types import duckdb_type, stored_selection
from schemas.register import in_force, latest_rows, stands
from warehouse.duck import MEMORY_LIMIT, literal, scan

THREADS = 2


@dataclass(frozen=True)
class Pin:
    """A Delta table at a version; ``path`` is its folder or address."""

    table: str
    path: str
    version: int


def prepare(connection: Any, folder: Path) -> None:
    """Set limits; load the Delta extension, code lists and functions that checks use."""
    from duckdb_extensions import import_extension

    import_extension("delta")
    run(connection, "LOAD delta")
    run(connection, f"SET memory_limit = '{MEMORY_LIMIT}'")
    run(connection, f"SET threads = {THREADS}")
    run(connection, "SET preserve_insertion_order = false")
    run(connection, f"SET temp_directory = {literal(str(folder / 'spill'))}")
    run(connection, "SET TimeZone = 'UTC'")
    run(connection, uscc_macro())
    _code_lists(connection)
    _feeds(connection)


def add_tables(connection: Any, specs: Iterable[Contract], pins: Mapping[str, Pin]) -> dict[str, str]:
    """Copy the pinned tables; return table → error for those that cannot be read."""
    broken = {}
    for spec in specs:
        pin = pins.get(spec.name)
        if pin is None:
            continue
        run(connection, f"CREATE SCHEMA IF NOT EXISTS {spec.area}")
        try:
            run(connection, f"CREATE TABLE {spec.name} AS SELECT {_selected(spec)} FROM {_scan(pin)}")
        except Exception as error:
            broken[spec.name] = first_line(error)
    return broken


def add_copied(connection: Any, file: Path, specs: Iterable[Contract]) -> set[str]:
    """Create views of the tables that the file holds, in the types of the contracts; return their names."""
    run(connection, f"ATTACH {literal(str(file))} AS draft (READ_ONLY)")
    held = {
        f"{area}.{table}"
        for area, table in rows(
            connection,
            "SELECT table_schema, table_name FROM information_schema.tables WHERE table_catalog = 'draft'",
        )
    }
    present = [spec for spec in specs if spec.name in held]
    for spec in present:
        run(connection, f"CREATE SCHEMA IF NOT EXISTS {spec.area}")
        columns = stored_selection(spec.columns)
        run(connection, f"CREATE VIEW {spec.name} AS SELECT {columns} FROM draft.{spec.name}")
    return {spec.name for spec in present}


def remove_copied(connection: Any) -> None:
    """Detach the file, because Great Expectations keeps connections as long as the process lives."""
    run(connection, "DETACH DATABASE IF EXISTS draft")


def add_previous(connection: Any, specs: Iterable[Contract], pins: Mapping[str, Pin]) -> None:
    """The last release's tables as ``previous_<area>.<table>``; empty if it does not have the table.

    A column that the table did not have then is NULL.
    """
    for spec in specs:
        area = f"previous_{spec.area}"
        run(connection, f"CREATE SCHEMA IF NOT EXISTS {area}")
        pin = pins.get(spec.name)
        if pin is None:
            columns = ", ".join(f'"{c.name}" {duckdb_type(c.type)}' for c in spec.columns)
            run(connection, f"CREATE TABLE {area}.{spec.table} ({columns})")
            continue
        present = {row[0] for row in rows(connection, f"DESCRIBE SELECT * FROM {_scan(pin)}")}
        columns = ", ".join(
            f'"{c.name}"' if c.name in present else f'CAST(NULL AS {duckdb_type(c.type)}) AS "{c.name}"'
            for c in spec.columns
        )
        run(connection, f"CREATE VIEW {area}.{spec.table} AS SELECT {columns} FROM {_scan(pin)}")


def add_deliveries(connection: Any) -> None:
    """The deliveries in force, as jobs and evidence see them (``schemas/register.py``).

    ``feeds.latest_mapping`` has the deliveries that are neither withdrawn nor held, as they were last mapped.
    ``feeds.current_delivery`` has those of them that no other delivery supersedes.
    """
    # times as numbers: they are only compared, and DuckDB needs another package to return times with a zone
    result = connection.exec_driver_sql("SELECT * REPLACE (epoch_us(known_at) AS known_at) FROM raw.delivery")
    names = list(result.keys())
    register = [dict(zip(names, row, strict=True)) for row in result.fetchall()]
    latest: list[dict[str, Any]] = []
    current: list[dict[str, Any]] = []
    for spec in feeds().values():
        latest += (row for row in latest_rows(register, spec) if stands(row))
        current += in_force(register, spec)
    _add_entries(connection, "latest_mapping", latest)
    _add_entries(connection, "current_delivery", current)


def _add_entries(connection: Any, name: str, entries: Iterable[Mapping[str, Any]]) -> None:
    """A view of entries of the register, with properties of their feeds from the contracts."""
    keys = list(entries)
    columns = ("delivery_id", "sequence", "period")
    run(connection, f"CREATE TABLE feeds.{name}_key (delivery_id VARCHAR, sequence BIGINT, period VARCHAR)")
    connection.exec_driver_sql(
        f"INSERT INTO feeds.{name}_key SELECT unnest($1::VARCHAR[]), unnest($2::BIGINT[]), unnest($3::VARCHAR[])",
        tuple([row[column] for row in keys] for column in columns),
    )
    run(
        connection,
        f"""
        CREATE VIEW feeds.{name} AS
        SELECT d.*, f.* EXCLUDE (feed)
        FROM raw.delivery d JOIN feeds.feed f USING (feed) SEMI JOIN feeds.{name}_key USING ({", ".join(columns)})
        """,
    )


def add_raw_rows(connection: Any, pins: Mapping[str, Pin]) -> None:
    """``feeds.raw_rows``: the number of rows per delivery, mapping and period in the pinned feeds."""
    counted = [
        f"SELECT '{spec.table}' AS feed, delivery_id, mapping_hash, period, count(*) AS found "
        f"FROM {_scan(pins[spec.name])} GROUP BY ALL"
        for spec in feeds().values()
        if spec.name in pins
    ]
    nothing = "SELECT feed, '' AS delivery_id, '' AS mapping_hash, '' AS period, 0 AS found FROM feeds.feed WHERE false"
    run(connection, f"CREATE TABLE feeds.raw_rows AS {' UNION ALL '.join([nothing, *counted])}")


def add_rules(
    connection: Any, wanted: Mapping[str, Mapping[str, str]], given: Mapping[str, Iterable[Mapping[str, Any]]]
) -> None:
    """``rules.<name>`` with the columns that suites declare and the rows that are given; empty if none are."""
    run(connection, "CREATE SCHEMA rules")
    for name, columns in wanted.items():
        defined = ", ".join(f"{column} {kind}" for column, kind in columns.items())
        run(connection, f"CREATE TABLE rules.{name} ({defined})")
        for row in given.get(name, ()):
            parameters = ", ".join(f"${n}" for n in range(1, len(columns) + 1))
            connection.exec_driver_sql(
                f"INSERT INTO rules.{name} VALUES ({parameters})", tuple(row[column] for column in columns)
            )


def uscc_macro() -> str:
    """``uscc_is_valid(code)``: form and check character by GB 32100-2015; NULL for NULL.

    C18 = -(sum of C_i x 3^(i-1)) mod 31, where C_i is the position of the character in the alphabet of 31 characters.
    """
    position = f"(strpos('{ALPHABET}', substr(code, {{}}, 1)) - 1)"
    total = " + ".join(f"{weight} * {position.format(i)}" for i, weight in enumerate(WEIGHTS, start=1))
    return (
        "CREATE MACRO uscc_is_valid(code) AS CASE WHEN code IS NULL THEN NULL "
        f"WHEN NOT regexp_full_match(code, '[{ALPHABET}]{{18}}') THEN false "
        f"ELSE ({total} + {position.format(18)}) % 31 = 0 END"
    )


def _code_lists(connection: Any) -> None:
    run(connection, "CREATE SCHEMA codes")
    for name in value_lists():
        values = ", ".join(f"({literal(code)})" for code in titled(name)) or "(NULL)"
        run(connection, f"CREATE TABLE codes.{name} AS SELECT * FROM (VALUES {values}) AS c(code)")


def _feeds(connection: Any) -> None:
    run(connection, "CREATE SCHEMA feeds")
    values = []
    for name, spec in feeds().items():
        source = spec.source
        bands = f"{source.quarantine_band}, {source.volume_band}"
        kind = f"'{spec.delivery}', '{source.cadence}', {source.is_connected}, {source.topic is not None}"
        merged = [f"{month:02}" for month in source.merged_months]
        # enterprises (ent_…) report by choice, offices owe every period
        reporting = f"{name.startswith('ent_')}, {_tells_of_firms(spec)}, {merged}::VARCHAR[], {spec.version}"
        values.append(f"('{name}', {kind}, {bands}, {reporting})")
    run(
        connection,
        f"CREATE TABLE feeds.feed AS SELECT * FROM (VALUES {', '.join(values)}) AS f("
        "feed, delivery, cadence, is_connected, is_streamed, quarantine_band, volume_band, is_by_choice, "
        "tells_of_firms, merged_months, version)",
    )


def _tells_of_firms(spec: Contract) -> bool:
    """Whether a feed's rows are about enterprises; lists of zones or parks may stay the same for years."""
    return any("uscc" in name for name in spec.column_names)


def run(connection: Any, sql: str) -> None:
    connection.exec_driver_sql(sql)


def rows(connection: Any, sql: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in connection.exec_driver_sql(sql).fetchall()]


def first_line(error: BaseException) -> str:
    """An error in one line, without SQLAlchemy's wrapping."""
    cause = getattr(error, "orig", None) or error
    return (str(cause).strip().splitlines() or [type(cause).__name__])[0][:300]


def _selected(spec: Contract) -> str:
    """All columns; for a feed without those that no check reads, because the original record is the widest column."""
    return (
        "* EXCLUDE (source_record, source_file, source_row, row_id, known_at)"
        if isinstance(spec, Feed)
        else "*"
    )


def _scan(pin: Pin) -> str:
    return scan(pin.path, pin.version)
