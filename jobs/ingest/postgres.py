"""Reading PostgreSQL through Spark's JDBC source: what is there, and rows as texts that the database itself prints.

The database prints, not Spark: numerics keep every digit, and what a type's text is does not depend on settings of the
session (``printed`` names every format). Statements hold no secret; what they say may stand in plans and logs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from jobs.ingest.connections import Connection, failure
from schemas.contract import DateFormat
from schemas.errors import RejectedError
from warehouse import engine
from warehouse.duck import literal

#: Rows that the driver fetches at a time: without it the whole table would lie in memory.
FETCHED_ROWS = 10_000
NUMBERS = ("smallint", "integer", "bigint")
DATE, LOCAL_TIME, TIME = "date", "timestamp without time zone", "timestamp with time zone"
#: Types whose text is one, whatever the session; those of PostgreSQL's category of texts and enums are as well.
PLAIN = (*NUMBERS, "real", "double precision", "boolean", "uuid", "json", "jsonb")
TEXT_CATEGORIES = ("S", "E")
#: Our date formats in PostgreSQL's words.
_DATES: Mapping[DateFormat, str] = {
    "yyyy-MM-dd": "YYYY-MM-DD",
    "yyyy/M/d": "YYYY/FMMM/FMDD",
    "yyyy年M月d日": 'YYYY"年"FMMM"月"FMDD"日"',
    "yyyyMMdd": "YYYYMMDD",
}
_MOMENT = 'YYYY-MM-DD"T"HH24:MI:SS.US'
#: A moment with an offset is printed at China's, so that its day is the day there, as in files.
_CHINA = timedelta(hours=8)


@dataclass(frozen=True)
class Column:
    """A column of a sender's table: PostgreSQL's name of its type (of a domain's: that below it), and its category."""

    name: str
    kind: str
    category: str


class Reader:
    """Reads from one connection, a statement at a time; each is a transaction of its own."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def tables(self, wanted: Mapping[str, str]) -> dict[str, dict[str, Column]]:
        """Of the names whose table the user finds its columns in their order, by name."""
        pairs = ", ".join(f"({literal(n)}, {literal(quoted_table(t))})" for n, t in wanted.items())
        rows = self._rows(
            f"""SELECT w.name, a.attname::text AS column_name, a.attnum::integer AS place,
                format_type(b.oid, NULL) AS kind, b.typcategory::text AS category
            FROM (VALUES {pairs}) AS w (name, quoted) JOIN pg_attribute a ON a.attrelid = to_regclass(w.quoted)
            JOIN pg_type t ON t.oid = a.atttypid
            JOIN pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
            WHERE a.attnum > 0 AND NOT a.attisdropped"""
        )
        found: dict[str, dict[str, Column]] = {}
        for row in sorted(rows, key=lambda r: (r["name"], r["place"])):
            column = Column(row["column_name"], row["kind"], row["category"])
            found.setdefault(row["name"], {})[column.name] = column
        return found

    def write(self, sql: str, folder: Path, table: str) -> None:
        """Stream a query's rows into Parquet files of a folder that does not exist yet.

        Raises:
            RejectedError: the database refused, or was lost while it was read.
        """
        try:
            self._query(sql).write.parquet(str(folder))
        except Exception as error:
            raise self._failure(error, table) from None
        except BaseException:
            engine.connect().interruptAll()
            raise

    def _rows(self, sql: str) -> list[dict[str, Any]]:
        """Rows of PostgreSQL's own tables, which are few."""
        try:
            return [row.asDict() for row in self._query(sql).collect()]
        except Exception as error:
            raise self._failure(error, "the catalogue") from None

    def _query(self, sql: str) -> Any:
        options = {**self.connection.options, "query": sql, "fetchsize": str(FETCHED_ROWS)}
        return engine.connect().read.format("jdbc").options(**options).load()

    def _failure(self, error: Exception, what: str) -> Exception:
        """One line for what the driver said; the error itself where it is not about the database."""
        text = str(error)
        said = re.search(r"PSQLException: (.+)", text)
        if said:
            return failure(self.connection, said[1], what)
        if self.connection.password in text:
            return RejectedError(f"{self.connection.name}:{what}: not read, see the engine's log")
        return error


def quoted(name: str) -> str:
    """
    >>> quoted('户"号')
    '"户""号"'
    """
    return '"' + name.replace('"', '""') + '"'


def quoted_table(table: str) -> str:
    """
    >>> quoted_table("tax.yearly")
    '"tax"."yearly"'
    """
    return ".".join(quoted(word) for word in table.split("."))


def printed(column: Column, date_format: DateFormat = "yyyy-MM-dd") -> str:
    """SQL that prints a column's values, missing ones as NULL.

    Numerics and integers stand without an exponent and with all their digits, but for zeros at the end of decimals
    (nothing is lost, and a mapping reads short decimals much faster), floats as short as they read back the same,
    booleans as true and false, dates as the feed's contract writes them, times to the microsecond, those with an
    offset at China's. A date or time that is no day of the years 1 to 9999 stands as PostgreSQL has it.

    Raises:
        RejectedError: values of its type have no text that a mapping could read.
    """
    name = quoted(column.name)
    if column.kind == DATE:
        return _dated(name, f"to_char({name}, {literal(_DATES[date_format])})")
    if column.kind == LOCAL_TIME:
        return _dated(name, _moment(name))
    if column.kind == TIME:
        there = _moment(f"{name} AT TIME ZONE INTERVAL '08:00'")
        return _dated(name, f"{there} || '+08:00'")
    if column.kind == "numeric":
        return f"trim_scale({name})::text"
    if column.kind in PLAIN or column.category in TEXT_CATEGORIES:
        return f"{name}::text"
    raise RejectedError(
        f"column {column.name} is of type {column.kind}, which has no text that a mapping reads; "
        "let a view cast it, or take it out of the mapping"
    )


def _moment(time: str) -> str:
    """To the microsecond, without zeros at the end."""
    return f"rtrim(rtrim(to_char({time}, {literal(_MOMENT)}), '0'), '.')"


def _dated(name: str, text: str) -> str:
    return f"CASE WHEN {name} >= '0001-01-02' AND {name} < '9999-12-31' THEN {text} ELSE {name}::text END"


# --- watermarks ----------------------------------------------------------------------------------------


def watermark(column: Column) -> str:
    """SQL of a watermark as something that sorts: a number, or a time's text; NULL where it is no day of ours.

    Raises:
        RejectedError: it is neither a time nor a whole number.
    """
    name = quoted(column.name)
    if column.kind in NUMBERS:
        return f"{name}::bigint"
    if column.kind not in (DATE, LOCAL_TIME, TIME):
        raise RejectedError(
            f"watermark {column.name} is of type {column.kind}; it must be a time, a date or a whole number"
        )
    utc = f"{name} AT TIME ZONE 'UTC'" if column.kind == TIME else name
    return f"CASE WHEN {name} >= '0001-01-02' AND {name} < '9999-12-31' THEN to_char({utc}, {literal(_MOMENT)}) END"


def unread(column: Column, last: str | int, overlap: int) -> str:
    """Condition that a row is at or after the last watermark less the overlap; one without a watermark always is."""
    name = quoted(column.name)
    if column.kind in NUMBERS:
        since = str(int(last) - overlap)
    else:
        moment = datetime.fromisoformat(str(last)).replace(tzinfo=None)
        since = f"TIMESTAMP '{_earlier(moment, overlap).isoformat()}'"
        since += " AT TIME ZONE 'UTC'" if column.kind == TIME else ""
    return f"({name} >= {since} OR {name} IS NULL)"


def _earlier(moment: datetime, seconds: int) -> datetime:
    first = datetime.combine(date(1, 1, 2), datetime.min.time())
    return moment - timedelta(seconds=seconds) if moment - first > timedelta(seconds=seconds) else first


def latest_believed(column: Column, now: datetime) -> str | None:
    """A row dated later than a day ahead must not hide those of the time between: it moves no watermark."""
    if column.kind in NUMBERS:
        return None
    zone = UTC if column.kind == TIME else timezone(_CHINA)
    return (now.astimezone(zone) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%S.%f")
