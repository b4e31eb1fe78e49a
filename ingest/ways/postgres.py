"""Reading PostgreSQL by COPY: columns of tables, and rows as texts that the database itself prints.

The database prints the texts, not the driver. So numerics keep every digit, and a text does not depend on the session's
settings: ``printed`` names every format, ``SESSION`` sets the rest. The driver returns Arrow batches as they come.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import adbc_driver_manager as adbc
import adbc_driver_postgresql
import pyarrow as pa
import pyarrow.parquet as pq
from adbc_driver_postgresql import StatementOptions

from ingest.ways.connections import Connection, failure
from schemas.errors import RejectedError
from schemas.source import DateFormat
from warehouse.duck import literal

T = TypeVar("T")
#: Approximate size of the part of a table that is in memory at a time.
BATCH_BYTES = 4 << 20
#: Time after which the cancellation of a query is repeated.
CANCEL_SECONDS = 1
#: Settings on which texts of values and the meaning of literals depend. They are set for the transaction only, because
#: a connection pooler may share the session.
SESSION: Mapping[str, str] = {
    "standard_conforming_strings": "on",
    "DateStyle": "ISO, YMD",
    "TimeZone": "UTC",
    "extra_float_digits": "1",
}
NUMBERS = ("smallint", "integer", "bigint")
DATE, LOCAL_TIME, TIME = "date", "timestamp without time zone", "timestamp with time zone"
#: Types whose text does not depend on the session; nor do those of PostgreSQL's categories of texts and enums.
PLAIN = (*NUMBERS, "real", "double precision", "boolean", "uuid", "json", "jsonb")
TEXT_CATEGORIES = ("S", "E")
#: Date format of a contract → PostgreSQL's template.
_DATES: Mapping[DateFormat, str] = {
    "yyyy-MM-dd": "YYYY-MM-DD",
    "yyyy/M/d": "YYYY/FMMM/FMDD",
    "yyyy年M月d日": 'YYYY"年"FMMM"月"FMDD"日"',
    "yyyyMMdd": "YYYYMMDD",
}
_MOMENT = 'YYYY-MM-DD"T"HH24:MI:SS.US'
#: A time with an offset is printed in China Standard Time, so its day is the day in China, as in files.
_CHINA = timedelta(hours=8)


@dataclass(frozen=True)
class Column:
    """A column of a sender's table: PostgreSQL's name of its type (of a domain: the base type), and its category."""

    name: str
    kind: str
    category: str


class Reader:
    """Reads from one connection, one query at a time; each query is a transaction."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def tables(self, wanted: Mapping[str, str]) -> dict[str, dict[str, Column]]:
        """Name → the columns of its table in their order; without the tables that the user cannot find."""
        pairs = ", ".join(f"({literal(n)}, {literal(quoted_table(t))})" for n, t in wanted.items())
        sql = f"""SELECT w.name, a.attname::text AS column_name, a.attnum::integer AS place,
                format_type(b.oid, NULL) AS kind, b.typcategory::text AS category
            FROM (VALUES {pairs}) AS w (name, quoted) JOIN pg_attribute a ON a.attrelid = to_regclass(w.quoted)
            JOIN pg_type t ON t.oid = a.atttypid
            JOIN pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
            WHERE a.attnum > 0 AND NOT a.attisdropped"""
        rows = [row for batch in self._batches(sql, "the catalogue") for row in batch.to_pylist()]
        columns: dict[str, dict[str, Column]] = {}
        for row in sorted(rows, key=lambda r: (r["name"], r["place"])):
            column = Column(row["column_name"], row["kind"], row["category"])
            columns.setdefault(row["name"], {})[column.name] = column
        return columns

    def write(self, sql: str, folder: Path, table: str) -> None:
        """Stream a query's rows into Parquet files of a folder that does not exist yet.

        Raises:
            RejectedError: the database refused the query, or the connection was lost.
        """
        folder.mkdir(parents=True)
        with closing(self._batches(sql, table)) as batches:
            first = next(batches)
            with pq.ParquetWriter(folder / "rows.parquet", first.schema, compression="zstd") as file:
                for batch in batches:
                    file.write_batch(batch)

    def _batches(self, sql: str, what: str) -> Generator[pa.RecordBatch]:
        """A query's rows; the first batch is empty and has the columns."""
        with _Query() as query:
            try:
                rows = query.wait(lambda: query.run(self._database, sql))
                yield pa.RecordBatch.from_pylist([], rows.schema)
                while (batch := query.wait(lambda: next(rows, None))) is not None:
                    yield batch
                query.wait(query.commit)
            except (adbc.Error, OSError) as error:
                raise failure(self.connection, error, what) from None

    @cached_property
    def _database(self) -> adbc.AdbcDatabase:
        """The driver's database object. It loads all types of the database, which takes longer than connecting."""
        words = (f"{name}='{_escaped(value)}'" for name, value in self.connection.options.items())
        database: adbc.AdbcDatabase = adbc_driver_postgresql.connect(" ".join(words))
        weakref.finalize(self, database.close)
        return database


class _Query:
    """A connection for one query.

    The driver's calls return only when the server has answered, whatever signal comes. So a thread makes them, and an
    interrupt in the waiting thread cancels the query.
    """

    def __enter__(self) -> _Query:
        self._open = ExitStack()
        self._thread = self._open.enter_context(ThreadPoolExecutor(1))
        self._statement: adbc.AdbcStatement | None = None
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def run(self, database: adbc.AdbcDatabase, sql: str) -> pa.RecordBatchReader:
        self._connection = self._open.enter_context(adbc.AdbcConnection(database))
        self._connection.set_autocommit(False)
        statement = self._statement = self._open.enter_context(adbc.AdbcStatement(self._connection))
        statement.set_options(**{StatementOptions.BATCH_SIZE_HINT_BYTES.value: BATCH_BYTES})
        settings = (f"set_config({literal(name)}, {literal(value)}, true)" for name, value in SESSION.items())
        self._rows(statement, f"SELECT {', '.join(settings)}").read_all()
        return self._rows(statement, sql)

    def _rows(self, statement: adbc.AdbcStatement, sql: str) -> pa.RecordBatchReader:
        statement.set_sql_query(sql)
        handle, _ = statement.execute_query()
        rows = pa.RecordBatchReader.from_stream(handle)
        self._open.callback(rows.close)
        return rows

    def commit(self) -> None:
        self._connection.commit()

    def wait(self, step: Callable[[], T]) -> T:
        """Result of a call to the driver, which runs in the query's thread."""
        future = self._thread.submit(step)
        try:
            return future.result()
        except BaseException:
            while not future.done():
                if self._statement is not None:
                    with suppress(adbc.Error):
                        self._statement.cancel()
                wait([future], CANCEL_SECONDS)
            raise


def _escaped(value: str) -> str:
    r"""
    >>> print(_escaped("it's a \\"))
    it\'s a \\
    """
    return value.replace("\\", "\\\\").replace("'", "\\'")


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
    """SQL that prints a column's values as texts; missing ones as NULL.

    - Integers and numerics: all digits, no exponent. Trailing zeros of decimals are cut, because the mapping reads
      short decimals much faster.
    - Floats: the shortest text that reads back as the same number.
    - Booleans: true and false.
    - Dates: in the format of the feed's contract.
    - Times: to the microsecond; those with an offset in China Standard Time.
    - Dates and times outside the years 1 to 9999: PostgreSQL's own text.

    Raises:
        RejectedError: the mapping cannot read values of the column's type.
    """
    name = quoted(column.name)
    if column.kind == DATE:
        return _dated(name, f"to_char({name}, {literal(_DATES[date_format])})")
    if column.kind == LOCAL_TIME:
        return _dated(name, _moment(name))
    if column.kind == TIME:
        in_china = _moment(f"{name} AT TIME ZONE INTERVAL '08:00'")
        return _dated(name, f"{in_china} || '+08:00'")
    if column.kind == "numeric":
        return f"trim_scale({name})::text"
    if column.kind in PLAIN or column.category in TEXT_CATEGORIES:
        return f"{name}::text"
    raise RejectedError(
        f"column {column.name} is of type {column.kind}, which the mapping cannot read; "
        "cast it in a view, or remove it from the mapping"
    )


def _moment(time: str) -> str:
    """To the microsecond, without trailing zeros."""
    return f"rtrim(rtrim(to_char({time}, {literal(_MOMENT)}), '0'), '.')"


def _dated(name: str, text: str) -> str:
    return f"CASE WHEN {name} >= '0001-01-02' AND {name} < '9999-12-31' THEN {text} ELSE {name}::text END"


# --- watermarks ----------------------------------------------------------------------------------------


def watermark(column: Column) -> str:
    """SQL of a watermark in a sortable form: a number, or a time as text; NULL outside the years 1 to 9999.

    Raises:
        RejectedError: the column is neither a time nor a whole number.
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
    """Condition: the row is at or after the last watermark less the overlap, or has no watermark.

    Args:
        overlap: seconds, or a number if the watermark is one.
    """
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
    """The latest value to which a time watermark may move, a day after now; None for a number.

    A row dated further ahead must not hide rows that come before its date.
    """
    if column.kind in NUMBERS:
        return None
    zone = UTC if column.kind == TIME else timezone(_CHINA)
    return (now.astimezone(zone) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%S.%f")
