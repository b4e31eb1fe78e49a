"""What a request asks of a table: columns, conditions, order and where to begin, read off its query string.

Names come from the contract and values are literals that their type has checked (:mod:`portal.api.values`), so that a
statement holds nothing else of the request. Columns that the viewer does not see are neither shown nor compared.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from portal.api.cursor import Cursor, after
from portal.api.problems import Problem
from portal.api.shown import Shown, similar

DEFAULT_LIMIT = 100
MOST_ROWS = 10_000
MOST_FILTERS = 50
MOST_VALUES = 500
#: Parameters of an address that are no columns.
PARAMETERS = ("select", "order", "limit", "cursor", "bom")

_COMPARED = {"ne": "<>", "gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "eq": "="}
_OPERATOR = re.compile(rf"({'|'.join(_COMPARED)}|in|contains|starts)\.(.*)", re.DOTALL)

#: Query string as pairs of name and text.
Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Selection:
    """Rows and columns of a table, in an order that the key completes."""

    table: Shown
    columns: tuple[str, ...]
    conditions: tuple[str, ...]
    #: Column and whether it descends.
    order: tuple[tuple[str, bool], ...]
    #: Whether the request names the order.
    is_ordered: bool
    limit: int | None
    #: Condition of the rows after the last page.
    after: str | None
    with_bom: bool

    @property
    def where(self) -> str:
        found = [*self.conditions, *([self.after] if self.after else [])]
        return f" WHERE {' AND '.join(found)}" if found else ""

    @property
    def order_by(self) -> str:
        terms = (
            f"{self.table.value(name)} {'DESC' if down else 'ASC'} NULLS LAST" for name, down in self.order
        )
        return f" ORDER BY {', '.join(terms)}"


def selection(table: Shown, pairs: Pairs, cursor: Cursor | None = None) -> Selection:
    """A request's selection.

    Args:
        cursor: where the page begins.

    Raises:
        Problem: 403, it names a hidden column; 422, a name or a value is wrong.
    """
    given = _parameters(pairs)
    order = _order(table, given["order"])
    return Selection(
        table=table,
        columns=tuple(_names(table, given["select"])) or tuple(table.columns),
        conditions=tuple(_conditions(table, [(n, v) for n, v in pairs if n not in PARAMETERS])),
        order=order,
        is_ordered=bool(given["order"]),
        limit=_limit(given["limit"]),
        after=after(table, order, cursor) if cursor else None,
        with_bom=given["bom"][-1:] == ["1"],
    )


def _parameters(pairs: Pairs) -> dict[str, list[str]]:
    return {name: [text for n, text in pairs if n == name and text] for name in PARAMETERS}


def conditions(table: Shown, pairs: Pairs) -> tuple[str, ...]:
    """The conditions alone, of a resource without columns and order.

    Raises:
        Problem: 403 or 422, as of :func:`selection`.
    """
    return tuple(_conditions(table, pairs))


def key_values(table: Shown, pairs: Pairs) -> dict[str, str]:
    """Key column → literal of the one row that a request names.

    Raises:
        Problem: 422, a column of the key is missing or something else is named.
    """
    given = {name: text for name, text in pairs if name != "select"}
    names = table.spec.key
    for name in given:
        if name not in names:
            raise Problem(
                422, "not-the-key", f"{name[:80]} 不是主键列；一行由 {'、'.join(names)} 指定。",
                f"{name[:80]} is no column of the key; a row is named by {', '.join(names)}.",
                parameter=name[:80], key=list(names),
            )  # fmt: skip
    missing = [name for name in names if not given.get(name)]
    if missing:
        raise Problem(
            422, "key-incomplete", f"还缺少主键列 {'、'.join(missing)}；一行由 {'、'.join(names)} 指定。",
            f"{', '.join(missing)} is missing; a row is named by {', '.join(names)}.",
            missing=missing, key=list(names),
        )  # fmt: skip
    return {name: _literal(table, name, given[name]) for name in names}


def selected(table: Shown, pairs: Pairs) -> tuple[str, ...]:
    """The chosen columns alone, all if none is named."""
    return tuple(_names(table, [t for n, t in pairs if n == "select" and t])) or tuple(table.columns)


# --- names -----------------------------------------------------------------------------------------------


def _column(table: Shown, name: str) -> str:
    """A column that the viewer sees.

    Raises:
        Problem: 403, it is hidden; 422, there is none.
    """
    if name in table.columns:
        return name
    if name in table.hidden:
        spec = table.spec.column(name)
        raise Problem(
            403, "column-not-yours",
            f"您的账户无权查看列 {name}（{spec.zh}，敏感级别 {spec.sensitivity}）。",
            f"Your account does not see the column {name} ({spec.en}, sensitivity {spec.sensitivity}).",
            column=name,
        )  # fmt: skip
    near = similar(name, frozenset(table.columns) | frozenset(PARAMETERS))
    zh, en = (f"；相近的有 {'、'.join(near)}", f"; similar: {', '.join(near)}") if near else ("", "")
    raise Problem(
        422, "unknown-column", f"{table.spec.name} 没有列或参数 {name[:80]}{zh}。",
        f"{table.spec.name} has no column or parameter {name[:80]}{en}.",
        column=name[:80], similar=near,
    )  # fmt: skip


def _names(table: Shown, texts: Iterable[str]) -> list[str]:
    names = (name.strip() for text in texts for name in text.split(","))
    return list(dict.fromkeys(_column(table, name) for name in names))


def _order(table: Shown, texts: Iterable[str]) -> tuple[tuple[str, bool], ...]:
    found: dict[str, bool] = {}
    for text in (part.strip() for given in texts for part in given.split(",")):
        name = _column(table, text.removeprefix("-"))
        if table.kind(name).is_list:
            raise wrong(name, text, "一列单值", "a column of single values")
        found.setdefault(name, text.startswith("-"))
    for name in table.spec.key:
        found.setdefault(name, False)
    return tuple(found.items())


def _limit(texts: list[str]) -> int | None:
    if not texts:
        return None
    if not re.fullmatch("[0-9]{1,9}", texts[-1]) or not int(texts[-1]):
        raise wrong("limit", texts[-1], "正整数", "a whole number from 1 on")
    return int(texts[-1])


# --- values ----------------------------------------------------------------------------------------------


def wrong(name: str, given: str, zh: str, en: str) -> Problem:
    return Problem(
        422, "wrong-value", f"{name} 的值“{given[:80]}”有误：应为{zh}。",
        f"{name}: “{given[:80]}” is wrong; it takes {en}.",
        column=name, given=given[:80], expected=en,
    )  # fmt: skip


def _literal(table: Shown, name: str, text: str) -> str:
    kind = table.kind(name)
    try:
        return kind.sql(text)
    except ValueError:
        raise wrong(name, text, kind.zh, kind.en) from None


def _conditions(table: Shown, pairs: Pairs) -> Iterator[str]:
    if len(pairs) > MOST_FILTERS:
        raise Problem(
            422, "too-many-filters", f"一次请求最多 {MOST_FILTERS} 个筛选条件。",
            f"A request has at most {MOST_FILTERS} filters.", limit=MOST_FILTERS,
        )  # fmt: skip
    for given, text in pairs:
        yield _condition(table, _column(table, given), text)


def _condition(table: Shown, name: str, text: str) -> str:
    """SQL of a filter: ``operator.value``, or a value that the column equals."""
    value, kind = table.value(name), table.kind(name)
    if text == "is.null":
        return f"{value} IS NULL"
    if text == "not.null":
        return f"{value} IS NOT NULL"
    match = _OPERATOR.fullmatch(text)
    operator, given = (match[1], match[2]) if match else ("eq", text)
    if kind.is_list:
        if operator not in ("eq", "contains"):
            raise wrong(
                name, text, "contains.值，列表只能这样筛选", "contains.value: a list has no other filter"
            )
        return f"list_contains({value}, {_literal(table, name, given)})"
    if operator in ("contains", "starts"):
        if not kind.is_text:
            raise wrong(
                name, text, f"{kind.zh}；{operator} 只用于文本", f"a {kind.en}; {operator} is for texts"
            )
        function = "contains" if operator == "contains" else "starts_with"
        return f"{function}({value}, {_literal(table, name, given)})"
    if operator == "in":
        parts = given.split(",")
        if len(parts) > MOST_VALUES:
            raise wrong(name, text, f"至多 {MOST_VALUES} 个值", f"at most {MOST_VALUES} values")
        return f"{value} IN ({', '.join(_literal(table, name, part) for part in parts)})"
    if operator not in ("eq", "ne") and not kind.is_ordered:
        raise wrong(name, text, kind.zh, kind.en)
    return f"{value} {_COMPARED[operator]} {_literal(table, name, given)}"
