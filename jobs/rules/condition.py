"""Conditions of rules 规则条件: one small language over the columns of a table, compiled only to Spark columns.

A rule is a condition, or ``all`` / ``any`` of conditions and further rules. A condition has a field, an operator and an
operand: a value (for ``in`` a list), or another field (``than``) times a ``factor`` (1 if left out).

- ``ge gt le lt eq``: numbers;
- ``is``, ``is_not``: texts, codes, truth values; ``in``: one of a list;
- ``contains``: a list of codes has the value;
- ``known``, ``unknown``: the field has a value, or none.

Missing is neither true nor false: a condition on a missing figure is unknown. Only ``known`` and ``unknown`` test for
absence. Every name and code is checked when the rule is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import reduce
from typing import TYPE_CHECKING, Any, Literal

from schemas.contract import Contract, code_list

if TYPE_CHECKING:
    from pyspark.sql import Column

NUMBERS = ("eq", "ge", "gt", "le", "lt")
TEXTS = ("is", "is_not", "in")
ABSENCE = ("known", "unknown")
OPERATORS = (*NUMBERS, *TEXTS, *ABSENCE, "contains")

#: Three-valued, as in SQL: null where the result is unknown.
_COMPARE: Mapping[str, Callable[[Any, Any], Any]] = {
    "eq": lambda a, b: a == b,
    "ge": lambda a, b: a >= b,
    "gt": lambda a, b: a > b,
    "le": lambda a, b: a <= b,
    "lt": lambda a, b: a < b,
    "is": lambda a, b: a == b,
    "is_not": lambda a, b: a != b,
}


@dataclass(frozen=True)
class Than:
    """Another field times a factor."""

    field: str
    factor: Decimal


@dataclass(frozen=True)
class Condition:
    """One field compared with an operand."""

    field: str
    op: str
    operand: Any


@dataclass(frozen=True)
class Several:
    """All of the parts, or any of them."""

    how: Literal["all", "any"]
    parts: tuple[Condition | Several, ...]


Node = Condition | Several


def conditions(node: Node) -> Iterator[Condition]:
    """Every condition of a rule."""
    if isinstance(node, Condition):
        yield node
    else:
        for part in node.parts:
            yield from conditions(part)


# --- reading -----------------------------------------------------------------------------------------------


def parse_node(raw: Any, table: Contract) -> Node:
    """A rule over the columns of a table, from its mapping.

    Raises:
        ValueError: it is not well formed; the message names field and fault.
    """
    if not isinstance(raw, Mapping):
        raise ValueError(f"a condition is a mapping, not {raw!r}")
    for how in ("all", "any"):
        if how in raw:
            parts = raw[how]
            if len(raw) != 1 or not isinstance(parts, list) or not parts:
                raise ValueError(f"{how} stands alone and has a list of conditions")
            return Several(how, tuple(parse_node(part, table) for part in parts))
    ops = [key for key in raw if key != "field"]
    if not isinstance(raw.get("field"), str) or len(ops) != 1:
        raise ValueError(f"a condition has a field and one operator, not {sorted(map(str, raw))}")
    if ops[0] not in OPERATORS:
        raise ValueError(f"unknown operator {ops[0]}; there are {', '.join(OPERATORS)}")
    return _condition(table, raw["field"], ops[0], raw[ops[0]])


def check_field(name: str, table: Contract) -> str:
    """The type of a table's column.

    Raises:
        ValueError: the table has no such column.
    """
    try:
        return next(c.type for c in table.columns if c.name == name)
    except StopIteration:
        raise ValueError(f"unknown field {name}; {table.name} does not have it") from None


def is_number(kind: str) -> bool:
    return kind.startswith("decimal") or kind in ("int", "bigint")


def _condition(table: Contract, field: str, op: str, raw: Any) -> Condition:
    kind = check_field(field, table)
    if op in ABSENCE:
        if raw is not True:
            raise ValueError(f"{field}: {op} takes true and nothing else")
        return Condition(field, op, None)
    if op in NUMBERS:
        if not is_number(kind):
            raise ValueError(f"{field}: {op} compares numbers, the field is {kind}")
        return Condition(field, op, _number(table, field, raw))
    if op == "contains":
        lists = {c.name: c.domain.codes for c in table.columns if c.type == "array<string>"}
        if not (codes := lists.get(field)):
            raise ValueError(f"{field}: contains is for {', '.join(name for name, c in lists.items() if c)}")
        return Condition(field, op, _code(field, codes, raw))
    if kind not in ("string", "boolean"):
        raise ValueError(f"{field}: {op} is for texts and truth values, the field is {kind}")
    if op == "in":
        if not isinstance(raw, list) or not raw:
            raise ValueError(f"{field}: in takes a list")
        return Condition(field, op, tuple(_value(table, field, kind, value) for value in raw))
    return Condition(field, op, _value(table, field, kind, raw))


def _number(table: Contract, field: str, raw: Any) -> Decimal | Than:
    if isinstance(raw, Mapping):
        if "than" not in raw or set(raw) - {"than", "factor"}:
            raise ValueError(f"{field}: another field is given as {{than: field, factor: number}}")
        if not is_number(check_field(raw["than"], table)):
            raise ValueError(f"{field}: {raw['than']} is no number")
        return Than(raw["than"], _plain(field, raw.get("factor", 1)))
    return _plain(field, raw)


def _plain(field: str, raw: Any) -> Decimal:
    if isinstance(raw, bool) or not isinstance(raw, int | Decimal):
        raise ValueError(f"{field}: {raw!r} is no number")
    return Decimal(raw)


def _value(table: Contract, field: str, kind: str, raw: Any) -> Any:
    if kind == "boolean":
        if not isinstance(raw, bool):
            raise ValueError(f"{field}: {raw!r} is neither true nor false")
        return raw
    codes = table.column(field).domain.codes
    return _code(field, codes, raw) if codes else str(raw)


def _code(field: str, codes: str, raw: Any) -> str:
    if str(raw) not in code_list(codes):
        raise ValueError(f"{field}: unknown code {raw}; see schemas/codes/{codes}.csv")
    return str(raw)


# --- compiling ---------------------------------------------------------------------------------------------


def compiled(node: Node) -> Column:
    """The rule as a truth value; null where it is unknown."""
    if isinstance(node, Several):
        parts = [compiled(part) for part in node.parts]
        return reduce((lambda a, b: a & b) if node.how == "all" else (lambda a, b: a | b), parts)
    return _compiled(node)


def _compiled(condition: Condition) -> Column:
    from pyspark.sql import functions as F

    field, operand = F.col(condition.field), condition.operand
    if condition.op == "known":
        return field.isNotNull()
    if condition.op == "unknown":
        return field.isNull()
    if condition.op == "contains":
        return F.array_contains(field, operand)
    if condition.op == "in":
        return field.isin(*operand)
    if isinstance(operand, Than):
        other = F.col(operand.field)
        return _COMPARE[condition.op](field, other if operand.factor == 1 else other * F.lit(operand.factor))  # type: ignore[no-any-return]
    return _COMPARE[condition.op](field, F.lit(operand))  # type: ignore[no-any-return]
