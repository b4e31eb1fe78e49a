"""低效企业、可盘活用地与标准地履约: the lists that districts and towns work off, and their totals."""

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
    """A district's firms of low efficiency, and its land that could be freed."""

    district: Named
    graded: int
    listed: int
    new: int
    overdue: int
    lifted: int
    gone: int
    aim: Decimal | None


@dataclass(frozen=True)
class Land:
    """A district's land that could be freed (亩), by reason; reasons overlap."""

    district: Named
    parcels: int
    land_mu: Decimal
    unused_mu: Decimal
    late_mu: Decimal
    vacant_mu: Decimal
    under_used_mu: Decimal
    freed_mu: Decimal
    aim_mu: Decimal | None
    withdrawable: int


@dataclass(frozen=True)
class Parcel:
    """A parcel on which land could be freed."""

    parcel_id: str
    owner: str | None
    district: Named
    town: Named | None
    area_mu: Decimal
    freed_mu: Decimal
    reasons: tuple[Named, ...]
    tool: Named
    may_be_withdrawn: bool
    due: date | None


@dataclass(frozen=True)
class Promise:
    """A promise of a land contract that is missed or doubtful, or any promise of one firm."""

    contract: str
    parcel_id: str
    uscc: str
    district: Named
    indicator: Named
    promised: Decimal
    #: Missing where there is none, or where the firm does not consent to showing its statistics.
    actual: Decimal | None
    state: Named
    due: date
    since: str | None
    term: Named
    is_withheld: bool


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


def _named(query: Query, list_name: str, codes: Sequence[str] | None) -> tuple[Named, ...]:
    return tuple(query.titles(list_name, code) for code in codes or ())


def _listed(query: Query, row: Mapping[str, Any]) -> Listed:
    titles = query.titles
    return Listed(
        uscc=row["uscc"],
        name=row["enterprise_name"],
        district=titles("district", row["district_code"]),
        town=titles.maybe("town", row["town_code"]),
        state=titles("listing_state", row["listing_state_code"]),
        conditions=_named(query, "low_efficiency_condition", row["failed_conditions"]),
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
            _named(query, "low_efficiency_condition", row["failed_conditions_before"]),
            row["listed_since_year_before"], row["final_grade_before"], row["final_grade"],
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
            r["overdue_count"], r["lifted_count"], r["gone_count"], r["aim_count"],
        )
        for r in rows
    ]  # fmt: skip


# --- land ----------------------------------------------------------------------------------------------


def land(query: Query, year: str) -> list[Land]:
    """Land that could be freed by district."""
    rows = query("SELECT * FROM resource.land_potential_district WHERE year = ? ORDER BY district_code", year)
    return [
        Land(
            query.titles("district", r["district_code"]), r["potential_parcel_count"], r["land_total_mu"],
            r["unused_mu"], r["late_mu"], r["vacant_mu"], r["under_used_mu"], r["freed_mu"], r["aim_mu"],
            r["withdrawable_count"],
        )
        for r in rows
    ]  # fmt: skip


def parcels(query: Query, year: str) -> list[Parcel]:
    """The parcels on which most land could be freed."""
    rows = query(
        f"SELECT * FROM resource.land_potential WHERE year = ? ORDER BY freed_mu DESC, parcel_id LIMIT {PAGE}",
        year,
    )
    return [
        Parcel(
            r["parcel_id"], r["owner_uscc"], query.titles("district", r["district_code"]),
            query.titles.maybe("town", r["town_code"]), r["parcel_area_mu"], r["freed_mu"],
            _named(query, "potential_reason", r["potential_reasons"]), query.titles("land_tool", r["land_tool_code"]),
            r["may_be_withdrawn"], r["completion_due_date"],
        )
        for r in rows
    ]  # fmt: skip


# --- contracts -----------------------------------------------------------------------------------------


def promise_counts(query: Query, year: str) -> list[tuple[Named, dict[str, int]]]:
    """Indicators with the numbers of contracts by state."""
    rows = query(
        """SELECT promise_indicator_code AS indicator, promise_state_code AS state, count(*) AS n
        FROM resource.land_promise WHERE year = ? GROUP BY ALL""",
        year,
    )
    found: dict[str, dict[str, int]] = {}
    for row in rows:
        found.setdefault(row["indicator"], {})[row["state"]] = row["n"]
    return [
        (query.titles("promise_indicator", code), found[code])
        for code in (
            "investment", "tax_per_mu", "value_added_per_mu", "value_added_per_tce", "value_added_per_t",
            "productivity", "rd",
        )
        if code in found
    ]  # fmt: skip


def terms(query: Query, year: str) -> list[tuple[Named, int]]:
    """Numbers of land contracts by terms of supply: full or flexible term, lease before grant, divided grant."""
    rows = query(
        """SELECT land_term_code AS term, count(DISTINCT land_contract_code) AS n FROM resource.land_promise
        WHERE year = ? GROUP BY ALL ORDER BY n DESC, term""",
        year,
    )
    return [(query.titles("land_term", row["term"]), row["n"]) for row in rows]


def missed(query: Query, year: str) -> list[Promise]:
    """Promises that are missed or doubtful, those missed longest first."""
    rows = query(
        f"""SELECT * FROM resource.land_promise WHERE year = ? AND promise_state_code IN ('missed', 'doubtful')
        ORDER BY missed_since_year NULLS LAST, land_contract_code, promise_indicator_code LIMIT {4 * PAGE}""",
        year,
    )
    return [_promise(query, row) for row in rows]


def promises_of_firm(query: Query, uscc: str, year: str) -> list[Promise]:
    """All promises of a firm's land contracts."""
    if "resource.land_promise" not in query.tables:
        return []
    rows = query(
        """SELECT * FROM resource.land_promise WHERE uscc = ? AND year = ?
        ORDER BY land_contract_code, promise_indicator_code""",
        uscc, year,
    )  # fmt: skip
    return [_promise(query, row) for row in rows]


def _promise(query: Query, row: Mapping[str, Any]) -> Promise:
    titles = query.titles
    return Promise(
        contract=row["land_contract_code"],
        parcel_id=row["parcel_id"],
        uscc=row["uscc"],
        district=titles("district", row["district_code"]),
        indicator=titles("promise_indicator", row["promise_indicator_code"]),
        promised=row["promised_value"],
        actual=row["actual_value"],
        state=titles("promise_state", row["promise_state_code"]),
        due=row["production_due_date"],
        since=row["missed_since_year"],
        term=titles("land_term", row["land_term_code"]),
        is_withheld=bool(row.get("statistics_withheld")) and row["promise_state_code"] in ("met", "missed"),
    )
