"""What everybody may see 公开信息: the list of grades by name, and sums in which no firm shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from portal.queries.codes import folded
from portal.queries.paging import Order, page_of
from portal.queries.release import Query, bound
from portal.queries.titles import Named

#: A release made before has no bulletin.
NEEDS = ("bulletin.grade_list", "bulletin.city_total", "bulletin.district_total", "bulletin.division_total")
PAGE = 50
#: Figures of a sum, in the order in which pages show them.
FIGURES = (
    "output_wan_yuan", "value_added_wan_yuan", "revenue_wan_yuan", "tax_total_wan_yuan", "land_area_mu", "energy_tce",
    "employees_average", "tax_per_mu_wan_yuan", "value_added_per_mu_wan_yuan",
)  # fmt: skip


@dataclass(frozen=True)
class Listed:
    """A firm of the list of grades; without a grade it is exempt or protected."""

    uscc: str
    name: str
    district: Named
    list: Named
    status: Named
    grade: str | None


@dataclass(frozen=True)
class ListPage:
    """A page of the list, the number of all rows that match, and where the next page begins."""

    rows: tuple[Listed, ...]
    total: int
    following: str | None


@dataclass(frozen=True)
class Total:
    """Sums of a year: of the city, a district or an industry division. A missing figure has its reason."""

    of: Named
    is_above_scale: bool
    firms: int
    figures: Mapping[str, Decimal | int | None]
    reasons: Mapping[str, Named]


def years(query: Query) -> list[str]:
    """Years of the bulletin, the latest first; none in a release made before."""
    if not query.tables.issuperset(NEEDS):
        return []
    return [row["year"] for row in query("SELECT DISTINCT year FROM bulletin.city_total ORDER BY year DESC")]


def grades(
    query: Query,
    year: str,
    district: str = "",
    list_code: str = "",
    grade: str = "",
    name: str = "",
    after: str = "",
) -> ListPage:
    """A page of the list of grades, by district, list and name.

    Raises:
        UsageError: ``after`` is no place in the list.
    """
    where = " AND ".join(_conditions(year, district, list_code, grade, name))
    order = Order("enterprise_name", "VARCHAR", "(district_code || list_code || uscc)")
    beyond = f" AND {order.after(after)}" if after else ""
    rows = query(
        f"""SELECT *, {order.by} AS _by, {order.key} AS _key FROM bulletin.grade_list WHERE {where}{beyond}
        ORDER BY {order.sql} LIMIT {PAGE + 1}"""
    )
    shown, following = page_of(rows, PAGE)
    [counted] = query(f"SELECT count(*) AS n FROM bulletin.grade_list WHERE {where}")
    titles = query.titles
    listed = tuple(
        Listed(
            row["uscc"], row["enterprise_name"], titles("district", row["district_code"]),
            titles("per_mu_list", row["list_code"]), titles("eval_status", row["eval_status_code"]), row["final_grade"],
        )
        for row in shown
    )  # fmt: skip
    return ListPage(listed, int(counted["n"]), following)


def _conditions(year: str, district: str, list_code: str, grade: str, name: str) -> Iterator[str]:
    yield bound("year = ?", year)
    for column, value in (("district_code", district), ("list_code", list_code), ("final_grade", grade)):
        if value:
            yield bound(f"{column} = ?", value)
    if name:
        yield bound(
            "contains(upper(replace(replace(enterprise_name, '（', '('), '）', ')')), ?)", folded(name)
        )


def totals(query: Query, year: str) -> list[Total]:
    """The sums of the city and of its districts, firms above scale first."""
    city = query("SELECT * FROM bulletin.city_total WHERE year = ? ORDER BY is_above_scale DESC", year)
    districts = query(
        "SELECT * FROM bulletin.district_total WHERE year = ? ORDER BY is_above_scale DESC, district_code",
        year,
    )
    whole = Named("", "全市", "Whole city")
    found = [_total(query, row, whole) for row in city]
    found += [_total(query, row, query.titles("district", row["district_code"])) for row in districts]
    return sorted(found, key=lambda total: not total.is_above_scale)


def divisions(query: Query, year: str) -> list[Total]:
    """The sums of industry divisions, of firms above scale."""
    rows = query("SELECT * FROM bulletin.division_total WHERE year = ? ORDER BY industry_division_code", year)
    return [
        _total(
            query,
            {"is_above_scale": True, **row},
            query.titles("industry_division", row["industry_division_code"]),
        )
        for row in rows
    ]


def _total(query: Query, row: Mapping[str, Any], of: Named) -> Total:
    reasons = {}
    for code in row["withheld_reasons"]:
        reason, _, figure = code.partition(":")
        reasons[figure] = query.titles("withheld_reason", reason)
    return Total(of, row["is_above_scale"], row["firm_count"], {name: row[name] for name in FIGURES}, reasons)
