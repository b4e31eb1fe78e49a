"""The plan of a pull: the columns of a sender's table that the contract reads, each as SQL that prints its text."""

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
    """SQL that reads a feed's table."""

    spec: Feed
    #: Name of the table in the sender's database.
    table: str
    #: Name used as the source file in the register and in rows.
    where: str
    #: SQL of the text under each heading.
    cells: list[str]
    #: SQL of the texts with a row's period and part.
    period_sql: str
    part_sql: str
    watermark: Column | None
    #: Columns that the mapping does not know.
    unknown: list[str]
    #: The only period to read.
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
        """Characters of a cell that are the period, if rows state their periods; otherwise None."""
        return self.source.period_from.length if self.source.period_from else None

    @property
    def of_period(self) -> list[str]:
        """The condition of a pull of one period."""
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
    """Name used as the source file in the register and in rows."""
    return f"{connection}:{table_of(spec)}"


def plan_of(spec: Feed, connection: str, columns: Mapping[str, Column], period: str | None) -> Plan:
    """The plan of a feed's table.

    Args:
        connection: the connection's name.
        columns: the table's columns by name.
        period: the only period to read.

    Raises:
        RejectedError: the table lacks a column that the contract needs, the rows' period is unknown, or the mapping
            cannot read a column's type.
    """
    source = source_of(spec)
    database, where = source.database, source_file(connection, spec)
    named = [n for n in (database.part, database.watermark) if n]
    if missing := [n for n in (*source.needed_headings, *named) if n not in columns]:
        raise RejectedError(f"{where}: no column {some(missing)}; the table has {some(list(columns))}")

    def printed(name: str) -> str:
        """SQL of a column's text; a date in the format that the heading's mapping reads."""
        mapped = next((m for m in source.mapping.values() if m.heading == name), None)
        try:
            return postgres.printed(columns[name], mapped.date_formats[0] if mapped else "yyyy-MM-dd")
        except RejectedError as error:
            raise RejectedError(f"{where}: {error}") from None

    def period_sql() -> str:
        """SQL of the text with a row's period."""
        if source.period_from:
            if period:
                raise RejectedError(f"{where}: its rows state their own periods; leave --period out")
            return printed(source.period_from.heading)
        if database.period in columns:
            return printed(database.period)
        if period:
            return literal(period)
        raise RejectedError(
            f"{where}: no column {database.period} with the rows' periods; name one in "
            f"schemas/raw/{spec.table}.yml (source: database: period), or give --period for all its rows"
        )

    known = {database.period, *named}
    return Plan(
        spec=spec,
        table=table_of(spec),
        where=where,
        cells=[printed(h) if h in columns else "NULL::text" for h in source.headings],
        period_sql=period_sql(),
        part_sql=printed(database.part) if database.part else "NULL::text",
        watermark=columns[database.watermark] if database.watermark else None,
        unknown=[c for c in unknown_headings(source, list(columns)) if c not in known],
        period=period,
    )
