"""What changed between two releases 版本对比: rows by table, and grades that moved, as the reader sees them in both.

A period with the same content in both releases is not read. Within a period that is read, a row that the reader sees in
one release only, such as that of a firm that moved to another district, came or went for this reader.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from portal.access import views
from portal.access.viewer import Cut
from portal.queries.publications import table_title
from portal.queries.release import Query
from portal.queries.titles import Named
from schemas.contract import PROVENANCE, Contract, contracts
from warehouse.duck import literal
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
    return [
        _counted(pair, name)
        for name in sorted({*pair.before.tables, *pair.after.tables})
        if _differs(pair, name) and name in contracts() and views.sees_rows(contracts()[name], pair.cut)
    ]


def changed_rows(pair: Pair, table: str) -> list[RowChange]:
    """The first rows of a table that differ, by key."""
    if table not in contracts() or not _is_comparable(pair, contracts()[table]):
        return []
    spec = contracts()[table]
    columns = _columns(pair, spec)
    both = ", ".join(f"{side}.{name} AS {side}_{name}" for name in columns for side in "ab")
    order = ", ".join(f"coalesce(a.{name}, b.{name})" for name in spec.key)
    rows = pair.new(
        f"SELECT {_kind(spec)} AS kind, {both} FROM {_joined(pair, spec)} ORDER BY {order} LIMIT {ROWS_SHOWN}"
    )
    return [_row_change(spec, columns, row) for row in rows]


def _differs(pair: Pair, name: str) -> bool:
    before, after = pair.before.tables.get(name), pair.after.tables.get(name)
    return before is None or after is None or before.content_hash != after.content_hash


def _is_comparable(pair: Pair, spec: Contract) -> bool:
    """Whether both releases have the table, with the same key, in the same version of its contract."""
    versions = [one.manifest.get("table_versions", {}).get(spec.name, 1) for one in (pair.before, pair.after)]
    return (
        spec.name in pair.old.tables
        and spec.name in pair.new.tables
        and versions[0] == versions[1]
        and set(spec.key) <= set(_columns(pair, spec))
    )


def _columns(pair: Pair, spec: Contract) -> list[str]:
    """Columns of the content that both releases have and the reader sees."""
    columns = "SELECT column_name FROM release.dictionary WHERE table_name = ?"
    named = [{row["column_name"] for row in one(columns, spec.name)} for one in (pair.old, pair.new)]
    hidden = views.hidden(spec, pair.cut)
    return [
        name
        for name in spec.content_columns
        if name in named[0] & named[1] and name not in hidden and name not in PROVENANCE
    ]


def _counted(pair: Pair, name: str) -> TableChange:
    spec = contracts()[name]
    periods = _changed_periods(pair, name)
    counts: dict[str, Any] = dict.fromkeys(("came", "went", "changed"))
    if _is_comparable(pair, spec):
        [counts] = pair.new(
            f"""SELECT count(*) FILTER (kind = 'came') AS came, count(*) FILTER (kind = 'went') AS went,
                count(*) FILTER (kind = 'changed') AS changed
            FROM (SELECT {_kind(spec)} AS kind FROM {_joined(pair, spec)})"""
        )
    before, after = pair.before.tables.get(name), pair.after.tables.get(name)
    sees_all = views.rows(spec, pair.cut, "") == "true"
    return TableChange(
        table=table_title(name),
        periods=tuple(periods or ()),
        rows_before=before.rows if before and sees_all else None,
        rows_after=after.rows if after and sees_all else None,
        **counts,
    )


def _changed_periods(pair: Pair, name: str) -> list[str] | None:
    """Periods whose content differs; ``None`` if a release did not record the content of periods."""
    before, after = pair.before.contents.get(name), pair.after.contents.get(name)
    if before is None or after is None:
        return None
    return [period for period in sorted({*before, *after}) if before.get(period) != after.get(period)]


def _kind(spec: Contract) -> str:
    first = spec.key[0]
    return f"CASE WHEN a.{first} IS NULL THEN 'came' WHEN b.{first} IS NULL THEN 'went' ELSE 'changed' END"


def _joined(pair: Pair, spec: Contract) -> str:
    """SQL of the rows ``a`` of the earlier and ``b`` of the later release that differ."""
    columns = _columns(pair, spec)
    periods = _changed_periods(pair, spec.name)
    where = ""
    if spec.period and periods is not None:
        where = f" WHERE {spec.period}::VARCHAR IN ({', '.join(map(literal, periods)) or 'NULL'})"
    sides = [
        f"(SELECT {', '.join(columns)} FROM {catalogue}.{spec.name}{where})"
        for catalogue in pair.catalogues()
    ]
    same_key = " AND ".join(f"a.{name} = b.{name}" for name in spec.key)
    one_side = f"a.{spec.key[0]} IS NULL OR b.{spec.key[0]} IS NULL"
    differs = [f"a.{name} IS DISTINCT FROM b.{name}" for name in columns if name not in spec.key]
    return f"{sides[0]} a FULL JOIN {sides[1]} b ON {same_key} WHERE {' OR '.join([one_side, *differs])}"


def _row_change(spec: Contract, columns: Sequence[str], row: dict[str, Any]) -> RowChange:
    side = "b" if row["kind"] == "came" else "a"
    return RowChange(
        kind=row["kind"],
        key=tuple((name, row[f"{side}_{name}"]) for name in spec.key),
        columns=tuple(
            (Named(name, spec.column(name).zh, spec.column(name).en), row[f"a_{name}"], row[f"b_{name}"])
            for name in columns
            if row["kind"] == "changed" and row[f"a_{name}"] != row[f"b_{name}"]
        ),
    )


# --- grades ----------------------------------------------------------------------------------------------


def moved_grades(pair: Pair) -> tuple[list[MovedGrade], int]:
    """The first firms whose grade of a year is another one, the latest year first, and how many there are."""
    if not all(GRADES in one.tables for one in (pair.old, pair.new)) or not _differs(pair, GRADES):
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
