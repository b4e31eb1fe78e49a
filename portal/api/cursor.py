"""Where a page begins: the values of the last row before it, and the release that its list was begun on."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from decimal import Decimal

import msgspec

from portal.api.problems import Problem
from portal.api.shown import Shown
from warehouse.duck import literal


class Cursor(msgspec.Struct, array_like=True):
    """Where a page begins: its release, a mark of what is asked, and the last row's values by the order."""

    release: int
    mark: str
    last: list[str | None]


def mark(name: str, order: Iterable[tuple[str, bool]]) -> str:
    """What a cursor belongs to: a table and an order."""
    return hashlib.sha256(repr((name, tuple(order))).encode()).hexdigest()[:8]


def packed(cursor: Cursor) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(cursor)).decode().rstrip("=")


def unpacked(text: str) -> Cursor:
    """
    >>> unpacked(packed(Cursor(3, "ab", ["9133", None])))
    Cursor(release=3, mark='ab', last=['9133', None])

    Raises:
        Problem: 422, it is none that the API gave.
    """
    try:
        padded = text + "=" * (-len(text) % 4)
        return msgspec.json.decode(base64.urlsafe_b64decode(padded.encode("ascii")), type=Cursor)
    except (ValueError, msgspec.DecodeError):
        raise strange_cursor() from None


def strange_cursor() -> Problem:
    return Problem(
        422, "wrong-cursor", "cursor 无效：请原样使用上一页 next 给出的地址。",
        "This cursor is none of this list; use the address that `next` of the last page gives.",
        parameter="cursor",
    )  # fmt: skip


def after(table: Shown, order: Sequence[tuple[str, bool]], cursor: Cursor) -> str:
    """Condition of the rows after the last one of a page; nulls come last in either direction."""
    last = cursor.last
    if cursor.mark != mark(table.spec.name, order) or len(last) != len(order):
        raise strange_cursor()
    condition = ""
    for (name, down), text in reversed(list(zip(order, last, strict=True))):
        value = table.value(name)
        if text is None:
            beyond, same = "false", f"{value} IS NULL"
        else:
            at = last_value(table, name, text)
            beyond, same = f"({value} {'<' if down else '>'} {at} OR {value} IS NULL)", f"{value} = {at}"
        condition = f"({beyond} OR ({same} AND {condition}))" if condition else beyond
    return condition


def last_value(table: Shown, name: str, text: str) -> str:
    kind = table.kind(name)
    if kind.is_text and "\0" not in text:  # a text in a release may be longer than one of an address
        return literal(text)
    try:
        return kind.sql(text)
    except ValueError:
        raise strange_cursor() from None


def as_text(value: object) -> str | None:
    """A value as a cursor has it; its type reads it again."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
