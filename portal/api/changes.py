"""Changes of a table between two releases: pages and streams of what :mod:`portal.queries.comparison` finds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from portal.api import formats
from portal.api.cursor import Cursor, as_text, last_value, mark, packed, strange_cursor, unpacked
from portal.api.formats import encoded
from portal.api.limits import Deadline
from portal.api.problems import Problem
from portal.api.request import Asked
from portal.api.selection import MOST_ROWS, wrong
from portal.api.shown import Shown, kept, shown
from portal.queries.comparison import Comparison, comparison
from portal.queries.release import Query
from warehouse.releases import Release

DEFAULT_LIMIT = 1_000
_PARAMETERS = ("from", "to", "limit", "cursor")
_FETCHED = 1_000


@dataclass(frozen=True)
class Pair:
    """A table in two releases."""

    #: The table as the viewer sees it in the later release.
    table: Shown
    compared: Comparison

    @property
    def old(self) -> Release:
        return self.compared.before

    @property
    def new(self) -> Release:
        return self.compared.after

    @property
    def key(self) -> tuple[str, ...]:
        return self.compared.spec.key

    @property
    def columns(self) -> tuple[str, ...]:
        return self.compared.columns


async def changes(asked: Asked) -> Response:
    """Rows that came, went or changed from one release to another."""
    form = formats.accepted(asked.request, (formats.JSON, formats.LINES))
    given = dict(asked.pairs)
    if unknown := [name for name in given if name not in _PARAMETERS]:
        raise wrong(
            unknown[0], given[unknown[0]], "from、to、limit、cursor 之一", "from, to, limit or cursor alone"
        )
    pair = _pair(asked, _number("from", given), _number("to", given))
    limit = min(_number("limit", given) if given.get("limit") else DEFAULT_LIMIT, MOST_ROWS)
    cursor = unpacked(given["cursor"]) if given.get("cursor") else None
    after = _after(pair, cursor) if cursor else None
    headers = asked.headers(pair.new, form)
    headers["etag"] = headers["etag"].replace('"', f'"{pair.old.number}-', 1)
    if answer := asked.unchanged(headers):
        return answer
    if form == formats.LINES:
        return await asked.stream(pair.new, lambda query: _lines(asked, pair, query), form, headers)
    return await _page(asked, pair, limit, after, headers)


def _number(name: str, given: dict[str, str]) -> int:
    text = given.get(name, "")
    if not re.fullmatch("[0-9]{1,9}", text) or not int(text):
        raise wrong(name, text, "正整数", "a whole number from 1 on")
    return int(text)


def _pair(asked: Asked, first: int, second: int) -> Pair:
    """
    Raises:
        Problem: a release or its table is not there or not the viewer's; 422, its rows cannot be compared.
    """
    old, new = kept(asked.shelf, first), kept(asked.shelf, second)
    in_new = shown(asked.shelf, new, asked.table, asked.cut)
    in_old = shown(asked.shelf, old, asked.table, asked.cut)
    found = comparison(in_new.spec, asked.cut, old, new, in_old.columns, in_new.columns)
    if found is None:
        raise Problem(
            422, "not-comparable",
            f"{asked.table} 在发布 {first} 与 {second} 中结构不同，无法逐行比较；请分别读取两个发布的 rows。",
            f"{asked.table} is another table in the releases {first} and {second}, so its rows cannot be compared; "
            "read the rows of each.",
            parameter="from",
        )  # fmt: skip
    return Pair(in_new, found)


# --- answers ---------------------------------------------------------------------------------------------


async def _page(asked: Asked, pair: Pair, limit: int, after: str | None, headers: dict[str, str]) -> Response:
    def run(deadline: Deadline) -> tuple[list[bytes], Sequence[Any] | None]:
        with (
            asked.shelf.reading(pair.new, asked.cut) as query,
            deadline.watching(query.connection),
            _found(asked, pair, query, after, limit + 1) as found,
        ):
            changed = list(found)
            last = changed[limit - 1][1 : 1 + len(pair.key)] if len(changed) > limit else None
            return [encoded(_change(pair, row)) for row in changed[:limit]], last

    found, last = await asked.limits.query(run)
    following = None
    if last is not None:
        cursor = Cursor(pair.new.number, _mark(pair), [as_text(value) for value in last])
        pairs = [*((n, v) for n, v in asked.pairs if n != "cursor"), ("cursor", packed(cursor))]
        following = f"{asked.request.url.path}?{urlencode(pairs)}"
        headers["link"] = f'<{following}>; rel="next"'
    head = encoded(
        {"table": pair.table.spec.name, "from": pair.old.number, "to": pair.new.number, "key": pair.key}
    )
    body = b"".join((head[:-1], b',"changes":[', b",".join(found), b'],"next":', encoded(following), b"}"))
    return Response(body, headers=headers, media_type=formats.JSON)


def _lines(asked: Asked, pair: Pair, query: Query) -> Iterator[bytes]:
    """A change a line; the first part may be empty."""
    with _found(asked, pair, query, None, None) as found:
        lines: list[bytes] = []
        for row in found:
            lines.append(encoded(_change(pair, row)) + b"\n")
            if len(lines) == _FETCHED:
                yield b"".join(lines)
                lines.clear()
        yield b"".join(lines)


def _change(pair: Pair, row: Sequence[Any]) -> dict[str, Any]:
    """A change for a program: what became of the row with a key, its old and new content."""
    columns, count, keys = pair.columns, len(pair.columns), len(pair.key)
    kind, both = row[0], row[1 + keys :]
    old = None if kind == "came" else dict(zip(columns, both[:count], strict=True))
    new = None if kind == "went" else dict(zip(columns, both[count:], strict=True))
    changed = [name for name in columns if old and new and old[name] != new[name]]
    return {
        "kind": kind,
        "key": dict(zip(pair.key, row[1 : 1 + keys], strict=True)),
        "columns": changed,
        "old": old,
        "new": new,
    }


# --- statement -------------------------------------------------------------------------------------------


@contextmanager
def _found(
    asked: Asked, pair: Pair, query: Query, after: str | None, limit: int | None
) -> Iterator[Iterator[Sequence[Any]]]:
    """Changed rows as the comparison gives them, in the order of the key."""
    with asked.shelf.reading(pair.old, asked.cut) as older:
        old, new = (one.connection.execute("SELECT current_database()").fetchone() for one in (older, query))
        assert old and new
        rows = pair.compared.rows(old[0], new[0], pair.table.in_json)
        beyond = f" WHERE {after}" if after else ""
        order = ", ".join(f"k_{name}" for name in pair.key)
        most = f" LIMIT {limit}" if limit else ""
        yield _rows(query.connection.execute(f"FROM ({rows}){beyond} ORDER BY {order}{most}"))


def _rows(cursor: Any) -> Iterator[Sequence[Any]]:
    while batch := cursor.fetchmany(_FETCHED):
        yield from batch


def _mark(pair: Pair) -> str:
    return mark(f"changes of {pair.table.spec.name} since {pair.old.number}", [(n, False) for n in pair.key])


def _after(pair: Pair, cursor: Cursor) -> str:
    """Condition of the rows behind the last one of a page."""
    if cursor.mark != _mark(pair) or cursor.release != pair.new.number or len(cursor.last) != len(pair.key):
        raise strange_cursor()
    condition = ""
    for name, text in reversed(list(zip(pair.key, cursor.last, strict=True))):
        if text is None:
            raise strange_cursor()
        value, at = f"k_{name}", last_value(pair.table, name, text)
        condition = (
            f"({value} > {at} OR ({value} = {at} AND {condition}))" if condition else f"{value} > {at}"
        )
    return condition
