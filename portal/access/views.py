"""A table of a release as a viewer may see it: SQL of a view with the rows and columns that the law leaves.

Rows are cut by the contract's ``access_key``, columns by their sensitivity, statistics of single firms by consent, and
sums by the number of firms behind them. A column that a viewer may not see is null in every row, so that one query
serves every viewer; :func:`hidden` names these columns, for doors that leave them out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from portal.access import consent
from portal.access.viewer import Cut
from schemas.contract import DISTRICT_COLUMNS, FIRM_COLUMNS, Contract
from schemas.field import Column
from warehouse.duck import literal

#: Added to tables with statistics of single firms: whether those of the row are withheld for want of consent.
WITHHELD = "statistics_withheld"
#: Roles of offices: they see internal figures, and statistics with consent.
_OFFICES = ("city", "district", "town", "analyst", "application")


def select(spec: Contract, columns: Iterable[str], cut: Cut, file: str, consents: str) -> str:
    """SQL of a table as the viewer sees it.

    Args:
        columns: columns that the table has in the release's file; an old one has fewer than the contract.
        file: the attached release.
        consents: relation with the rows of :func:`portal.access.consent.consents`.
    """
    present = [name for name in columns if name in spec.column_names]
    shown = [f"{_value(spec, spec.column(name), cut, present)} AS {name}" for name in present]
    join, where = "", rows(spec, cut, file)
    if may_be_withheld(spec, cut):
        firm, year = firm_and_year(spec) or ("", "")
        is_shown = f"coalesce({consent.shown(spec.area, 'c')}, false)"
        shown.append(f"NOT {is_shown} AS {WITHHELD}")
        if any(spec.column(name).sensitivity == "statistics" for name in spec.key):
            # without its key a row says nothing, and how many there are would still tell something
            where = f"({where}) AND {is_shown}"
        join = f" LEFT JOIN {consents} c ON c.uscc = t.{firm} AND c.year = {year}"
    return f"SELECT {', '.join(shown)} FROM {file}.{spec.name} t{join} WHERE {where}"


# --- columns -------------------------------------------------------------------------------------------


def hidden(spec: Contract, cut: Cut) -> frozenset[str]:
    """Columns of which the viewer sees no value in any row."""
    return frozenset(
        column.name for column in spec.columns if _value(spec, column, cut, spec.column_names) == "NULL"
    )


def may_be_withheld(spec: Contract, cut: Cut) -> bool:
    """Whether statistics of a row may be withheld from the viewer for want of the firm's consent."""
    return (
        cut.role in _OFFICES
        and not cut.sees_statistics
        and firm_and_year(spec) is not None
        and any(column.sensitivity == "statistics" for column in spec.columns)
    )


def _value(spec: Contract, column: Column, cut: Cut, present: Collection[str]) -> str:
    """SQL of a column's value; ``NULL`` if the viewer never sees it."""
    value = f"t.{column.name}"
    if column.sensitivity == "personal" or (
        column.sensitivity == "internal" and not _sees_internal(spec, cut)
    ):
        return "NULL"
    if sees_own(spec, cut) or (cut.sees_statistics and cut.role in _OFFICES):
        return value
    if column.sensitivity == "statistics":
        condition = consent.shown(spec.area, "c") if may_be_withheld(spec, cut) else ""
        return f"CASE WHEN {condition} THEN {value} END" if condition else "NULL"
    return _of_enough_firms(column, value, present)


def _sees_internal(spec: Contract, cut: Cut) -> bool:
    return cut.role in _OFFICES or sees_own(spec, cut)


def _of_enough_firms(column: Column, value: str, present: Collection[str]) -> str:
    """SQL of a sum where enough firms are behind it; ``NULL`` in a release made before these firms were counted."""
    counted = column.disclosed
    if not counted or not counted.counted_by:
        return value
    if counted.counted_by not in present:
        return "NULL"
    # a sum without a count rests on no firm's figure
    return f"CASE WHEN t.{counted.counted_by} < {counted.least_firms} THEN NULL ELSE {value} END"


def sees_own(spec: Contract, cut: Cut) -> bool:
    """Whether all rows of the table that the viewer sees are about the viewer: a firm sees all its own figures."""
    return cut.role == "enterprise" and spec.access_key in ("uscc", "district_and_uscc", "town")


def firm_and_year(spec: Contract) -> tuple[str, str] | None:
    """The column with the firm whose figures a row has, and SQL of the row's year; ``None`` if no firm stands there."""
    firms = [name for name in ("uscc", "owner_uscc") if name in spec.column_names]
    year = _year(spec)
    return (firms[0], year) if firms and year else None


def _year(spec: Contract) -> str | None:
    if "year" in spec.column_names:
        return "t.year::INTEGER"
    if "month" in spec.column_names:
        return "t.month[:4]::INTEGER"
    return None


# --- rows ----------------------------------------------------------------------------------------------


def rows(spec: Contract, cut: Cut, file: str) -> str:
    """SQL condition of the rows that the viewer sees (docs/operations/access.md)."""
    if spec.access_key == "public":
        return "true"
    return next(_rows(spec, cut, file), "false")


def sees_rows(spec: Contract, cut: Cut) -> bool:
    """Whether the viewer may see any row of the table."""
    return rows(spec, cut, "") != "false"


def _rows(spec: Contract, cut: Cut, file: str) -> Iterator[str]:
    key = spec.access_key
    if cut.role == "public":
        return
    if cut.role == "enterprise":
        yield from _rows_of_firm(spec, cut.scope, file)
    elif cut.role == "town":
        if key == "town":
            yield f"t.town_code = {literal(cut.scope)}"
    elif not cut.scope or key == "official":
        yield "true"
    elif key != "uscc":
        yield _in_district(spec, cut.scope, file)


def _rows_of_firm(spec: Contract, uscc: str, file: str) -> Iterator[str]:
    """Rows that name the firm; of its district's tables the rows of the districts in which it was, in any year."""
    firm = literal(uscc)
    if spec.access_key == "district":
        where = f"SELECT district_code FROM {file}.core.enterprise WHERE uscc = {firm}"
        yield f"t.{_district(spec)} IN ({where})"
    elif spec.access_key != "official":
        yield f"({' OR '.join(_names(spec, name, firm) for name in _firms(spec))})"


def _in_district(spec: Contract, district: str, file: str) -> str:
    """The rows of a district; without a column for it, those of the firms that its directory has in the row's year."""
    if own := _district(spec):
        return f"t.{own} = {literal(district)}"
    year = _year(spec)
    directory = f"SELECT 1 FROM {file}.core.enterprise e WHERE e.district_code = {literal(district)}"
    same_year = f" AND e.year::INTEGER = {year}" if year else ""
    known = (f"EXISTS ({directory} AND {_names(spec, name, 'e.uscc')}{same_year})" for name in _firms(spec))
    return f"({' OR '.join(known)})"


def _names(spec: Contract, column: str, firm: str) -> str:
    """SQL that is true where a column, which may be an array, names the firm."""
    is_array = spec.column(column).type.startswith("array")
    return f"list_contains(t.{column}, {firm})" if is_array else f"t.{column} = {firm}"


def _firms(spec: Contract) -> list[str]:
    return [name for name in FIRM_COLUMNS if name in spec.column_names]


def _district(spec: Contract) -> str | None:
    return next((name for name in DISTRICT_COLUMNS if name in spec.column_names), None)
