"""Changes of a table between two releases: rows that came, went and changed by key, as the viewer sees them in both.

A period with the same content hash in both releases is not read. What a viewer sees of it may still differ where the
view follows another table, as consents do; then the period is skipped only if that table is the same too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from portal.access import consent, views
from portal.api import formats, values
from portal.api.cursor import Cursor, as_text, last_value, mark, packed, strange_cursor, unpacked
from portal.api.formats import encoded
from portal.api.limits import Deadline
from portal.api.request import Asked
from portal.api.selection import MOST_ROWS, wrong
from portal.api.shown import Shown, kept, shown
from portal.queries.release import Query
from schemas.contract import PROVENANCE, contract
from warehouse.releases import Release

DEFAULT_LIMIT = 1_000
_PARAMETERS = ("from", "to", "limit", "cursor")
_FETCHED = 1_000


@dataclass(frozen=True)
class Pair:
    """A table in two releases."""

    old: Release
    new: Release
    in_old: Shown
    in_new: Shown

    @property
    def key(self) -> tuple[str, ...]:
        return self.in_new.spec.key

    @property
    def columns(self) -> list[str]:
        """Columns of the content that the viewer sees in both releases."""
        return [n for n in self.in_new.columns if n in self.in_old.columns and n not in PROVENANCE]


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
    old, new = kept(asked.shelf, first), kept(asked.shelf, second)
    in_new = shown(asked.shelf, new, asked.table, asked.cut)
    return Pair(old, new, shown(asked.shelf, old, asked.table, asked.cut), in_new)


# --- answers ---------------------------------------------------------------------------------------------


async def _page(asked: Asked, pair: Pair, limit: int, after: str | None, headers: dict[str, str]) -> Response:
    def run(deadline: Deadline) -> tuple[list[bytes], tuple[Any, ...] | None]:
        with (
            asked.shelf.reading(pair.new, asked.cut) as query,
            deadline.watching(query.connection),
            _found(asked, pair, query, after, limit + 1) as found,
        ):
            changed = list(found)
            last = changed[limit - 1][0] if len(changed) > limit else None
            return [encoded(_change(pair, row)) for _, row in changed[:limit]], last

    found, last = await asked.limits.query(run)
    following = None
    if last is not None:
        cursor = Cursor(pair.new.number, _mark(pair), [as_text(value) for value in last])
        pairs = [*((n, v) for n, v in asked.pairs if n != "cursor"), ("cursor", packed(cursor))]
        following = f"{asked.request.url.path}?{urlencode(pairs)}"
        headers["link"] = f'<{following}>; rel="next"'
    head = encoded(
        {"table": pair.in_new.spec.name, "from": pair.old.number, "to": pair.new.number, "key": pair.key}
    )
    body = b"".join((head[:-1], b',"changes":[', b",".join(found), b'],"next":', encoded(following), b"}"))
    return Response(body, headers=headers, media_type=formats.JSON)


def _lines(asked: Asked, pair: Pair, query: Query) -> Iterator[bytes]:
    """A change a line; the first part may be empty."""
    with _found(asked, pair, query, None, None) as found:
        lines: list[bytes] = []
        for _, row in found:
            lines.append(encoded(_change(pair, row)) + b"\n")
            if len(lines) == _FETCHED:
                yield b"".join(lines)
                lines.clear()
        yield b"".join(lines)


def _change(pair: Pair, row: Sequence[Any]) -> dict[str, Any]:
    """A change for a program: what became of the row with a key, its old and new content."""
    columns, count = pair.columns, len(pair.columns)
    came, went, *both = row
    old = None if came else dict(zip(columns, both[:count], strict=True))
    new = None if went else dict(zip(columns, both[count:], strict=True))
    present = new or old or {}
    changed = [name for name in columns if old and new and old[name] != new[name]]
    return {
        "kind": "came" if came else "went" if went else "changed",
        "key": {name: present[name] for name in pair.key},
        "columns": changed,
        "old": old,
        "new": new,
    }


# --- statement -------------------------------------------------------------------------------------------


@contextmanager
def _found(
    asked: Asked, pair: Pair, query: Query, after: str | None, limit: int | None
) -> Iterator[Iterator[tuple[tuple[Any, ...], Sequence[Any]]]]:
    """Changed rows with their keys, in the order of the key."""
    with asked.shelf.reading(pair.old, asked.cut) as older:
        old, new = (one.connection.execute("SELECT current_database()").fetchone() for one in (older, query))
        assert old and new
        cursor = query.connection.execute(_statement(pair, old[0], new[0], after, limit))
        yield _rows(pair, cursor)


def _rows(pair: Pair, cursor: Any) -> Iterator[tuple[tuple[Any, ...], Sequence[Any]]]:
    keys = len(pair.key)
    while batch := cursor.fetchmany(_FETCHED):
        for row in batch:
            yield row[:keys], row[keys:]


def _statement(pair: Pair, old: str, new: str, after: str | None, limit: int | None) -> str:
    key = pair.key
    sides = [
        f"(SELECT {', '.join(map(table.in_json, pair.columns))} FROM {catalogue}.{table.spec.name} "
        f"WHERE {_periods(pair)})"
        for table, catalogue in ((pair.in_old, old), (pair.in_new, new))
    ]
    same_key = " AND ".join(f"a.{name} = b.{name}" for name in key)
    differs = " OR ".join(f"a.{n} IS DISTINCT FROM b.{n}" for n in pair.columns if n not in key) or "false"
    shown_key = ", ".join(f"coalesce(a.{name}, b.{name}) AS k_{name}" for name in key)
    both = ", ".join(f"{side}.{name}" for side in "ab" for name in pair.columns)
    order = ", ".join(f"k_{name}" for name in key)
    beyond = f" AND {after}" if after else ""
    most = f" LIMIT {limit}" if limit else ""
    return (
        f"SELECT {shown_key}, a.{key[0]} IS NULL, b.{key[0]} IS NULL, {both} "
        f"FROM {sides[0]} a FULL JOIN {sides[1]} b ON {same_key} "
        f"WHERE (a.{key[0]} IS NULL OR b.{key[0]} IS NULL OR {differs}){beyond} ORDER BY {order}{most}"
    )


def _mark(pair: Pair) -> str:
    return mark(f"changes of {pair.in_new.spec.name} since {pair.old.number}", [(n, False) for n in pair.key])


def _after(pair: Pair, cursor: Cursor) -> str:
    """Condition of the rows behind the last one of a page."""
    if cursor.mark != _mark(pair) or cursor.release != pair.new.number or len(cursor.last) != len(pair.key):
        raise strange_cursor()
    condition = ""
    for name, text in reversed(list(zip(pair.key, cursor.last, strict=True))):
        if text is None:
            raise strange_cursor()
        value, at = f"coalesce(a.{name}, b.{name})", last_value(pair.in_new, name, text)
        condition = (
            f"({value} > {at} OR ({value} = {at} AND {condition}))" if condition else f"{value} > {at}"
        )
    return condition


# --- periods that need no reading ------------------------------------------------------------------------


def _periods(pair: Pair) -> str:
    """SQL condition of the periods in which the viewer may see a change."""
    spec = pair.in_new.spec
    old, new = pair.old.contents.get(spec.name), pair.new.contents.get(spec.name)
    if spec.period is None or old is None or new is None:
        return "true"
    column = spec.column(spec.period)
    changed = [
        period
        for period in sorted({*old, *new})
        if old.get(period) != new.get(period) or not _is_seen_alike(pair, period)
    ]
    literals = ", ".join(values.kind(column).sql(period) for period in changed)
    return f"{values.value(column)} IN ({literals})" if literals else "false"


def _is_seen_alike(pair: Pair, period: str) -> bool:
    """Whether the tables that decide on who sees a period's rows are the same in both releases."""
    spec, cut = pair.in_new.spec, pair.in_new.cut
    if pair.in_new.has_flag and not all(_is_same(pair, name, period[:4]) for name in consent.NEEDS):
        return False
    follows_directory = "core.enterprise" in views.rows(spec, cut, "file")
    # a firm sees its district's rows of all years
    year = None if cut.role == "enterprise" else period[:4]
    return not follows_directory or _is_same(pair, "core.enterprise", year)


def _is_same(pair: Pair, name: str, year: str | None) -> bool:
    if name not in pair.old.contents or name not in pair.new.contents:
        return name not in pair.old.tables and name not in pair.new.tables
    assert contract(name).period == "year"
    old, new = pair.old.contents[name], pair.new.contents[name]
    return old == new if year is None else old.get(year) == new.get(year)
