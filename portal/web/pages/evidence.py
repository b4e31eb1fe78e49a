"""证据 Evidence: what a figure was made of, in the panel beside it or as a page of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import duckdb
from fastapi import APIRouter, HTTPException
from fastapi.responses import Response

from pipeline.evidence import Archive
from portal.access import evidence, views
from portal.access.evidence import Behind
from portal.queries.release import Query, Row, is_withheld
from portal.web import numbers
from portal.web.frame import Asked, Frame, SignInNeeded
from schemas.coded import title
from schemas.contract import FIRM_COLUMNS, PROVENANCE, Contract, contract, contracts
from schemas.field import Column

router = APIRouter()
#: Fields of a row that are shown at once.
MOST_FIELDS = 24


@dataclass(frozen=True)
class Field:
    """A value of a row with its title, in the page's language."""

    name: str
    title: str
    text: str
    unit: str
    description: str = ""
    is_key: bool = False


@router.get("/evidence/{table}")
def figure(frame: Asked, table: str, column: str = "") -> Response:
    """The row of a figure, its arithmetic and its rule; the rows behind follow, because they take seconds."""
    spec, where = _asked(frame, table, column)
    with frame.reading() as query:
        row = _row(frame, query, spec, where)
        _tell(frame, row)
        asked = _field(frame, spec.column(column), row.get(column)) if column else None
        return frame.render(
            "evidence.html",
            nav="",
            spec=spec,
            asked=asked,
            is_withheld=is_withheld(row),
            is_asked_withheld=bool(asked and row.get(column) is None and is_withheld(row)),
            fields=_fields(frame, spec, row),
            steps=evidence.arithmetic(query, table, row, frame.viewer.cut),
            rule=_rule(frame, query, row),
            rows_url=frame.url(f"/evidence/{table}/rows", **where)
            if evidence.may_follow(spec, frame.viewer.cut, row)
            else "",
        )


@router.get("/evidence/{table}/rows")
def rows(frame: Asked, table: str) -> Response:
    """The rows behind a row, down to file and record number."""
    spec, where = _asked(frame, table, "")
    with frame.reading() as query:
        row = _row(frame, query, spec, where)
        if not evidence.may_follow(spec, frame.viewer.cut, row):
            if frame.viewer.is_visitor:
                raise SignInNeeded
            raise HTTPException(
                403, frame.t("您的账户不能查看这些原始记录。", "Your account may not see these records.")
            )
        _tell(frame, row)
        assert frame.release is not None
        with Archive(frame.release) as archive:
            found = archive.explain(table, {name: row[name] for name in spec.key})
        shown = list(evidence.behind(query, found, frame.viewer.cut))
        return frame.render("evidence_rows.html", nav="", spec=spec, blocks=[_block(frame, b) for b in shown])


def _asked(frame: Frame, table: str, column: str) -> tuple[Contract, dict[str, str]]:
    """The table and the key in the address.

    Raises:
        SignInNeeded: a visitor asks for a table that accounts see.
        HTTPException: 404, the viewer sees no such table, or it has no such column; 422, no key is given.
    """
    spec = contracts().get(table)
    where = {k: v for k, v in frame.request.query_params.items() if k != "column"}
    if spec is None or not views.sees_rows(spec, frame.viewer.cut):
        if spec and frame.viewer.is_visitor:
            raise SignInNeeded
        raise HTTPException(
            404,
            frame.t(f"没有数据表 {table}，或您不能查看。", f"There is no table {table} that you may see."),
        )
    if unknown := [name for name in (*where, *([column] if column else [])) if name not in spec.column_names]:
        raise HTTPException(
            404, frame.t(f"{table} 没有 {unknown[0]} 这一列。", f"{table} has no column {unknown[0]}.")
        )
    if not where:
        key = frame.t("、", ", ").join(spec.key)
        raise HTTPException(
            422, frame.t(f"请在地址中给出主键：{key}。", f"Give the row's key in the address: {key}.")
        )
    return spec, where


def _row(frame: Frame, query: Query, spec: Contract, where: Mapping[str, str]) -> Row:
    """The row with these values as the viewer may see it; of several versions of an evaluation the last one."""
    order = " ORDER BY evaluation_version DESC" if "evaluation_version" in spec.key else ""
    given = " AND ".join(f"{name} = ?" for name in where)
    found = []
    if spec.name in query.tables:
        try:
            found = query(f"SELECT * FROM {spec.name} WHERE {given}{order} LIMIT 2", *where.values())
        except duckdb.Error:  # a value that its column's type cannot hold is in no row
            found = []
    if not found:
        raise HTTPException(
            404, frame.t("没有这一行，或您不能查看。", "There is no such row that you may see.")
        )
    if len(found) > 1 and not order:
        key = frame.t("、", ", ").join(spec.key)
        raise HTTPException(
            422,
            frame.t(f"多行符合；请给出完整主键：{key}。", f"Several rows match; give the whole key: {key}."),
        )
    return found[0]


def _tell(frame: Frame, row: Row) -> None:
    firms = [row[name] for name in FIRM_COLUMNS if isinstance(row.get(name), str)]
    if firms:
        frame.audit_read(firms[0])


def _fields(frame: Frame, spec: Contract, row: Row) -> list[Field]:
    names = [c for c in spec.columns if c.name in row and c.name not in PROVENANCE]
    held = [c for c in names if row[c.name] not in (None, [])]
    return [_field(frame, c, row[c.name], c.name in spec.key) for c in held][:MOST_FIELDS]


def _field(frame: Frame, column: Column, value: Any, is_key: bool = False) -> Field:
    unit = numbers.unit_name(column.unit or "", frame.lang)
    description = column.description_zh if frame.lang == "zh" else column.description
    return Field(
        column.name,
        column.zh if frame.lang == "zh" else column.en,
        _text(frame, column, value, is_key),
        unit if value is not None else "",
        description or "",
        is_key,
    )


def _text(frame: Frame, column: Column, value: Any, is_key: bool) -> str:
    if value is None:
        return "—"
    if isinstance(value, bool):
        return frame.t("是", "yes") if value else frame.t("否", "no")
    if isinstance(value, Decimal):
        # the whole figure: evidence is compared digit by digit
        return f"{value.normalize():,f}".replace("-", numbers.MINUS)
    items = value if isinstance(value, list | tuple) else [value]
    if codes := column.domain.codes:
        named = [title(codes, str(item)) for item in items]
        shown = [getattr(one, frame.lang) for one in named]
        # people use the codes of keys and grades too
        return "、".join(
            f"{item} {words}" if words != str(item) and (is_key or str(item) == str(item).upper()) else words
            for words, item in zip(shown, items, strict=True)
        )
    return "、".join(str(item) for item in items)


def _rule(frame: Frame, query: Query, row: Row) -> dict[str, str] | None:
    """The rule set by which the row was made, with the article that it rests on."""
    name = row.get("rule_set_id")
    found = query("SELECT * FROM release.rule_set WHERE rule_set_id = ?", name) if name else []
    if not found:
        return None
    [book] = found
    title_of = book["title_zh"] if frame.lang == "zh" else book.get("title_en") or book["title_zh"]
    return {"id": str(name), "title": str(title_of), "source": str(book.get("source") or "")}


def _block(frame: Frame, block: Behind) -> dict[str, Any]:
    spec = contract(block.table)
    return {
        "spec": spec,
        "title": frame.name(spec.title),
        "depth": min(block.depth, 4),
        "total": block.total,
        "lines": [
            (file, "；".join(_said(frame, spec, row)))
            for file, row in zip(block.files, block.rows, strict=True)
        ],
    }


def _said(frame: Frame, spec: Contract, row: Mapping[str, Any]) -> Iterator[str]:
    """The values of a row with their titles; columns that only an old release has are left out."""
    for name, value in row.items():
        if name in spec.column_names:
            field = _field(frame, spec.column(name), value)
            yield f"{field.title} {field.text}{field.unit}"
