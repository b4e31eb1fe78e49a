"""混合型集团 Groups evaluated together: the list of a year, and the sheet of one group beside its members.

The reader sees the groups of per_mu.group_score that are his: an office those of its area, a firm those that it leads.
Members outside what he may see are counted and not named. Figures and arithmetic are sums over all members: they stand
on the sheet only if he may see each member's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from portal.queries.objects import Indicator, indicator
from portal.queries.paging import Order, page_of
from portal.queries.release import Query, Row, bound, is_withheld
from portal.queries.titles import Named
from schemas.errors import UsageError

TABLE = "per_mu.group_score"
PAGE = 50
#: What rows may be ordered by → SQL, DuckDB type.
_ORDERS: Mapping[str, tuple[str, str]] = {
    "name": ("group_name", "VARCHAR"),
    "members": ("member_count", "BIGINT"),
    "score": ("indicator_score", "DECIMAL(24,6)"),
    "grade": ("grade_beside", "VARCHAR"),
}


@dataclass(frozen=True)
class Filters:
    """What a reader chose; an empty text chooses everything."""

    year: str
    district: str = ""
    grade: str = ""
    name: str = ""
    sort: str = "name"


@dataclass(frozen=True)
class Group:
    """A group in a year: its score together, and the place and grade that it would take in its lead's list."""

    code: str
    name: str | None
    year: str
    lead: str
    district: Named
    list: Named
    member_count: int
    score: Decimal | None
    best: Decimal | None
    least: Decimal | None
    rank: int | None
    list_size: int | None
    grade: str | None
    as_of: str
    #: Whether statistics are withheld from the reader for want of consent.
    is_withheld: bool


@dataclass(frozen=True)
class Page:
    """A page of the list, the number of all rows that match, and where the next page begins."""

    rows: tuple[Group, ...]
    total: int
    following: str | None


@dataclass(frozen=True)
class Member:
    """A member that the reader may see, evaluated alone."""

    uscc: str
    name: str | None
    is_lead: bool
    district: Named
    list: Named
    land_mu: Decimal | None
    tax_wan_yuan: Decimal | None
    score: Decimal | None
    rank: int | None
    list_size: int | None
    grade: str | None
    is_withheld: bool


@dataclass(frozen=True)
class Sheet:
    """One group in one year."""

    group: Group
    members: tuple[Member, ...]
    #: Members that the reader may not see.
    unseen: int
    #: Column → sum over the members, of those that any member has; empty where a member's figures are not shown.
    figures: Mapping[str, Decimal]
    indicators: tuple[Indicator, ...]
    #: Whether a member's figures are not shown to the reader.
    is_withheld: bool
    years: tuple[Group, ...]


def years(query: Query) -> list[str]:
    """Years with groups that the reader sees, the latest first."""
    if TABLE not in query.tables:
        return []
    return [r["year"] for r in query(f"SELECT DISTINCT year FROM {TABLE} ORDER BY year DESC")]


def page(query: Query, filters: Filters, after: str = "") -> Page:
    """A page of the list.

    Raises:
        UsageError: the order or the place in the list is not valid.
    """
    order, chosen = _order(filters.sort), _chosen(filters)
    beyond = f" AND {order.after(after)}" if after else ""
    rows = query(
        f"""SELECT *, ({order.by}) AS _by, {order.key} AS _key FROM {TABLE} WHERE {chosen}{beyond}
        ORDER BY {order.sql} LIMIT {PAGE + 1}"""
    )
    [counted] = query(f"SELECT count(*) AS n FROM {TABLE} WHERE {chosen}")
    shown, following = page_of(rows, PAGE)
    return Page(tuple(_group(query, row) for row in shown), counted["n"], following)


def all_rows(query: Query, filters: Filters) -> Iterator[Group]:
    """Every row of the list, for an export."""
    for row in query(f"SELECT * FROM {TABLE} WHERE {_chosen(filters)} ORDER BY {_order(filters.sort).sql}"):
        yield _group(query, row)


def districts(query: Query, year: str) -> list[Named]:
    """Districts with groups of the year."""
    rows = query(f"SELECT DISTINCT district_code AS code FROM {TABLE} WHERE year = ? ORDER BY 1", year)
    return [query.titles("district", row["code"]) for row in rows]


def _chosen(filters: Filters) -> str:
    conditions = [bound("year = ?", filters.year)]
    for column, value in (("district_code", filters.district), ("grade_beside", filters.grade)):
        if value:
            conditions.append(bound(f"{column} = ?", value))
    if filters.name:
        name = bound("?", filters.name)
        conditions.append(
            f"(contains(upper(group_name), upper({name})) OR contains(upper(group_code), upper({name})))"
        )
    return " AND ".join(conditions)


def _order(sort: str) -> Order:
    name = sort.removeprefix("-")
    if name not in _ORDERS:
        raise UsageError(f"the list cannot be ordered by {name[:40]}; choose one of {', '.join(_ORDERS)}")
    by, kind = _ORDERS[name]
    return Order(by, kind, "group_code", sort.startswith("-"))


def _group(query: Query, row: Row) -> Group:
    titles = query.titles
    return Group(
        code=row["group_code"],
        name=row["group_name"],
        year=row["year"],
        lead=row["uscc"],
        district=titles("district", row["district_code"]),
        list=titles("per_mu_list", row["list_code"]),
        member_count=row["member_count"],
        score=row["indicator_score"],
        best=row["best_member_score"],
        least=row["least_member_score"],
        rank=row["rank_beside"],
        list_size=row["list_size"],
        grade=row["grade_beside"],
        as_of=row["figures_as_of"],
        is_withheld=is_withheld(row),
    )


# --- one group -----------------------------------------------------------------------------------------


def of_firm(query: Query, uscc: str, year: str) -> Group | None:
    """The group to which a firm belongs in a year; ``None`` if it has none that the reader may see."""
    if TABLE not in query.tables:
        return None
    from jobs.per_mu.steps.groups import group_of

    # most releases have few groups, and most readers of a firm's sheet see none of them
    if not query(f"SELECT 1 AS n FROM {TABLE} WHERE year = ? LIMIT 1", year):
        return None
    code = group_of(query.whole, uscc, year)
    rows = query(f"SELECT * FROM {TABLE} WHERE group_code = ? AND year = ?", code, year) if code else []
    return _group(query, rows[0]) if rows else None


def sheet(query: Query, code: str, year: str) -> Sheet | None:
    """One group in a year; ``None`` if the reader sees none of this code."""
    rows = query(f"SELECT * FROM {TABLE} WHERE group_code = ? AND year = ?", code, year)
    if not rows:
        return None
    from jobs.per_mu.steps.groups import members_of, together

    codes = members_of(query.whole, code, year)
    units = query(
        "SELECT * FROM per_mu.unit WHERE year = ? AND uscc IN (SELECT unnest(?)) ORDER BY uscc",
        year,
        list(codes),
    )
    unseen = len(codes) - len(units)
    hides = any(map(is_withheld, units))
    # the list's baselines and typical scores are those of other firms, named nowhere
    found = None if unseen or hides else together(rows[0], units, query.whole)
    return Sheet(
        group=_group(query, rows[0]),
        members=tuple(_members(query, rows[0], units)),
        unseen=unseen,
        figures={name: amount for name, amount in found.figures.items() if amount is not None}
        if found
        else {},
        indicators=tuple(indicator(query, row) for row in found.indicators) if found else (),
        is_withheld=bool(unseen) or hides,
        years=tuple(
            _group(query, row)
            for row in query(f"SELECT * FROM {TABLE} WHERE group_code = ? ORDER BY year", code)
        ),
    )


def _members(query: Query, group: Row, units: Sequence[Row]) -> Iterator[Member]:
    """The lead first, then by their scores."""
    year, codes = group["year"], [unit["uscc"] for unit in units]
    names = _by_firm(
        query("SELECT uscc, enterprise_name FROM core.enterprise WHERE year = ?" + _AMONG, year, codes)
    )
    grades = _by_firm(
        query(
            f"""SELECT * FROM per_mu.enterprise_grade WHERE year = ?{_AMONG}
            QUALIFY evaluation_version = max(evaluation_version) OVER (PARTITION BY uscc)""",
            year, codes,
        )
    )  # fmt: skip
    titles = query.titles
    found = []
    for unit in units:
        uscc = unit["uscc"]
        grade: Mapping[str, Any] = grades.get(uscc, {})
        found.append(
            Member(
                uscc=uscc,
                name=names.get(uscc, {}).get("enterprise_name"),
                is_lead=uscc == group["uscc"],
                district=titles("district", unit["district_code"]),
                list=titles("per_mu_list", unit["list_code"]),
                land_mu=unit["land_area_mu"],
                tax_wan_yuan=unit["tax_contribution_wan_yuan"],
                score=grade.get("indicator_score"),
                rank=grade.get("rank_in_list"),
                list_size=grade.get("list_size"),
                grade=grade.get("final_grade"),
                is_withheld=is_withheld(unit),
            )
        )
    yield from sorted(
        found, key=lambda one: (not one.is_lead, one.score is None, -(one.score or 0), one.uscc)
    )


_AMONG = " AND uscc IN (SELECT unnest(?))"


def _by_firm(rows: Sequence[Row]) -> dict[str, Row]:
    return {row["uscc"]: row for row in rows}
