"""低效企业 Firms of low efficiency: the list that districts and towns work off, and who was lifted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from portal.queries.paging import Order, page_of
from portal.queries.release import Query
from portal.queries.titles import Named
from warehouse.duck import literal

#: Rows of a page.
PAGE = 50


@dataclass(frozen=True)
class Filters:
    """What a reader chose; an empty text chooses everything."""

    year: str
    district: str = ""
    town: str = ""
    condition: str = ""
    state: str = ""
    #: ``no``: nobody visited the firm since it was listed; ``yes``: somebody did.
    visited: str = ""


@dataclass(frozen=True)
class Listed:
    """A firm of low efficiency, with the figures and bounds of its conditions."""

    uscc: str
    name: str
    district: Named
    town: Named | None
    state: Named
    conditions: tuple[Named, ...]
    grade: str | None
    years_in_d: int | None
    tax_per_mu: Decimal | None
    tax_bound: Decimal | None
    persons_per_mu: Decimal | None
    persons_bound: Decimal | None
    land_own_mu: Decimal | None
    measure: Named
    since: str
    deadline: date
    is_overdue: bool
    #: Visits since the firm was listed, the last day and its finding; missing in a release without visits.
    visits: int | None
    last_visit: date | None
    finding: Named | None


@dataclass(frozen=True)
class Lifted:
    """A firm that left the list by its figures."""

    uscc: str
    name: str
    district: Named
    conditions_before: tuple[Named, ...]
    since: str
    grade_before: str | None
    grade: str
    tax_per_mu_before: Decimal | None
    tax_per_mu: Decimal | None


@dataclass(frozen=True)
class OfDistrict:
    """A district's firms of low efficiency, beside its part of the plan's aim."""

    district: Named
    graded: int
    listed: int
    new: int
    overdue: int
    visited: int | None
    lifted: int
    gone: int
    aim: Decimal | None


@dataclass(frozen=True)
class ListPage:
    """A page of a list, the number of all rows that match, and where the next page begins."""

    rows: tuple[Listed, ...]
    total: int
    following: str | None


def years(query: Query, table: str) -> list[str]:
    """Years of a table of which the reader sees a row, the latest first; none in a release without it."""
    if table not in query.tables:
        return []
    return [row["year"] for row in query(f"SELECT DISTINCT year FROM {table} ORDER BY year DESC")]


def has_visits(query: Query) -> bool:
    """Whether the release's list shows visits."""
    return "visit_count" in query.columns("resource.low_efficiency")


def choices(query: Query, filters: Filters) -> Mapping[str, Sequence[Named]]:
    """Districts and towns of the list, for its filters."""
    rows = query(
        "SELECT DISTINCT district_code, town_code FROM resource.low_efficiency WHERE year = ?", filters.year
    )
    districts = sorted({row["district_code"] for row in rows})
    towns = sorted(
        {
            row["town_code"]
            for row in rows
            if row["town_code"] and filters.district in ("", row["district_code"])
        }
    )
    return {
        "district": [query.titles("district", code) for code in districts],
        "town": [query.titles("town", code) for code in towns]
        if filters.district or len(districts) == 1
        else [],
    }


# --- firms ---------------------------------------------------------------------------------------------


def listed(query: Query, filters: Filters, after: str = "") -> ListPage:
    """A page of the list: by town, then the overdue first.

    Raises:
        UsageError: ``after`` is no place in the list.
    """
    order = Order(
        "t.deadline_date::VARCHAR", "VARCHAR", "(t.district_code || coalesce(t.town_code, '') || t.uscc)"
    )
    where = " AND ".join(_conditions(filters))
    beyond = f" AND {order.after(after)}" if after else ""
    rows = query(
        f"""SELECT t.*, ({order.by}) AS _by, {order.key} AS _key FROM resource.low_efficiency t
        WHERE {where}{beyond} ORDER BY {order.sql} LIMIT {PAGE + 1}"""
    )
    shown, following = page_of(rows, PAGE)
    [counted] = query(f"SELECT count(*) AS n FROM resource.low_efficiency t WHERE {where}")
    return ListPage(tuple(_listed(query, row) for row in shown), int(counted["n"]), following)


def all_listed(query: Query, filters: Filters) -> Iterator[Listed]:
    """Every row of the list, for an export."""
    where = " AND ".join(_conditions(filters))
    rows = query(
        f"""SELECT t.* FROM resource.low_efficiency t WHERE {where}
        ORDER BY t.district_code, t.town_code, t.deadline_date, t.uscc"""
    )
    for row in rows:
        yield _listed(query, row)


def _conditions(filters: Filters) -> Iterator[str]:
    yield f"t.year = {literal(filters.year)}"
    if filters.district:
        yield f"t.district_code = {literal(filters.district)}"
    if filters.town:
        yield f"t.town_code = {literal(filters.town)}"
    if filters.condition:
        yield f"list_contains(t.failed_conditions, {literal(filters.condition)})"
    if filters.state:
        yield f"t.listing_state_code = {literal(filters.state)}"
    if filters.visited:
        yield f"t.visit_count {'=' if filters.visited == 'no' else '>'} 0"


def named(query: Query, list_name: str, codes: Sequence[str] | None) -> tuple[Named, ...]:
    return tuple(query.titles(list_name, code) for code in codes or ())


def _listed(query: Query, row: Mapping[str, Any]) -> Listed:
    titles = query.titles
    return Listed(
        uscc=row["uscc"],
        name=row["enterprise_name"],
        district=titles("district", row["district_code"]),
        town=titles.maybe("town", row["town_code"]),
        state=titles("listing_state", row["listing_state_code"]),
        conditions=named(query, "low_efficiency_condition", row["failed_conditions"]),
        grade=row["final_grade"],
        years_in_d=row["years_in_d_count"],
        tax_per_mu=row["tax_per_mu_wan_yuan"],
        tax_bound=row["tax_per_mu_bound"],
        persons_per_mu=row["persons_per_mu"],
        persons_bound=row["persons_per_mu_bound"],
        land_own_mu=row["land_own_mu"],
        measure=titles("low_efficiency_measure", row["low_efficiency_measure_code"]),
        since=row["listed_since_year"],
        deadline=row["deadline_date"],
        is_overdue=row["is_overdue"],
        visits=row.get("visit_count"),
        last_visit=row.get("last_visit_date"),
        finding=titles.maybe("visit_finding", row.get("last_visit_finding_code")),
    )


def of_firm(query: Query, uscc: str, year: str) -> Listed | None:
    """The firm's row of the list."""
    if "resource.low_efficiency" not in query.tables:
        return None
    rows = query("SELECT * FROM resource.low_efficiency WHERE uscc = ? AND year = ?", uscc, year)
    return _listed(query, rows[0]) if rows else None


def lifted(query: Query, filters: Filters) -> list[Lifted]:
    """Firms that were lifted in a year."""
    where = "AND district_code = ?" if filters.district else ""
    values = [filters.year, *([filters.district] if filters.district else [])]
    rows = query(
        f"SELECT * FROM resource.lifted WHERE year = ? {where} ORDER BY district_code, uscc", *values
    )
    return [
        Lifted(
            row["uscc"], row["enterprise_name"], query.titles("district", row["district_code"]),
            named(query, "low_efficiency_condition", row["failed_conditions_before"]),
            row["listed_since_year"], row["final_grade_before"], row["final_grade"],
            row["tax_per_mu_wan_yuan_before"], row["tax_per_mu_wan_yuan"],
        )
        for row in rows
    ]  # fmt: skip


def of_districts(query: Query, year: str) -> list[OfDistrict]:
    """Firms of low efficiency by district."""
    rows = query("SELECT * FROM resource.low_efficiency_district WHERE year = ? ORDER BY district_code", year)
    return [
        OfDistrict(
            query.titles("district", r["district_code"]), r["graded_count"], r["listed_count"], r["new_count"],
            r["overdue_count"], r.get("visited_firm_count"), r["lifted_count"], r["gone_count"], r["aim_count"],
        )
        for r in rows
    ]  # fmt: skip
