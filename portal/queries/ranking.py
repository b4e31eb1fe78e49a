"""The ranking of the per-mu evaluation 亩均论英雄: the list and its movements between years.

A total is statistics of a single firm: it stands in a row only for who may see it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from portal.queries.codes import folded
from portal.queries.paging import Order, page_of
from portal.queries.release import Query, bound, one_of
from portal.queries.titles import Named
from schemas.errors import UsageError
from warehouse.duck import literal

#: Rows of a page.
PAGE = 50
GRADES = "ABCD"

#: What rows may be ordered by → SQL, DuckDB type.
_ORDERS: Mapping[str, tuple[str, str]] = {
    "rank": ("g.rank_in_list", "BIGINT"),
    "enterprise_name": ("g.enterprise_name", "VARCHAR"),
    "total_score": ("g.total_score", "DECIMAL(24,6)"),
    "grade": ("g.final_grade", "VARCHAR"),
    "city_percentile": ("c.percentile_pct", "DECIMAL(24,6)"),
}


@dataclass(frozen=True)
class Filters:
    """What a reader chose; an empty text chooses everything."""

    year: str
    district: str = ""
    list: str = ""
    grade: str = ""
    industry: str = ""
    name: str = ""
    sort: str = "rank"


@dataclass(frozen=True)
class Ranked:
    """A graded firm of a list. Rank and percentile are those of its list; the city's percentile is an estimate."""

    uscc: str
    name: str
    district: Named
    list: Named
    industry: Named | None
    rank: int | None
    list_size: int | None
    percentile_pct: Decimal | None
    city_percentile_pct: Decimal | None
    total_score: Decimal | None
    grade: str
    #: Grade of the year before; ``None`` without one.
    before: str | None
    #: The firm does not consent to showing its statistics.
    is_withheld: bool
    #: Indicator → points; empty if they are withheld.
    points: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True)
class Page:
    """A page of the list, the number of all rows that match, and where the next page begins."""

    rows: tuple[Ranked, ...]
    total: int
    following: str | None


def years(query: Query) -> list[str]:
    """Years in which the reader sees a grade, the latest first."""
    rows = query("SELECT DISTINCT year FROM per_mu.enterprise_grade ORDER BY year DESC")
    return [row["year"] for row in rows]


def ranking(query: Query, filters: Filters, after: str = "") -> Page:
    """A page of the ranking.

    Raises:
        UsageError: the order does not exist, or ``after`` is no place in the list.
    """
    order, graded = _order(filters.sort), _graded(query, filters)
    beyond = f" AND {order.after(after)}" if after else ""
    page = f"{graded}{beyond} ORDER BY {order.sql} LIMIT {PAGE + 1}"
    rows = query(_described(query, filters.year, order, page))
    shown, following = page_of(rows, PAGE)
    [counted] = query(f"SELECT count(*) AS n {graded}")
    points = _points(query, filters.year, shown)
    return Page(tuple(_ranked(query, row, points) for row in shown), int(counted["n"]), following)


def all_rows(query: Query, filters: Filters) -> Iterator[Ranked]:
    """Every row of the ranking, for an export."""
    order = _order(filters.sort)
    for row in query(_described(query, filters.year, order, _graded(query, filters))):
        yield _ranked(query, row, {})


def _described(query: Query, year: str, order: Order, graded: str) -> str:
    """SQL of the rows of a list with what other tables say of each: the rows are chosen first, being few."""
    return f"""
        SELECT p.*, e.industry_division_code, c.percentile_pct AS city_percentile_pct, b.final_grade AS grade_before
        FROM (SELECT g.*, ({order.by}) AS _by, {order.key} AS _key {graded}) p
        LEFT JOIN core.enterprise e ON e.uscc = p.uscc AND e.year = {literal(year)}
        LEFT JOIN per_mu.city_rank c ON c.uscc = p.evaluation_uscc AND c.year = {literal(year)}
        LEFT JOIN {last_versions(query, str(int(year) - 1))} b ON b.uscc = p.uscc
        ORDER BY _by IS NULL, _by {"DESC" if order.is_descending else "ASC"}, _key"""


def _graded(query: Query, filters: Filters) -> str:
    """SQL from FROM on of the chosen grades of a year; a table is joined where a filter or the order reads it."""
    joins = {
        "e": f"LEFT JOIN core.enterprise e ON e.uscc = g.uscc AND e.year = {literal(filters.year)}",
        "c": f"LEFT JOIN per_mu.city_rank c ON c.uscc = g.evaluation_uscc AND c.year = {literal(filters.year)}",
    }
    conditions = ["true", *_conditions(filters)]
    read = [*conditions, _order(filters.sort).by]
    joined = [join for name, join in joins.items() if any(text.startswith(f"{name}.") for text in read)]
    return f"FROM {last_versions(query, filters.year)} g {' '.join(joined)} WHERE {' AND '.join(conditions)}"


def last_versions(query: Query, year: str) -> str:
    """SQL of the grades of a year, each firm's in the last version of its evaluation.

    Few years were evaluated again; the others need no look at which version is a firm's last.
    """
    grades = f"FROM per_mu.enterprise_grade WHERE year = {literal(year)}"
    [found] = query(f"SELECT max(evaluation_version) AS version {grades}")
    if (found["version"] or 1) == 1:
        return f"({grades})"
    return f"({grades} QUALIFY evaluation_version = max(evaluation_version) OVER (PARTITION BY uscc))"


def _order(sort: str) -> Order:
    name = sort.removeprefix("-")
    if name not in _ORDERS:
        raise UsageError(f"the list cannot be ordered by {name[:40]}; choose one of {', '.join(_ORDERS)}")
    by, kind = _ORDERS[name]
    # a rank is one of its district's list, so rows of one list stay together
    key = "(g.district_code || g.list_code || g.uscc)"
    return Order(by, kind, key, sort.startswith("-"))


def _conditions(filters: Filters) -> Iterator[str]:
    for column, value in (
        ("g.district_code", filters.district),
        ("g.list_code", filters.list),
        ("g.final_grade", filters.grade),
        ("e.industry_division_code", filters.industry),
    ):
        if value:
            yield bound(f"{column} = ?", value)
    if filters.name:
        yield bound(
            "contains(upper(replace(replace(g.enterprise_name, '（', '('), '）', ')')), ?)",
            folded(filters.name),
        )


def _points(query: Query, year: str, shown: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Decimal]]:
    """Unit → indicator → points, of the units of a page."""
    units = [row["evaluation_uscc"] for row in shown]
    districts = sorted({row["district_code"] for row in shown})
    rows = query(
        f"""SELECT uscc, indicator_code, score FROM per_mu.indicator_value
        WHERE year = ? AND {one_of("district_code", districts)} AND uscc IN (SELECT unnest(?)) AND score IS NOT NULL
        ORDER BY uscc, indicator_code""",
        year, list(units),
    )  # fmt: skip
    found: dict[str, dict[str, Decimal]] = {}
    for row in rows:
        found.setdefault(row["uscc"], {})[row["indicator_code"]] = row["score"]
    return found


def _ranked(query: Query, row: Mapping[str, Any], points: Mapping[str, Mapping[str, Decimal]]) -> Ranked:
    titles = query.titles
    return Ranked(
        uscc=row["uscc"],
        name=row["enterprise_name"],
        district=titles("district", row["district_code"]),
        list=titles("per_mu_list", row["list_code"]),
        industry=titles.maybe("industry_division", row["industry_division_code"]),
        rank=row["rank_in_list"],
        list_size=row["list_size"],
        percentile_pct=row["percentile_pct"],
        city_percentile_pct=row["city_percentile_pct"],
        total_score=row["total_score"],
        grade=row["final_grade"],
        before=row["grade_before"],
        is_withheld=bool(row.get("statistics_withheld")),
        points=points.get(row["evaluation_uscc"], {}),
    )


# --- movement ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Flow:
    """Firms that had one grade in the year before and have another one now; ``None`` is no grade."""

    before: str | None
    after: str | None
    firms: int


def flows(query: Query, filters: Filters) -> list[Flow]:
    """Movements of the chosen firms between the year before and the year."""
    place = "".join(
        f" AND {column} = {literal(value)}"
        for column, value in (("district_code", filters.district), ("list_code", filters.list))
        if value
    )
    before, after = (
        f"(SELECT uscc, final_grade FROM {last_versions(query, year)} WHERE true{place})"
        for year in (str(int(filters.year) - 1), filters.year)
    )
    rows = query(
        f"""SELECT b.final_grade AS before, a.final_grade AS after, count(*) AS firms
        FROM {before} b FULL JOIN {after} a USING (uscc)
        GROUP BY ALL ORDER BY before NULLS LAST, after NULLS LAST"""
    )
    return [Flow(row["before"], row["after"], row["firms"]) for row in rows]


# --- choices -------------------------------------------------------------------------------------------


def choices(query: Query, year: str) -> dict[str, list[Named]]:
    """What a reader may choose in a year: districts, lists and industries of the firms that the reader sees."""
    titles = query.titles
    rows = query(
        """SELECT DISTINCT g.district_code, g.list_code, e.industry_division_code
        FROM per_mu.enterprise_grade g LEFT JOIN core.enterprise e ON e.uscc = g.uscc AND e.year = g.year
        WHERE g.year = ? ORDER BY ALL""",
        year,
    )
    columns = {
        "district": "district_code",
        "per_mu_list": "list_code",
        "industry_division": "industry_division_code",
    }
    return {
        name: [titles(name, code) for code in sorted({row[column] for row in rows if row[column]})]
        for name, column in columns.items()
    }
