"""Periods of profiles: years of the directory or months, and the year whose figures each one shows."""

from __future__ import annotations

import calendar
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F


@dataclass(frozen=True)
class Period:
    """A period to compute."""

    name: str
    #: Year of the directory.
    year: int
    #: Year of the yearly figures, and their date: that year, or its last month while it is incomplete.
    figures_year: int
    figures_as_of: str
    last_day: date

    @property
    def is_partial(self) -> bool:
        return self.figures_as_of != str(self.figures_year)

    @property
    def last_month(self) -> str:
        return f"{self.last_day:%Y-%m}"


def years_asked(directory: DataFrame, months_to_date: DataFrame) -> list[Period]:
    """The years to compute: those of the directory.

    There are only a few. As literals in the plan they replace a join with a small table in every part; each such join
    would be a stage of its own.
    """
    tagged = (
        directory.select(F.lit("year").alias("what"), F.col("year").alias("name"))
        .unionByName(months_to_date.select(F.lit("known").alias("what"), F.col("month").alias("name")))
        .distinct()
    )
    found: dict[str, list[str]] = {"year": [], "known": []}
    for row in tagged.collect():
        found[row["what"]].append(row["name"])
    known = {name[:4]: name for name in sorted(found["known"])}
    return [period_of_year(year, known.get(year)) for year in sorted(found["year"])]


def months_asked(months: DataFrame) -> list[Period]:
    """The months to compute."""
    return [
        period_of_month(name)
        for name in sorted(row["month"] for row in months.select("month").distinct().collect())
    ]


def period_of_year(year: str, last_month: str | None) -> Period:
    """A year; it is complete if none of its months is known, or if its December is.

    >>> period_of_year("2024", "2024-06").figures_as_of
    '2024-06'
    """
    partial = last_month if last_month and not last_month.endswith("-12") else None
    return Period(year, int(year), int(year), partial or year, date(int(year), 12, 31))


def period_of_month(month: str) -> Period:
    """A month: its last complete year is its own in December, else the one before.

    >>> period_of_month("2024-02")
    Period(name='2024-02', year=2024, figures_year=2023, figures_as_of='2023', last_day=datetime.date(2024, 2, 29))
    """
    year, number = int(month[:4]), int(month[5:])
    last_day = date(year, number, calendar.monthrange(year, number)[1])
    figures_year = year if number == 12 else year - 1
    return Period(month, year, figures_year, str(figures_year), last_day)


def for_periods(rows: DataFrame, wanted: Mapping[int, Iterable[str]]) -> DataFrame:
    """Rows of the wanted years, once for each of the year's periods, with ``period`` instead of ``year``."""
    named = _by_year({year: F.array(*map(F.lit, periods)) for year, periods in wanted.items()})
    return rows.withColumn("period", F.explode(F.try_element_at(named, "year"))).drop("year")


def of_figures_year(rows: DataFrame, asked: Iterable[Period]) -> DataFrame:
    """Rows of each period's ``figures_year``, by period."""
    wanted: dict[int, list[str]] = {}
    for period in asked:
        wanted.setdefault(period.figures_year, []).append(period.name)
    return for_periods(rows, wanted)


def of_years_back(rows: DataFrame, asked: Iterable[Period], *back: int) -> DataFrame:
    """Rows ``back`` years before each period's ``figures_year``, with ``back`` and the period instead of the year."""
    wanted: dict[int, list[Column]] = {}
    for period in asked:
        for n in back:
            entry = F.struct(F.lit(period.name).alias("period"), F.lit(n).alias("back"))
            wanted.setdefault(period.figures_year - n, []).append(entry)
    named = _by_year({year: F.array(*entries) for year, entries in wanted.items()})
    columns = [c for c in rows.columns if c != "year"]
    return rows.select(*columns, F.inline(F.try_element_at(named, "year")))


def _by_year(entries: Mapping[int, Column]) -> Column:
    """A map by year, as a literal in the plan."""
    return F.create_map(*(c for year, entry in entries.items() for c in (F.lit(str(year)), entry)))


def of_period(asked: Iterable[Period], **values: Callable[[Period], Any]) -> dict[str, Column]:
    """Columns that each hold an attribute of the row's period."""
    return {
        name: F.try_element_at(
            F.create_map(*(c for p in asked for c in (F.lit(p.name), F.lit(value(p))))), "period"
        )
        for name, value in values.items()
    }
