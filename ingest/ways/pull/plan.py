"""What is read of a sender's table: its columns against what the contract reads, each as SQL that prints its text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ingest.readers.headings import some, unknown_headings
from ingest.readers.records import source_of
from ingest.ways import postgres
from ingest.ways.postgres import Column
from schemas.contract import Feed
from schemas.errors import RejectedError
from schemas.source import Database, Source
from warehouse.duck import literal


@dataclass(frozen=True)
class Plan:
    """SQL of what is read of a feed's table."""

    spec: Feed
    #: Name of the table in the sender's database.
    table: str
    #: What stands for the file in the register and in rows.
    where: str
    #: The text under each heading.
    cells: list[str]
    #: The text that says a row's period, and that which says its part.
    period_sql: str
    part_sql: str
    watermark: Column | None
    #: Columns that the mapping does not know.
    unknown: list[str]
    #: The only period that is asked for.
    period: str | None

    @property
    def source(self) -> Source:
        return source_of(self.spec)

    @property
    def headings(self) -> list[str]:
        return self.source.headings

    @property
    def database(self) -> Database:
        return self.source.database

    @property
    def length(self) -> int | None:
        """How much of a cell is the period, of rows that say theirs themselves."""
        return self.source.period_from.length if self.source.period_from else None

    @property
    def of_period(self) -> list[str]:
        """The condition of a pull that is about one period only."""
        return [f"{self.period_sql} = {literal(self.period)}"] if self.period else []

    @property
    def key_places(self) -> list[int]:
        """Positions of the headings that make up a record's key."""
        mapped = (self.source.mapping.get(name) for name in self.spec.key)
        return [self.headings.index(m.heading) for m in mapped if m and m.heading]


def table_of(spec: Feed) -> str:
    """Name of a feed's table in a sender's database."""
    return source_of(spec).database.table or spec.table


def source_file(connection: str, spec: Feed) -> str:
    """What stands for the file in the register and in rows."""
    return f"{connection}:{table_of(spec)}"


def plan_of(spec: Feed, connection: str, columns: Mapping[str, Column], period: str | None) -> Plan:
    """What is read of a feed's table.

    Args:
        connection: its name.
        columns: those that the table has, by name.
        period: the only one that is asked for.

    Raises:
        RejectedError: the table lacks a column that the contract reads, or has one that cannot be printed.
    """
    source = source_of(spec)
    database, where = source.database, source_file(connection, spec)
    named = [n for n in (database.part, database.watermark) if n]
    if missing := [n for n in (*source.headings, *named) if n not in columns]:
        raise RejectedError(f"{where}: no column {some(missing)}; the table has {some(list(columns))}")

    def printed(name: str) -> str:
        """A column's text; a date as the heading's mapping reads it."""
        mapped = next((m for m in source.mapping.values() if m.heading == name), None)
        try:
            return postgres.printed(columns[name], mapped.date_formats[0] if mapped else "yyyy-MM-dd")
        except RejectedError as error:
            raise RejectedError(f"{where}: {error}") from None

    def period_sql() -> str:
        """The text that says a row's period."""
        if source.period_from:
            if period:
                raise RejectedError(f"{where}: its rows say their period themselves; leave --period out")
            return printed(source.period_from.heading)
        if database.period in columns:
            return printed(database.period)
        if period:
            return literal(period)
        raise RejectedError(
            f"{where}: no column {database.period} that says a row's period; name one in "
            f"schemas/raw/{spec.table}.yml (source: database: period), or give --period for all its rows"
        )

    known = {database.period, *named}
    return Plan(
        spec=spec,
        table=table_of(spec),
        where=where,
        cells=[printed(h) for h in source.headings],
        period_sql=period_sql(),
        part_sql=printed(database.part) if database.part else "NULL::text",
        watermark=columns[database.watermark] if database.watermark else None,
        unknown=[c for c in unknown_headings(source, list(columns)) if c not in known],
        period=period,
    )
