"""数据 Data: the catalogue of tables, the dictionary and lineage of one, code lists, and feeds with what is overdue."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import accumulate
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from fastapi.responses import Response

from ingest.register.today import HERE
from portal.access.viewer import OFFICES
from portal.queries import examples, feeds, gate, publications, tables
from portal.queries.lineage import Lineage, Node, lineage, placed
from portal.queries.tables import Described, Listed
from portal.web import words
from portal.web.frame import Asked, Frame, Known
from schemas.contract import Contract
from warehouse.releases import Release

router = APIRouter()

#: Releases in the history of a table's checks.
HISTORY = 10
#: Places of the picture of lineage, in its own units: a node, and the step to the next column and row.
NODE_WIDTH, NODE_HEIGHT = 184, 24
COLUMN_STEP, ROW_STEP = 258, 30
MARGIN = 8
#: Letters that fit into a node; a Chinese character takes the room of two.
NAME_ROOM = 26


@router.get("/data")
def catalogue_page(frame: Asked, q: Annotated[str, Query(max_length=60)] = "") -> Response:
    if frame.release is None:
        return frame.render("nothing.html", nav="data")
    release = frame.release
    with frame.reading() as query:
        found = tables.listed(query, release, frame.viewer.cut, q.strip())
    areas: dict[str, list[Listed]] = {}
    for one in found:
        areas.setdefault(one.table.partition(".")[0], []).append(one)
    return frame.render(
        "data.html",
        nav="data",
        api_url="/api/v1/tables",
        word=q.strip(),
        areas=areas,
        area_name=lambda area: frame.t(*AREAS.get(area, (area, area))),
        total=len(found),
        seen=sum(one.is_seen for one in found),
        may_see_quarantine=frame.viewer.may("quarantine"),
    )


AREAS: Mapping[str, tuple[str, str]] = {
    "core": ("企业与土地 core", "Firms and land"),
    "per_mu": ("亩均评价 per_mu", "Per-mu evaluation"),
    "chain": ("产业链 chain", "Industry chains"),
    "profile": ("企业画像 profile", "Profiles of firms"),
}


def _release(frame: Frame) -> Release:
    return frame.release or frame.shelf.release()


# --- one table -------------------------------------------------------------------------------------------


@router.get("/data/feeds")
def feeds_page(frame: Known) -> Response:
    found = feeds.feed_states()
    return frame.render(
        "feeds.html",
        nav="data",
        feeds=[_feed_row(frame, one) for one in found],
        missing=sum(one.is_missing for one in found),
        has_detail=frame.viewer.may("quarantine"),
    )


def _feed_row(frame: Frame, one: feeds.FeedState) -> dict[str, Any]:
    zh, en, tone = words.FEED_STATE.get(one.state, (one.state, one.state, ""))
    span = (
        one.first_period if one.first_period == one.last_period else f"{one.first_period}–{one.last_period}"
    )
    return {
        "name": frame.name(one.feed),
        "code": one.feed.code,
        "state": frame.t(zh, en),
        "tone": "bad" if one.is_missing else "" if tone == "bad" else tone,
        "expected": one.expected_period,
        "expected_by": one.expected_by,
        "last": one.last_period,
        "seen_at": one.last_seen_at and one.last_seen_at.astimezone(HERE).date(),
        "cadence": frame.name(words.named(words.CADENCE, one.cadence)),
        "owner": one.owner,
        "span": span if one.first_period else None,
        "periods": one.periods,
        "deliveries": one.deliveries,
        "held": one.held,
        "records": one.records,
        "quarantined": one.quarantined,
        "quarantined_pct": round(Decimal(100 * one.quarantined) / one.records, 2) if one.records else None,
        "band_pct": one.band_pct,
    }


@router.get("/data/codes/{name}")
def codes_page(frame: Asked, name: str) -> Response:
    with frame.reading() as query:
        found = tables.codes(query, name)
    if not found:
        raise HTTPException(404, frame.t(f"没有代码表 {name[:60]}", f"there is no code list {name[:60]}"))
    return frame.render("codes.html", nav="data", api_url=f"/api/v1/codes/{name}", list=name, codes=found)


@router.get("/data/{table}")
def table_page(frame: Asked, table: str) -> Response:
    release, viewer = _release(frame), frame.viewer
    with frame.reading() as query:
        found = tables.described(query, release, viewer.cut, table)
        if found is None:
            raise HTTPException(
                404,
                frame.t(
                    f"版本 {release.number} 没有数据表 {table[:60]}",
                    f"release {release.number} has no table {table[:60]}",
                ),
            )
        rows = tables.sample(query, found.spec, viewer.cut)
        verdicts = gate.of_table(query, table)
    behind = lineage(table)
    api = f"/api/v1{f'/releases/{frame.pinned}' if frame.pinned else ''}/tables/{table}"
    return frame.render(
        "table.html",
        nav="data",
        api_url=api,
        table=found,
        access=frame.t(*words.ACCESS[found.spec.access_key]),
        legal=frame.name(words.named(words.LEGAL_BASIS, found.legal_basis)),
        sensitivity=lambda code: frame.name(words.named(words.SENSITIVITY, code)),
        grain=_grain(frame, found),
        rows=rows,
        sample_columns=_sample_columns(frame, found, rows),
        cell=cell,
        verdicts=verdicts,
        is_office=viewer.role in OFFICES,
        history=publications.quality_history(table, HISTORY),
        feeds=[] if viewer.is_visitor else [_feed_row(frame, one) for one in feeds.feed_states(behind.feeds)],
        picture=_picture(frame, behind, table),
        made_of=[edge[0] for edge in behind.edges if edge[1] == table],
        goes_into=[edge[1] for edge in behind.edges if edge[0] == table],
        examples=examples.examples(table),
        commands=_commands(frame, found.spec, api),
    )


def _grain(frame: Frame, found: Described) -> str:
    """What one row is; the contract says it in English, and the key says the same in Chinese."""
    if frame.lang == "en":
        return found.spec.grain
    return "每个“" + "＋".join(column.zh for column in found.key) + "”一行"


def _sample_columns(
    frame: Frame, found: Described, rows: Sequence[Mapping[str, Any]]
) -> list[tuple[str, str, str, bool]]:
    """Name, title, unit, and whether it is a figure, of the columns that the sample has."""
    return [
        (column.name, frame.name(column.title), column.unit, column.type.startswith(("decimal", "int", "bigint")))
        for column in found.columns
        if rows and column.name in rows[0]
    ]  # fmt: skip


def cell(value: object) -> str:
    """A value as the table has it, for reading.

    >>> cell(Decimal("12.500000")), cell(["a", "b"]), cell(None), cell(True)
    ('12.5', 'a; b', '', 'true')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        text = f"{value:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    if isinstance(value, list | tuple):
        return "; ".join(cell(each) for each in value)
    if isinstance(value, datetime):
        return value.isoformat(" ", "seconds")
    return value.isoformat() if isinstance(value, date) else str(value)


def _commands(frame: Frame, spec: Contract, api: str) -> list[tuple[str, str, str]]:
    """Element, title and text of what can be copied."""
    base = str(frame.request.base_url).rstrip("/")
    release = f" --release {frame.pinned}" if frame.pinned else ""
    by = f" ORDER BY {spec.period} DESC" if spec.period else ""
    sql = f'./brain sql{release} -c "FROM {spec.name}{by} LIMIT 20"'
    ask = "curl -H 'Authorization: Bearer TOKEN'"
    csv = f"{ask} -H 'Accept: text/csv' -o {spec.name}.csv '{base}{api}/rows?bom=1'"
    return [
        ("copy-sql", frame.t("在命令行查询", "On the command line"), sql),
        ("copy-api", frame.t("接口（JSON）", "API (JSON)"), f"{ask} '{base}{api}/rows'"),
        ("copy-csv", frame.t("整表导出（CSV）", "The whole table (CSV)"), csv),
    ]


# --- picture of the lineage ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Box:
    """A table in the picture. Feeds have no page of their own."""

    name: str
    title: str
    label: str
    x: float
    y: float
    href: str
    style: str


@dataclass(frozen=True)
class Picture:
    """Boxes from the feeds at the left to what is made of the table at the right, and the lines between them."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    #: Path of a line, and whether it begins or ends at the table itself.
    lines: tuple[tuple[str, bool], ...]
    node_width: int = NODE_WIDTH
    node_height: int = NODE_HEIGHT


def _picture(frame: Frame, found: Lineage, table: str) -> Picture:
    boxes = {}
    for one in placed(found):
        x, y = MARGIN + one.column * COLUMN_STEP, MARGIN + one.row * ROW_STEP
        boxes[one.node.table] = _box(frame, one.node, x, y)
    # among the tables further back lines would run within their column: each table's own page shows them
    drawn = [(boxes[a], boxes[b]) for a, b in found.edges if boxes[a].x < boxes[b].x]
    lines = [(_line(start, end), table in (start.name, end.name)) for start, end in drawn]
    return Picture(
        width=max(box.x for box in boxes.values()) + NODE_WIDTH + MARGIN,
        height=max(box.y for box in boxes.values()) + NODE_HEIGHT + MARGIN,
        boxes=tuple(boxes.values()),
        lines=tuple(sorted(lines, key=lambda line: line[1])),
    )


def _box(frame: Frame, node: Node, x: float, y: float) -> Box:
    title = frame.name(node.title)
    href = "" if node.stage in ("source", "own") else frame.url(f"/data/{node.table}")
    return Box(node.table, title, _shortened(title), x, y, href, node.stage)


def _shortened(title: str) -> str:
    """
    >>> _shortened("企业综合画像"), _shortened("Metrics of nodes of industry chains")
    ('企业综合画像', 'Metrics of nodes of indus…')
    """
    widths = list(accumulate(2 if ord(letter) > 0x2E80 else 1 for letter in title))
    if widths[-1] <= NAME_ROOM:
        return title
    return title[: bisect_right(widths, NAME_ROOM - 1)].rstrip() + "…"


def _line(start: Box, end: Box) -> str:
    x1, y1 = start.x + NODE_WIDTH, start.y + NODE_HEIGHT / 2
    x2, y2 = end.x, end.y + NODE_HEIGHT / 2
    bend = (COLUMN_STEP - NODE_WIDTH) * 0.75
    return f"M{x1:g} {y1:g}C{x1 + bend:g} {y1:g} {x2 - bend:g} {y2:g} {x2:g} {y2:g}"
