"""Dates and timestamps; all of them in UTC, whatever the client's time zone."""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from pyspark.sql import functions as F

from tests.engines.battery.values import Case, given

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def add_months(day: date, months: int) -> date:
    """The same day of the month, or the month's last day if there is no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def micros(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


def dates() -> Iterator[Case]:
    d, e, period, ts = (F.col(c) for c in ("d", "e", "period", "ts"))
    year = F.left(period, F.lit(4))
    yield Case(
        "a month on",
        F.add_months(F.when(F.year("d") < 9999, d), 1),
        "date",
        [date(2024, 2, 29), date(2024, 1, 31), None, date(1970, 2, 1), None, date(2024, 3, 29)],
    )
    yield Case(
        "months back",
        F.add_months("d", F.col("n") * 0 - 11),
        "date",
        given(lambda r: add_months(r.d, -11), "d"),
    )
    yield Case("years on", F.add_months("e", 12), "date", given(lambda r: add_months(r.e, 12), "e"))
    yield Case(
        "last day",
        F.last_day("e"),
        "date",
        given(lambda r: r.e.replace(day=calendar.monthrange(r.e.year, r.e.month)[1]), "e"),
    )
    yield Case(
        "make_date",
        F.make_date(F.lit(2023) + F.col("n"), F.lit(2), F.lit(28)),
        "date",
        lambda r: date(2023 + r.n, 2, 28),
    )
    yield Case("far end", F.make_date(F.lit(9999), F.lit(12), F.lit(31)), "date", [date(9999, 12, 31)] * 6)
    yield Case("year in a text", F.date_format("d", "yyyy"), "string", given(lambda r: f"{r.d.year:04}", "d"))
    yield Case("year", F.year("d"), "int", given(lambda r: r.d.year, "d"))
    yield Case("month", F.month("d"), "int", given(lambda r: r.d.month, "d"))
    yield Case("day", F.dayofmonth("d"), "int", given(lambda r: r.d.day, "d"))
    yield Case("a day before", F.date_sub("d", 1), "date", given(lambda r: r.d - timedelta(1), "d"))
    yield Case("a day after", F.date_add("e", 1), "date", given(lambda r: r.e + timedelta(1), "e"))
    yield Case("later", d > e, "boolean", given(lambda r: r.d > r.e, "d"))
    yield Case(
        "first day of a period",
        F.to_date(F.left(F.concat(F.when(period != "text", period), F.lit("-01-01")), F.lit(10))),
        "date",
        [date(2024, 2, 1), date(2024, 1, 1), date(2023, 12, 1), None, None, date(2023, 1, 1)],
    )
    yield Case(
        "end of a year",
        F.to_date(F.concat(F.when(period != "text", year), F.lit("-12-31"))),
        "date",
        [date(2024, 12, 31), date(2024, 12, 31), date(2023, 12, 31), None, None, date(2023, 12, 31)],
    )
    yield Case(
        "text to date", F.date_format("d", "yyyy-MM-dd").cast("date"), "date", given(lambda r: r.d, "d")
    )
    yield Case(
        "try_cast of a bad text",
        period.try_cast("date"),
        "date",
        [date(2024, 2, 1), date(2024, 1, 1), date(2023, 12, 1), None, None, date(2023, 1, 1)],
    )
    yield Case("date to text", d.cast("string"), "string", given(lambda r: r.d.isoformat(), "d"))
    yield Case("micros", F.unix_micros("ts"), "bigint", given(lambda r: micros(r.ts), "ts"))
    yield Case("of micros", F.timestamp_micros(F.unix_micros("ts")), "timestamp", given(lambda r: r.ts, "ts"))
    yield Case("a timestamp's day", ts.cast("date"), "date", given(lambda r: r.ts.date(), "ts"))
    yield Case(
        "a timestamp's text",
        ts.cast("string"),
        "string",
        [
            "2024-02-29 23:59:59.999999",
            "1969-12-31 16:00:00",
            "2024-01-01 00:00:00",
            "1970-01-01 00:00:00",
            None,
            "2024-07-01 12:00:00.000001",
        ],
    )
    yield Case(
        "a date's timestamp",
        d.cast("timestamp") < F.lit(EPOCH),
        "boolean",
        [False, False, False, False, None, False],
    )
    yield Case(
        "a literal timestamp",
        ts < F.lit(datetime(2024, 1, 1, 0, 0, 1, tzinfo=UTC)),
        "boolean",
        [False, True, True, True, None, False],
    )
    yield Case(
        "a literal day",
        d >= F.lit(date(2024, 1, 31)),
        "boolean",
        given(lambda r: r.d >= date(2024, 1, 31), "d"),
    )
