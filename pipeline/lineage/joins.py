"""Joins: which side's columns decide about the other's values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from pipeline.lineage.expressions import attributes, conjuncts, named_in
from pipeline.lineage.values import NOTHING, Frame, Named, Sources, Value, one_of, together

#: The value of a name on the left and on the right side; None where the side does not have it.
Pair = tuple[Value | None, Value | None]


def joined(left: Frame, right: Frame, part: Any) -> Frame:
    """The table that a join makes."""
    kinds = part.DESCRIPTOR.fields_by_name["join_type"].enum_type.values_by_number
    kind = kinds[part.join_type].name.removeprefix("JOIN_TYPE_").lower()
    chosen_by = {"left_outer": left.chosen_by, "right_outer": right.chosen_by}.get(
        kind, left.chosen_by | right.chosen_by
    )
    if kind in ("left_semi", "inner"):
        left = left.with_figures(_order(left, right, part))
    if kind in ("left_semi", "left_anti"):
        return replace(left, chosen_by=chosen_by, branches=())
    keys = [_key(name, left, right, kind) for name in part.using_columns]
    if kind != "cross":
        left, right = _looked_up(left, right, part, kind)
    others = [c for c in (*left.columns, *right.columns) if c.name not in part.using_columns]
    return Frame((*keys, *others), chosen_by, left.is_rules and right.is_rules)


def _order(left: Frame, right: Frame, part: Any) -> Sources:
    """What orders the rows of which a join keeps those with the greatest value, as a maximum on its right side."""
    equal, _ = _compared(left, right, part)
    return NOTHING.union(*(value.ordered_by for _, value in equal if value is not None))


def _key(name: str, left: Frame, right: Frame, kind: str) -> Named:
    """A column by which both sides are joined; it comes from the side of which all rows stay."""
    qualifiers = [c.qualifiers for c in (*left.columns, *right.columns) if c.name == name]
    sides = {"full_outer": (left, right), "right_outer": (right,)}.get(kind, (left,))
    return Named(name, one_of(side.find(name) for side in sides), frozenset().union(*qualifiers))


def _looked_up(left: Frame, right: Frame, part: Any, kind: str) -> tuple[Frame, Frame]:
    """Both sides of a join, each made also of the other's columns that chose among its rows.

    Equal keys name a row and say nothing about its values, except in rules: there they choose the value. Any other
    condition (a limit, a span of days) chooses. A side of which all rows stay is not chosen from.
    """
    equal, limits = _compared(left, right, part)
    of_left, of_right = _all(limits, 0), _all(limits, 1)
    if right.is_rules and not left.is_rules:
        of_left |= _all(equal, 0)
    if left.is_rules and not right.is_rules:
        of_right |= _all(equal, 1)
    if kind != "left_outer":
        left = left.with_values(of_right)
    if kind != "right_outer":
        right = right.with_values(of_left)
    if kind in ("right_outer", "full_outer"):
        left = told_apart(left, _all(equal, 0))
    if kind in ("left_outer", "full_outer"):
        right = told_apart(right, _all(equal, 1))
    return left, right


def _compared(left: Frame, right: Frame, part: Any) -> tuple[list[Pair], list[Pair]]:
    """Names that a join sets equal, and those of its other conditions."""
    equal: list[Pair] = [(left.find(name), right.find(name)) for name in part.using_columns]
    limits: list[Pair] = []
    if part.HasField("join_condition"):
        for condition in conjuncts(part.join_condition):
            if condition.WhichOneof("expr_type") == "expression_string":
                sql = condition.expression_string.expression
                limits.append((Value(named_in(sql, left)), Value(named_in(sql, right))))
                continue
            names = [(left.known(n), right.known(n)) for n in attributes(condition)]
            is_equal = condition.unresolved_function.function_name in ("==", "<=>")
            (equal if is_equal else limits).extend(names)
    return equal, limits


def _all(pairs: Iterable[Pair], side: int) -> Sources:
    return together(value for pair in pairs if (value := pair[side]) is not None)


def told_apart(part: Frame, keys: Sources = NOTHING) -> Frame:
    """A branch of a union, or a side of a join that may be missing: its constants tell which rows it has."""
    if part.is_rules:
        return part
    which = part.chosen_by | keys
    columns = (c if c.value.sources else replace(c, value=c.value.and_of(which)) for c in part.columns)
    return replace(part, columns=tuple(columns))
