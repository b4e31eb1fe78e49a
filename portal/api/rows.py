"""Rows of a table: in pages, whole as a stream, counted, or one by its key."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from portal.api import formats
from portal.api.cursor import Cursor, as_text, mark, packed, strange_cursor, unpacked
from portal.api.formats import encoded
from portal.api.problems import Problem
from portal.api.request import Asked
from portal.api.selection import (
    DEFAULT_LIMIT,
    MOST_ROWS,
    Selection,
    conditions,
    key_values,
    selected,
    selection,
)
from portal.api.shown import shown
from portal.queries.release import Query
from warehouse.releases import Release

_FETCHED = 1_000


async def rows(asked: Asked) -> Response:
    """Rows of a table, filtered, ordered, in the format that the request accepts."""
    form = formats.accepted(asked.request, formats.FORMATS)
    given = [text for name, text in asked.pairs if name == "cursor" and text]
    cursor = unpacked(given[-1]) if given else None
    if cursor and asked.number not in (None, cursor.release):
        raise strange_cursor()
    # a list that was begun stays on its release
    release = asked.release(cursor.release if cursor else None)
    pick = selection(shown(asked.shelf, release, asked.table, asked.cut), asked.pairs, cursor)
    headers = asked.headers(release, form)
    if form == formats.JSON and (pick.limit or 0) > MOST_ROWS:
        raise Problem(
            422, "limit-too-large", f"JSON 每页最多 {MOST_ROWS} 行；整表请用 text/csv 或 Parquet。",
            f"A page of JSON has at most {MOST_ROWS} rows; ask for text/csv or Parquet to get a whole table.",
            parameter="limit", given=pick.limit, most=MOST_ROWS,
        )  # fmt: skip
    if answer := asked.unchanged(headers):
        return answer
    if form == formats.JSON:
        return await _page(asked, release, pick, headers)
    return await _whole(asked, release, pick, form, headers)


async def _page(asked: Asked, release: Release, pick: Selection, headers: dict[str, str]) -> Response:
    limit = pick.limit or DEFAULT_LIMIT
    ordered = [name for name, _ in pick.order]
    beyond = [name for name in ordered if name not in pick.columns]
    names = [*pick.columns, *beyond]
    sql = (
        f"SELECT {', '.join(map(pick.table.in_json, names))} FROM {pick.table.spec.name}{pick.where}"
        f"{pick.order_by} LIMIT {limit + 1}"
    )
    found, last = await asked.read(release, lambda query: _fetched(query, sql, pick.columns, limit))
    following = None
    if last is not None:
        by_name = dict(zip(names, last, strict=True))
        at = [as_text(by_name[name]) for name in ordered]
        cursor = Cursor(release.number, mark(pick.table.spec.name, pick.order), at)
        pairs = [*((n, v) for n, v in asked.pairs if n != "cursor"), ("cursor", packed(cursor))]
        following = f"{asked.request.url.path}?{urlencode(pairs)}"
        headers["link"] = f'<{following}>; rel="next"'
    head = encoded({"release": release.number, "table": pick.table.spec.name})
    body = b"".join(
        (head[:-1], b',"rows":[', b",".join(found), b'],"next":', encoded(following), b"}"),
    )
    return Response(body, headers=headers, media_type=formats.JSON)


def _fetched(
    query: Query, sql: str, columns: Sequence[str], limit: int
) -> tuple[list[bytes], tuple[Any, ...] | None]:
    """Rows as JSON, encoded as they come because they are smaller so, and the last one's values if more follow."""
    cursor = query.connection.execute(sql)
    found: list[bytes] = []
    last: tuple[Any, ...] = ()
    while batch := cursor.fetchmany(_FETCHED):
        kept = batch[: limit - len(found)]
        found += [encoded(dict(zip(columns, row, strict=False))) for row in kept]
        last = kept[-1] if kept else last
        if len(kept) < len(batch):
            return found, last
    return found, None


async def _whole(
    asked: Asked, release: Release, pick: Selection, form: str, headers: dict[str, str]
) -> Response:
    table = pick.table.spec.name
    name = f"{table}-release-{release.number}.{formats.ENDINGS[form]}"
    headers["content-disposition"] = f'attachment; filename="{name}"'
    sql = formats.statement(pick, form)

    def parts(query: Query) -> Iterator[bytes]:
        if form == formats.CSV:
            return formats.csv_parts(query, sql, pick.with_bom)
        if form == formats.ARROW:
            return formats.arrow_parts(query, sql)
        return formats.parquet_parts(query, sql, release.number, table)

    return await asked.stream(release, parts, form, headers)


async def count(asked: Asked) -> Response:
    """The number of rows that meet the filters."""
    formats.accepted(asked.request, (formats.JSON,))
    release = asked.release()
    table = shown(asked.shelf, release, asked.table, asked.cut)
    met = conditions(table, asked.pairs)
    headers = asked.headers(release)
    if answer := asked.unchanged(headers):
        return answer
    where = f" WHERE {' AND '.join(met)}" if met else ""
    sql = f"SELECT count(*) FROM {table.spec.name}{where}"
    [number] = await asked.read(release, lambda query: _one(query, sql) or (0,))
    body = encoded({"release": release.number, "table": table.spec.name, "count": number})
    return Response(body, headers=headers, media_type=formats.JSON)


async def row(asked: Asked) -> Response:
    """One row by its whole key."""
    formats.accepted(asked.request, (formats.JSON,))
    release = asked.release()
    table = shown(asked.shelf, release, asked.table, asked.cut)
    key = key_values(table, asked.pairs)
    columns = selected(table, asked.pairs)
    headers = asked.headers(release)
    if answer := asked.unchanged(headers):
        return answer
    is_all = len(columns) == len(table.columns)
    listed = table.all_in_json if is_all else ", ".join(map(table.in_json, columns))
    where = " AND ".join(f"{table.value(name)} = {literal}" for name, literal in key.items())
    sql = f"SELECT {listed} FROM {table.spec.name} WHERE {where}"
    found = await asked.read(release, lambda query: _one(query, sql))
    if found is None:
        raise no_row(asked, release)
    # a choice of all columns in another order is answered in the contract's order
    names = table.columns if is_all else columns
    body = encoded(
        {"release": release.number, "table": table.spec.name, "row": dict(zip(names, found, strict=True))}
    )
    return Response(body, headers=headers, media_type=formats.JSON)


def _one(query: Query, sql: str) -> tuple[Any, ...] | None:
    found: tuple[Any, ...] | None = query.connection.execute(sql).fetchone()
    return found


def no_row(asked: Asked, release: Release) -> Problem:
    """No row has the key, or the viewer may not see it: an answer that told them apart would tell too much."""
    return Problem(
        404, "no-such-row", f"发布 {release.number} 的 {asked.table} 中没有这一行，或您的账户无权查看。",
        f"Release {release.number} has no such row of {asked.table}, or your account does not see it.",
    )  # fmt: skip
