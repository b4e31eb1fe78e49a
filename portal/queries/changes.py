"""What changed between two releases 版本对比: rows by table, and grades that moved, as the reader sees them in both.

A row that the reader sees in one release only, such as that of a firm that moved to another district, came or went for
this reader; one whose statistics a consent shows in one release only, changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from portal.access import views
from portal.access.viewer import Cut
from portal.queries.comparison import Comparison, comparison, has_other_content
from portal.queries.publications import table_title
from portal.queries.release import Query
from portal.queries.titles import Named
from schemas.contract import Contract, contract, contracts
from warehouse.releases import Release

GRADES = "per_mu.enterprise_grade"
#: Rows of a table, and grades, that a page shows; their number is always told.
ROWS_SHOWN = 50


@dataclass(frozen=True)
class Pair:
    """Two releases, opened for one reader."""

    before: Release
    after: Release
    old: Query
    new: Query
    cut: Cut

    def catalogues(self) -> tuple[str, str]:
        """Names under which a statement on either connection reads the tables of both."""
        name = "SELECT current_database() AS name"
        return str(self.old(name)[0]["name"]), str(self.new(name)[0]["name"])


@dataclass(frozen=True)
class TableChange:
    """A table that differs. Without counts it is in one of the releases only, or its key is not the same in both."""

    table: Named
    periods: tuple[str, ...]
    came: int | None
    went: int | None
    changed: int | None
    rows_before: int | None
    rows_after: int | None


@dataclass(frozen=True)
class RowChange:
    """A row that came, went or changed: its key, and the columns that differ with old and new value."""

    kind: str
    key: tuple[tuple[str, Any], ...]
    columns: tuple[tuple[Named, Any, Any], ...]


@dataclass(frozen=True)
class MovedGrade:
    """A firm's grade of a year that is another one in the later release, and whether its rule set is another one."""

    uscc: str
    enterprise_name: str
    district: Named | None
    year: str
    before: str | None
    after: str | None
    has_other_rules: bool


def table_changes(pair: Pair) -> list[TableChange]:
    """The tables that differ, among those of which the reader sees rows."""
    known = contracts()
    found = [
        _counted(pair, known[name])
        for name in sorted({*pair.before.tables, *pair.after.tables})
        if name in known and views.sees_rows(known[name], pair.cut)
    ]
    return [one for one in found if one]


def changed_rows(pair: Pair, table: str) -> list[RowChange]:
    """The first rows of a table that differ, by key."""
    found = _comparison(pair, contracts()[table]) if table in contracts() else None
    if found is None:
        return []
    order = ", ".join(f"k_{name}" for name in found.spec.key)
    rows = pair.new(f"FROM ({found.rows(*pair.catalogues())}) ORDER BY {order} LIMIT {ROWS_SHOWN}")
    return [_row_change(found, row) for row in rows]


def _comparison(pair: Pair, spec: Contract) -> Comparison | None:
    """``None`` if rows cannot be compared, because the table is another one in the two releases."""
    columns = "SELECT column_name AS name FROM release.dictionary WHERE table_name = ?"
    hidden = views.hidden(spec, pair.cut)
    flag = {views.WITHHELD} if views.may_be_withheld(spec, pair.cut) else set()
    old, new = (
        {row["name"] for row in one(columns, spec.name)} - hidden | flag for one in (pair.old, pair.new)
    )
    return comparison(spec, pair.cut, pair.before, pair.after, old, new)


def _counted(pair: Pair, spec: Contract) -> TableChange | None:
    """The changes of a table; ``None`` if it has the same content in both, and the reader sees the same of it."""
    found = _comparison(pair, spec)
    counts: dict[str, int] = {}
    if found and found.periods != ():
        rows = pair.new(
            f"SELECT kind, count(*) AS n FROM ({found.rows(*pair.catalogues())}) GROUP BY kind ORDER BY kind"
        )
        counts = {row["kind"]: row["n"] for row in rows}
    if not counts and not has_other_content(pair.before, pair.after, spec.name):
        return None
    before, after = pair.before.tables.get(spec.name), pair.after.tables.get(spec.name)
    sees_all = views.rows(spec, pair.cut, "") == "true"
    came, went, changed = (counts.get(kind, 0) if found else None for kind in ("came", "went", "changed"))
    return TableChange(
        table=table_title(spec.name),
        periods=(found.periods or ()) if found else (),
        came=came,
        went=went,
        changed=changed,
        rows_before=before.rows if before and sees_all else None,
        rows_after=after.rows if after and sees_all else None,
    )


def _row_change(found: Comparison, row: dict[str, Any]) -> RowChange:
    return RowChange(
        kind=row["kind"],
        key=tuple((name, row[f"k_{name}"]) for name in found.spec.key),
        columns=tuple(
            (_titled(found.spec, name), row[f"a_{name}"], row[f"b_{name}"])
            for name in found.columns
            if row["kind"] == "changed" and row[f"a_{name}"] != row[f"b_{name}"]
        ),
    )


def _titled(spec: Contract, name: str) -> Named:
    if name == views.WITHHELD:
        return Named(name, "统计数据未获授权", "Statistics withheld")
    return Named(name, spec.column(name).zh, spec.column(name).en)


# --- grades ----------------------------------------------------------------------------------------------


def moved_grades(pair: Pair) -> tuple[list[MovedGrade], int]:
    """The first firms whose grade of a year is another one, the latest year first, and how many there are."""
    found = _comparison(pair, contract(GRADES))
    if found is None or found.periods == ():
        return [], 0
    old, new = (
        f"""(SELECT uscc, year, enterprise_name, district_code, final_grade, rule_set_hash FROM {catalogue}.{GRADES}
        QUALIFY row_number() OVER (PARTITION BY uscc, year ORDER BY evaluation_version DESC) = 1)"""
        for catalogue in pair.catalogues()
    )
    rows = pair.new(
        f"""SELECT uscc, year, coalesce(b.enterprise_name, a.enterprise_name) AS enterprise_name,
            coalesce(b.district_code, a.district_code) AS district_code,
            a.final_grade AS before, b.final_grade AS after,
            coalesce(a.rule_set_hash <> b.rule_set_hash, false) AS has_other_rules, count(*) OVER () AS total
        FROM {old} a FULL JOIN {new} b USING (uscc, year)
        WHERE a.final_grade IS DISTINCT FROM b.final_grade ORDER BY year DESC, uscc LIMIT {ROWS_SHOWN}"""
    )
    moved = [
        MovedGrade(
            row["uscc"], row["enterprise_name"], pair.new.titles.maybe("district", row["district_code"]),
            str(row["year"]), row["before"], row["after"], row["has_other_rules"],
        )
        for row in rows
    ]  # fmt: skip
    return moved, int(rows[0]["total"]) if rows else 0
