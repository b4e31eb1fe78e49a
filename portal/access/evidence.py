"""What a viewer may see behind a figure 证据: the arithmetic of its row, and rows down to file and record number.

The arithmetic is for who may see the row's figures. Rows behind it are for the city's offices, where the row's figures
are not withheld from them, and for a firm, of which they name the firm itself. Rows of the release are read as the
viewer may see them; rows of feeds are cut here by the same rules, and no original record is shown, because it has all
cells of its sender.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from pipeline.evidence import Evidence
from pipeline.registry import registry
from portal.access import views
from portal.access.viewer import Cut
from portal.queries.release import Query, Row, is_withheld
from schemas.contract import FIRM_COLUMNS, PROVENANCE, Contract, contract

GRADES = "per_mu.enterprise_grade"
FIGURES = "core.enterprise_year"
#: Roles of the city's offices; with a district as their scope they see no rows behind a figure.
_OF_CITY = ("city", "analyst", "application")


@dataclass(frozen=True)
class Behind:
    """Rows of one table behind a figure, as a viewer may see them; ``depth`` tables lie above it."""

    table: str
    depth: int
    rows: tuple[Mapping[str, Any], ...]
    #: Rows that there are; those that the viewer may not see are among them.
    total: int
    #: File and record number of each row of a feed.
    files: tuple[str, ...]


def may_follow(spec: Contract, cut: Cut, row: Row) -> bool:
    """Whether the viewer may see the rows behind a row."""
    of_city = cut.role in _OF_CITY and not cut.scope and not is_withheld(row)
    return of_city or views.sees_own(spec, cut)


# --- arithmetic ----------------------------------------------------------------------------------------


def arithmetic(query: Query, table: str, row: Row, cut: Cut) -> tuple[str, ...]:
    """The steps from figures to the row, each computed again; empty where there are none that the viewer may see."""
    if is_withheld(row) or not views.sees_rows(contract(FIGURES), cut):
        return ()
    if table == "per_mu.indicator_value":
        return _of_indicator(query, row, cut)
    explain = registry()[table].explain if table in registry() else None
    if explain is None or not _sees_steps(query, table, row, cut):
        return ()
    # a step reads the whole list for the places of grades, and the figures of the firms merged into the unit
    return tuple(explain(row, query.whole))


def _sees_steps(query: Query, table: str, row: Row, cut: Cut) -> bool:
    """Whether the viewer may see all figures that the steps name."""
    if table == GRADES:
        return _sees_unit(query, row)
    if table == "per_mu.population":
        return not _withheld_of(query, row["uscc"], row["year"], cut)
    if table == "per_mu.baseline":
        # they name the firms without which the list is measured
        return cut.sees_statistics and not cut.scope
    if table == "per_mu.group_score":
        return _sees_members(query, row)
    return True


def _of_indicator(query: Query, row: Row, cut: Cut) -> tuple[str, ...]:
    """The steps of one indicator, which are among those of the unit's grade."""
    grades = query(
        f"SELECT * FROM {GRADES} WHERE uscc = ? AND year = ? ORDER BY evaluation_version DESC LIMIT 1",
        row["uscc"], row["year"],
    )  # fmt: skip
    steps = arithmetic(query, GRADES, grades[0], cut) if grades else ()
    wanted = (f"{row['indicator_code']} ", *(("税收实际贡献",) if row["indicator_code"] == "I1" else ()))
    return tuple(step for step in steps if step.startswith(wanted))


def _sees_unit(query: Query, row: Row) -> bool:
    """Whether the viewer may see the figures of the unit in which the firm is evaluated."""
    if row["evaluation_uscc"] == row["uscc"]:
        return True
    units = query(f"SELECT * FROM {GRADES} WHERE uscc = ? AND year = ?", row["evaluation_uscc"], row["year"])
    return bool(units) and not any(map(is_withheld, units))


def _sees_members(query: Query, row: Row) -> bool:
    """Whether the viewer may see the figures of every member of a group."""
    from jobs.per_mu.steps.groups import members_of

    members = members_of(query.whole, row["group_code"], row["year"])
    units = query(
        "SELECT * FROM per_mu.unit WHERE year = ? AND uscc IN (SELECT unnest(?))", row["year"], list(members)
    )
    return len(units) == len(members) and not any(map(is_withheld, units))


def _withheld_of(query: Query, uscc: str, year: str, cut: Cut) -> bool:
    """Whether statistics of a firm's year are withheld; of a firm without figures there are none."""
    if cut.role == "enterprise":
        return uscc != cut.scope
    rows = query(f"SELECT * FROM {FIGURES} WHERE uscc = ? AND year = ?", uscc, year)
    return any(map(is_withheld, rows))


# --- rows behind ---------------------------------------------------------------------------------------


def behind(query: Query, found: Evidence, cut: Cut, depth: int = 0) -> Iterator[Behind]:
    """The tables behind a row that have a row the viewer may see, from the published ones down to the feeds."""
    for child in found.behind:
        if child.is_repeated:
            continue
        spec = contract(child.table)
        rows = _visible(query, spec, child.rows, cut)
        if rows:
            shown = tuple({name: row[name] for name in _shown(spec, row)} for row in rows)
            yield Behind(child.table, depth, shown, child.total, tuple(map(_file, rows)))
        yield from behind(query, child, cut, depth + 1)


def _visible(
    query: Query, spec: Contract, rows: Sequence[Mapping[str, Any]], cut: Cut
) -> list[Mapping[str, Any]]:
    if spec.name in query.tables:
        return list(
            query(
                f"SELECT * FROM {spec.name} WHERE row_id IN (SELECT unnest(?))", [r["row_id"] for r in rows]
            )
        )
    if cut.role == "enterprise":
        return [row for row in rows if _names(row, cut.scope)]
    is_statistical = any(column.sensitivity == "statistics" for column in spec.columns)
    if cut.sees_statistics or not is_statistical:
        return list(rows)
    return [row for row in rows if _has_consent(query, row, cut)]


def _names(row: Mapping[str, Any], uscc: str) -> bool:
    values = (row.get(name) for name in FIRM_COLUMNS)
    return any(uscc in value if isinstance(value, list | tuple) else value == uscc for value in values)


def _has_consent(query: Query, row: Mapping[str, Any], cut: Cut) -> bool:
    uscc, year = row.get("uscc"), str(row.get("year") or row.get("period") or "")[:4]
    return bool(uscc and year) and not _withheld_of(query, str(uscc), year, cut)


def _shown(spec: Contract, row: Mapping[str, Any]) -> list[str]:
    """Columns of a row that are shown: those of its contract with a value, without provenance and personal data."""
    if spec.name.startswith("quarantine."):
        return [name for name in ("feed", "period", "reasons") if row.get(name)]
    return [
        column.name
        for column in spec.columns
        if column.name not in PROVENANCE
        and column.sensitivity != "personal"
        and row.get(column.name) not in (None, [])
    ]


def _file(row: Mapping[str, Any]) -> str:
    """File and record number of a feed's row; a file's folder is nobody's business."""
    return f"{PurePath(row['source_file']).name}:{row['source_row']}" if row.get("source_file") else ""
