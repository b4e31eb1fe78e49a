"""Objects beyond enterprises 评价对象延伸: the list of a kind, and the sheet of one object.

A total is made of statistics of the firms on an object's land: it stands in a row only if enough firms are behind it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from portal.queries.paging import Order, page_of
from portal.queries.release import Query, bound
from portal.queries.titles import Named
from schemas.errors import UsageError
from warehouse.duck import literal

PAGE = 50
#: What rows may be ordered by → SQL, DuckDB type.
_ORDERS: Mapping[str, tuple[str, str]] = {
    "rank": ("g.rank_in_list", "BIGINT"),
    "name": ("u.object_name", "VARCHAR"),
    "total": ("g.total_score", "DECIMAL(24,6)"),
    "grade": ("g.final_grade", "VARCHAR"),
    "land": ("u.land_area_mu", "DECIMAL(18,6)"),
}
#: Figures of an object's sheet, in their order.
FIGURES = (
    "land_area_mu", "object_parcel_count", "building_area_m2", "occupied_area_m2", "vacant_area_m2", "user_count",
    "resident_firm_count", "local_firm_count", "tenant_count", "subtenant_count", "tax_contribution_wan_yuan",
    "declared_revenue_wan_yuan", "leading_revenue_wan_yuan", "investment_wan_yuan", "reporting_firm_count",
    "reporting_land_mu", "value_added_wan_yuan", "revenue_wan_yuan", "rd_expense_wan_yuan", "employees_average",
    "energy_tce", "emission_t", "power_kwh",
)  # fmt: skip
#: Figures that too few firms may be behind.
OF_STATISTICS = frozenset(
    {"value_added_wan_yuan", "revenue_wan_yuan", "rd_expense_wan_yuan", "employees_average", "energy_tce"}
)


@dataclass(frozen=True)
class Filters:
    """What a reader chose; an empty text chooses everything."""

    kind: str
    year: str
    district: str = ""
    status: str = "graded"
    grade: str = ""
    name: str = ""
    sort: str = "rank"


@dataclass(frozen=True)
class Listed:
    """An object of a list."""

    kind: str
    code: str
    name: str
    district: Named
    list: Named
    status: Named
    reasons: tuple[Named, ...]
    rank: int | None
    list_size: int | None
    percentile_pct: Decimal | None
    total: Decimal | None
    grade: str | None
    before: str | None
    land_mu: Decimal | None
    #: Indicator → points.
    points: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True)
class Page:
    """A page of the list, the number of all rows that match, and where the next page begins."""

    rows: tuple[Listed, ...]
    total: int
    following: str | None


@dataclass(frozen=True)
class Indicator:
    """An indicator of an object with its arithmetic."""

    of: Named
    unit: str
    numerator: Decimal | None
    denominator: Decimal | None
    value: Decimal | None
    baseline: Decimal | None
    weight: Decimal
    score: Decimal | None
    note: Named | None

    @property
    def pct(self) -> Decimal | None:
        """Share of the weight that the score reaches, for a bar."""
        return None if self.score is None or not self.weight else 100 * self.score / self.weight


@dataclass(frozen=True)
class User:
    """A user of an object's land, with the land that it uses there and its part of the figures."""

    uscc: str
    name: str | None
    kind: Named
    uses: tuple[Named, ...]
    lessor: str | None
    parcel: str
    used_mu: Decimal
    share_pct: Decimal
    tax_wan_yuan: Decimal | None
    grade: str | None


@dataclass(frozen=True)
class YearOf:
    """An object in one year."""

    year: str
    status: Named
    grade: str | None
    rank: int | None
    list_size: int | None
    total: Decimal | None
    land_mu: Decimal | None
    tax_wan_yuan: Decimal | None
    firms: int | None


@dataclass(frozen=True)
class Sheet:
    """One object in one year."""

    listed: Listed
    kind: Named
    year: str
    ranked_in: Named
    protected_until: Any
    stars: int | None
    leading: Named | None
    #: Column → value, of those that the object's kind has.
    figures: Mapping[str, Any]
    #: Figures that the object has and the reader does not see: too few firms are behind them.
    withheld: frozenset[str]
    indicators: tuple[Indicator, ...]
    users: tuple[User, ...]
    user_total: int
    years: tuple[YearOf, ...]
    initial: str | None
    is_tie: bool
    grade_reasons: tuple[Named, ...]
    as_of: str


def years(query: Query) -> list[str]:
    """Years with objects, the latest first."""
    if "per_mu.object_unit" not in query.tables:
        return []
    return [r["year"] for r in query("SELECT DISTINCT year FROM per_mu.object_unit ORDER BY year DESC")]


def kinds(query: Query, year: str) -> list[tuple[Named, Mapping[str, int]]]:
    """Kinds of objects of the year with their number by status, in the order of the code list."""
    rows = query(
        """SELECT object_kind_code AS kind, eval_status_code AS status, count(*) AS n FROM per_mu.object_unit
        WHERE year = ? GROUP BY ALL ORDER BY ALL""",
        year,
    )
    found: dict[str, dict[str, int]] = {}
    for row in rows:
        if row["kind"] and row["status"]:
            found.setdefault(row["kind"], {})[row["status"]] = row["n"]
    order = [row["code"] for row in query("SELECT code FROM release.code WHERE list = 'object_kind'")]
    return [(query.titles("object_kind", kind), found[kind]) for kind in sorted(found, key=order.index)]


def page(query: Query, filters: Filters, after: str = "") -> Page:
    """A page of the list.

    Raises:
        UsageError: the order or the place in the list is not valid.
    """
    order, chosen = _order(filters.sort), _chosen(filters)
    beyond = f" AND {order.after(after)}" if after else ""
    rows = query(
        f"""SELECT {_COLUMNS}, ({order.by}) AS _by, {order.key} AS _key {_from(filters)} WHERE {chosen}{beyond}
        ORDER BY {order.sql} LIMIT {PAGE + 1}"""
    )
    [counted] = query(f"SELECT count(*) AS n {_from(filters)} WHERE {chosen}")
    shown, following = page_of(rows, PAGE)
    points = _points(query, filters, [row["object_code"] for row in shown])
    return Page(tuple(_listed(query, row, points) for row in shown), counted["n"], following)


def all_rows(query: Query, filters: Filters) -> Iterator[Listed]:
    """Every row of the list, for an export."""
    order = _order(filters.sort)
    statement = f"SELECT {_COLUMNS} {_from(filters)} WHERE {_chosen(filters)} ORDER BY {order.sql}"
    for row in query(statement):
        yield _listed(query, row, {})


_COLUMNS = """u.object_kind_code, u.object_code, u.object_name, u.district_code, u.list_code, u.eval_status_code,
    u.object_reasons, u.land_area_mu, g.rank_in_list, g.list_size, g.percentile_pct, g.total_score, g.final_grade,
    b.final_grade AS before"""


def _from(filters: Filters) -> str:
    kind, year, before = (
        literal(value) for value in (filters.kind, filters.year, str(int(filters.year) - 1))
    )
    return f"""FROM (SELECT * FROM per_mu.object_unit WHERE object_kind_code = {kind} AND year = {year}) u
        LEFT JOIN (SELECT * FROM per_mu.object_grade WHERE object_kind_code = {kind} AND year = {year}) g
            ON g.object_code = u.object_code
        LEFT JOIN (SELECT object_code, final_grade FROM per_mu.object_grade
            WHERE object_kind_code = {kind} AND year = {before}) b ON b.object_code = u.object_code"""


def _chosen(filters: Filters) -> str:
    conditions = ["true"]
    for column, value in (
        ("u.district_code", filters.district),
        ("u.eval_status_code", filters.status),
        ("g.final_grade", filters.grade),
    ):
        if value:
            conditions.append(bound(f"{column} = ?", value))
    if filters.name:
        conditions.append(bound("contains(upper(u.object_name), upper(?))", filters.name))
    return " AND ".join(conditions)


def _order(sort: str) -> Order:
    name = sort.removeprefix("-")
    if name not in _ORDERS:
        raise UsageError(f"the list cannot be ordered by {name[:40]}; choose one of {', '.join(_ORDERS)}")
    by, kind = _ORDERS[name]
    return Order(by, kind, "(u.district_code || u.object_code)", sort.startswith("-"))


def _points(query: Query, filters: Filters, codes: Sequence[str]) -> dict[str, dict[str, Decimal]]:
    rows = query(
        """SELECT object_code, indicator_code, score FROM per_mu.object_indicator_value
        WHERE object_kind_code = ? AND year = ? AND object_code IN (SELECT unnest(?)) AND score IS NOT NULL
        ORDER BY object_code, indicator_code""",
        filters.kind, filters.year, list(codes),
    )  # fmt: skip
    found: dict[str, dict[str, Decimal]] = {}
    for row in rows:
        found.setdefault(row["object_code"], {})[row["indicator_code"]] = row["score"]
    return found


def _listed(query: Query, row: Mapping[str, Any], points: Mapping[str, Mapping[str, Decimal]]) -> Listed:
    titles = query.titles
    return Listed(
        kind=row["object_kind_code"],
        code=row["object_code"],
        name=row["object_name"],
        district=titles("district", row["district_code"]),
        list=titles("per_mu_list", row["list_code"]),
        status=titles("eval_status", row["eval_status_code"]),
        reasons=tuple(titles("object_reason", code).in_line for code in row["object_reasons"] or ()),
        rank=row["rank_in_list"],
        list_size=row["list_size"],
        percentile_pct=row["percentile_pct"],
        total=row["total_score"],
        grade=row["final_grade"],
        before=row["before"],
        land_mu=row["land_area_mu"],
        points=points.get(row["object_code"], {}),
    )


# --- one object ----------------------------------------------------------------------------------------


def sheet(query: Query, kind: str, code: str, year: str) -> Sheet | None:
    """One object in a year; ``None`` if the reader sees none of this code."""
    filters = Filters(kind, year, status="")
    rows = query(f"SELECT {_COLUMNS} {_from(filters)} WHERE {bound('u.object_code = ?', code)}")
    if not rows:
        return None
    key = (kind, code, year)
    same = "object_kind_code = ? AND object_code = ? AND year = ?"
    [unit] = query(f"SELECT * FROM per_mu.object_unit WHERE {same}", *key)
    graded = query(f"SELECT * FROM per_mu.object_grade WHERE {same}", *key)
    grade = graded[0] if graded else {}
    titles = query.titles
    figures = {name: unit[name] for name in FIGURES if unit[name] is not None}
    few = unit["reporting_firm_count"] is not None and 0 < unit["reporting_firm_count"] < LEAST_FIRMS
    users, total = _users(query, unit)
    return Sheet(
        listed=_listed(query, rows[0], _points(query, filters, [code])),
        kind=titles("object_kind", kind),
        year=year,
        ranked_in=titles("district", unit["ranked_in_code"]),
        protected_until=unit["protected_until_date"],
        stars=unit["star_count"],
        leading=titles.maybe("industry_division", unit["leading_division_code"]),
        figures=figures,
        withheld=frozenset(OF_STATISTICS - set(figures)) if few else frozenset(),
        indicators=tuple(_indicators(query, key)),
        users=users,
        user_total=total,
        years=tuple(_years(query, kind, code)),
        initial=grade.get("initial_grade"),
        is_tie=bool(grade.get("is_tie")),
        grade_reasons=tuple(
            titles("object_grade_reason", one) for one in grade.get("object_grade_reasons") or ()
        ),
        as_of=unit["figures_as_of"],
    )


#: As the contract of per_mu.object_unit has it.
LEAST_FIRMS = 3
#: Users shown on a sheet.
MOST_USERS = 40


def _indicators(query: Query, key: tuple[str, str, str]) -> Iterator[Indicator]:
    rows = query(
        """SELECT * FROM per_mu.object_indicator_value
        WHERE object_kind_code = ? AND object_code = ? AND year = ? ORDER BY weight DESC, indicator_code""",
        *key,
    )
    for row in rows:
        yield indicator(query, row)


def indicator(query: Query, row: Mapping[str, Any]) -> Indicator:
    """A row with the columns of per_mu.indicator_value, for a sheet."""
    from jobs.per_mu.rules.models import indicator_definitions

    known = indicator_definitions().get(row["indicator_code"])
    return Indicator(
        of=query.titles("per_mu_indicator", row["indicator_code"]),
        unit=known.unit if known else "",
        numerator=row["numerator"],
        denominator=row["denominator"],
        value=row["value"],
        baseline=row["baseline"],
        weight=row["weight"],
        score=row["score"],
        note=query.titles.maybe("indicator_note", row["note_code"]),
    )


def _users(query: Query, unit: Mapping[str, Any]) -> tuple[tuple[User, ...], int]:
    """Users of a parcel, or of the parcel of a building, those with the most land first, and how many there are.

    The rows are those that the reader may see: an office of its own area, a firm its own use.
    """
    kind = unit["object_kind_code"]
    if kind not in ("parcel", "building"):
        return (), 0
    parcel = unit["object_code"] if kind == "parcel" else unit["object_code"].partition("F")[0]
    rows = query(
        f"""SELECT f.*, e.enterprise_name, g.final_grade,
            (SELECT min(lessor_uscc) FROM core.parcel_use u
             WHERE u.parcel_id = f.parcel_id AND u.uscc = f.uscc AND u.year = f.year) AS lessor
        FROM per_mu.parcel_figure f
        LEFT JOIN core.enterprise e ON e.uscc = f.uscc AND e.year = f.year
        LEFT JOIN per_mu.enterprise_grade g ON g.uscc = f.uscc AND g.year = f.year AND g.evaluation_version = 1
        WHERE f.parcel_id = {literal(parcel)} AND f.year = {literal(unit["year"])}
        ORDER BY f.used_area_mu DESC, f.uscc"""
    )
    titles = query.titles
    users = tuple(
        User(
            uscc=row["uscc"],
            name=row["enterprise_name"],
            kind=titles("user_kind", row["user_kind_code"]),
            uses=tuple(titles("use_type", code) for code in row["use_types"]),
            lessor=row["lessor"],
            parcel=row["parcel_id"],
            used_mu=row["used_area_mu"],
            share_pct=row["firm_land_share_pct"],
            tax_wan_yuan=row["tax_contribution_wan_yuan"],
            grade=row["final_grade"],
        )
        for row in rows[:MOST_USERS]
        if row["uscc"]
    )
    return users, len(rows)


def _years(query: Query, kind: str, code: str) -> Iterator[YearOf]:
    rows = query(
        """SELECT u.year, u.eval_status_code, u.land_area_mu, u.tax_contribution_wan_yuan, u.resident_firm_count,
            g.final_grade, g.rank_in_list, g.list_size, g.total_score
        FROM (SELECT * FROM per_mu.object_unit WHERE object_kind_code = $1 AND object_code = $2) u
        LEFT JOIN (SELECT * FROM per_mu.object_grade WHERE object_kind_code = $1 AND object_code = $2) g
            ON g.year = u.year
        ORDER BY u.year""",
        kind, code,
    )  # fmt: skip
    for row in rows:
        yield YearOf(
            row["year"], query.titles("eval_status", row["eval_status_code"]), row["final_grade"], row["rank_in_list"],
            row["list_size"], row["total_score"], row["land_area_mu"], row["tax_contribution_wan_yuan"],
            row["resident_firm_count"],
        )  # fmt: skip


def districts(query: Query, filters: Filters) -> list[Named]:
    """Districts with objects of the kind."""
    rows = query(
        """SELECT DISTINCT district_code AS code FROM per_mu.object_unit WHERE object_kind_code = ? AND year = ?
        ORDER BY 1""",
        filters.kind, filters.year,
    )  # fmt: skip
    return [query.titles("district", row["code"]) for row in rows if row["code"]]
