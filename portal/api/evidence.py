"""Evidence of a row: what it was computed from, and the arithmetic in words.

Evidence leads to rows of other tables and to records as they were sent, which no view cuts. So it is for the city's
offices, without the statistics that they may not see, and for a firm, of its own rows, as far as they name the firm
itself (docs/operations/access.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import anyio.to_thread
from starlette.responses import Response

from pipeline.evidence import Evidence
from portal.access import views
from portal.api import formats
from portal.api.problems import Problem
from portal.api.request import Asked
from portal.api.rows import no_row
from portal.api.selection import key_values
from portal.api.shown import Shown, shown
from portal.queries.explanation import Explanation, explanation
from portal.queries.release import Query
from schemas.contract import FIRM_COLUMNS, contracts
from schemas.errors import RejectedError

#: Persons who corrected or decided, in what is told beside a record.
_PERSONS = ("corrected_by", "decided_by")

Row = Mapping[str, Any]


async def explain(asked: Asked) -> Response:
    """What a row was computed from."""
    formats.accepted(asked.request, (formats.JSON,))
    release = asked.release()
    table = shown(asked.shelf, release, asked.table, asked.cut)
    _check_role(table)
    key = key_values(table, asked.pairs)
    if answer := asked.unchanged(asked.headers(release)):
        return answer
    found = await asked.read(release, lambda query: _row(query, table, key))
    if found is None:
        raise no_row(asked, release)
    if found.get(views.WITHHELD):
        raise Problem(
            403, "statistics-withheld", "该企业未授权使用其统计数据，因此不显示这一行的依据。",
            "The firm has not consented to the use of its statistics, so the evidence of this row is not shown.",
        )  # fmt: skip
    where = {name: text for name, text in asked.pairs if name in key}
    async with asked.limits.export():
        try:
            told = await anyio.to_thread.run_sync(explanation, release, table.spec.name, where)
        except RejectedError:
            raise no_row(asked, release) from None
    body = {
        "release": release.number,
        "table": table.spec.name,
        "row": found,
        "arithmetic": list(_arithmetic(table, told)),
        "evidence": _shown(told.evidence, _sees(table, found)),
    }
    return asked.json(release, body)


def _check_role(table: Shown) -> None:
    cut = table.cut
    if cut.role == "city" or views.sees_own(table.spec, cut):
        return
    raise Problem(
        403, "evidence-not-yours", "依据只供市级部门查看；企业可查看本企业各行的依据。",
        "Evidence is for the city's offices; a firm sees that of its own rows.",
    )  # fmt: skip


def _row(query: Query, table: Shown, key: Mapping[str, str]) -> dict[str, Any] | None:
    where = " AND ".join(f"{table.value(name)} = {literal}" for name, literal in key.items())
    sql = f"SELECT {table.all_in_json} FROM {table.spec.name} WHERE {where}"
    found = query.connection.execute(sql).fetchone()
    return dict(zip(table.columns, found, strict=True)) if found else None


def _arithmetic(table: Shown, told: Explanation) -> tuple[str, ...]:
    """The arithmetic, where all its figures are the viewer's: those of a firm whose statistics are not withheld."""
    is_of_firm = views.firm_and_year(table.spec) is not None
    return told.arithmetic if is_of_firm or table.cut.sees_statistics else ()


def _sees(table: Shown, row: Row) -> Callable[[str, Row], Row | None]:
    """What the viewer sees of a row of evidence; ``None`` for nothing."""
    cut = table.cut
    firm = views.firm_and_year(table.spec)
    of_firm = row[firm[0]] if firm else None

    def seen(name: str, one: Row) -> Row | None:
        if cut.role == "enterprise":
            return _without(name, one, ("personal",)) if _is_about(one, cut.scope) else None
        if cut.sees_statistics or (of_firm and _is_about(one, of_firm)):
            return _without(name, one, ("personal",))
        return _without(name, one, ("personal", "statistics"))

    return seen


def _is_about(row: Row, uscc: str) -> bool:
    named = (row.get(name) for name in FIRM_COLUMNS)
    return any(uscc in value if isinstance(value, list) else value == uscc for value in named)


def _without(name: str, row: Row, levels: tuple[str, ...]) -> Row:
    """A row without columns of these levels, and without the record as sent if it has such columns."""
    spec = contracts().get(name)
    if spec is None:
        return {}
    secret = {column.name for column in spec.columns if column.sensitivity in levels}
    if secret:
        secret |= {"source_record", "corrections"}
    return {n: _without_persons(v) for n, v in row.items() if n not in secret}


def _without_persons(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_persons(one) for one in value]
    if isinstance(value, dict):
        return {name: one for name, one in value.items() if name not in _PERSONS}
    return value


def _shown(evidence: Evidence, seen: Callable[[str, Row], Row | None]) -> dict[str, Any]:
    rows = [row for one in evidence.rows if (row := seen(evidence.table, one)) is not None]
    behind = (_shown(one, seen) for one in evidence.behind)
    return {
        "table": evidence.table,
        "where": evidence.where,
        "rows": rows,
        "total": evidence.total if len(rows) == len(evidence.rows) else len(rows),
        "is_repeated": evidence.is_repeated,
        "behind": [one for one in behind if one["rows"] or one["behind"]],
    }
