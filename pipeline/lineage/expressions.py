"""Expressions of a Connect plan: what a value is made of."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pipeline.lineage.values import NOTHING, Frame, LineageError, Sources, Value, field_of, one_of, together

#: Functions that pass on whole structs; each field stays what it was.
PASSING_ON = frozenset(
    {
        "array", "map", "element_at", "try_element_at", "get", "coalesce", "when", "explode", "explode_outer", "inline",
        "inline_outer", "collect_list", "collect_set", "first", "last", "any_value", "flatten",
    }
)  # fmt: skip
#: Functions of a window that give a row its place.
PLACES = frozenset({"row_number", "rank", "dense_rank"})
#: Aggregates that are one of the values: who keeps the rows that have it chooses by it.
EXTREMES = frozenset({"max", "min"})
GENERATORS = frozenset({"inline", "inline_outer"})


@dataclass(frozen=True)
class Scope:
    """Where names are looked up: a table, and variables of the enclosing lambda functions."""

    frame: Frame
    variables: Mapping[str, Value] = field(default_factory=dict)

    def with_variables(self, names: Iterable[str], value: Value) -> Scope:
        return Scope(self.frame, {**self.variables, **dict.fromkeys(names, value)})


def value_of(expression: Any, scope: Scope) -> Value:
    """What an expression is made of.

    Raises:
        LineageError: its kind is unknown, or a name is not found.
    """
    kind = expression.WhichOneof("expr_type")
    if kind not in KINDS:
        raise LineageError(f"expressions of the kind {kind} are not followed; add it to {__name__}")
    return KINDS[kind](getattr(expression, kind), scope)


def ordered_by(condition: Any, frame: Frame) -> Sources:
    """What orders the rows of which a condition keeps those of one place, as the first."""
    if condition.WhichOneof("expr_type") == "expression_string":
        names = re.findall(r"(\w+)\s*=\s*\d", condition.expression_string.expression)
    else:
        names = [*_set_to_a_constant(condition)]
    places = (value for name in names if (value := frame.known(name)) is not None)
    return NOTHING.union(*(value.ordered_by for value in places))


def _set_to_a_constant(condition: Any) -> Iterator[str]:
    for part in conjuncts(condition):
        call = part.unresolved_function
        if call.function_name == "==" and any(a.WhichOneof("expr_type") == "literal" for a in call.arguments):
            yield from attributes(part)


def conjuncts(condition: Any) -> Iterator[Any]:
    """The conditions that must all hold."""
    call = condition.unresolved_function
    if condition.WhichOneof("expr_type") == "unresolved_function" and call.function_name == "and":
        for argument in call.arguments:
            yield from conjuncts(argument)
    else:
        yield condition


def _literal(part: Any, scope: Scope) -> Value:
    return Value(constant=_constant(part))


def _attribute(part: Any, scope: Scope) -> Value:
    if part.HasField("plan_id"):
        raise LineageError(f"{part.unparsed_identifier} is taken from a DataFrame; name it by F.col")
    return scope.frame.find(part.unparsed_identifier)


def _variable(part: Any, scope: Scope) -> Value:
    return scope.variables[part.name_parts[0]]


def _aliased(part: Any, scope: Scope) -> Value:
    return value_of(part.expr, scope)


def _cast(part: Any, scope: Scope) -> Value:
    return replace(value_of(part.expr, scope), copied=None)


def _sql(part: Any, scope: Scope) -> Value:
    return Value(named_in(part.expression, scope.frame))


def _call(part: Any, scope: Scope) -> Value:
    return _function(part.function_name.lower(), part.arguments, scope)


def name_of(expression: Any) -> str:
    """The name of a column that an expression makes; empty if Spark makes one up."""
    kind = expression.WhichOneof("expr_type")
    part = getattr(expression, kind)
    match kind:
        case "alias":
            return str(part.name[0])
        case "unresolved_attribute":
            return str(part.unparsed_identifier.replace("`", "").split(".")[-1])
        case "cast":
            return name_of(part.expr)
        case "unresolved_extract_value":
            return str(_constant(part.extraction.literal) or "")
        case "unresolved_function" if part.function_name in ("explode", "explode_outer"):
            return "col"
    return ""


def attributes(message: Any) -> Iterable[str]:
    """Names of columns anywhere in an expression."""
    kind = message.WhichOneof("expr_type") if message.DESCRIPTOR.name == "Expression" else None
    if kind == "unresolved_attribute":
        yield message.unresolved_attribute.unparsed_identifier
        return
    for _, value in message.ListFields():
        for each in value if isinstance(value, Iterable) and not isinstance(value, str | bytes) else [value]:
            if hasattr(each, "ListFields"):
                yield from attributes(each)


def named_in(sql: str, frame: Frame) -> Sources:
    """Columns that a condition in SQL names: every word that is a column, so rather too many than too few."""
    text = re.sub(r"'(?:[^']|'')*'", "", sql)
    words = re.findall(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*", text)
    return together(value for word in words if (value := frame.known(word)))


def names_of_schema(schema: str) -> list[str]:
    """Column names of a schema, given as JSON or as ``name type, name type``.

    >>> names_of_schema("code string, amount decimal(18,6)")
    ['code', 'amount']
    """
    if schema.startswith("{"):
        return [field["name"] for field in json.loads(schema)["fields"]]
    return [part.split()[0] for part in re.split(r",(?![^(<]*[)>])", schema) if part.strip()]


def _function(name: str, arguments: Any, scope: Scope) -> Value:
    if name == "transform":
        return _transformed(arguments, scope)
    values = [_argument(argument, scope) for argument in arguments]
    if name in PASSING_ON:
        return one_of(values)
    fields: Mapping[str, Value] | None = None
    if name == "struct":
        fields = {name_of(a): v for a, v in zip(arguments, values, strict=True)}
    elif name == "named_struct":
        fields = {str(key.constant): value for key, value in zip(values[::2], values[1::2], strict=True)}
    elif name == "from_json":
        fields = _read(values[0], str(values[1].constant))
    sources = together(fields.values() if fields else values)
    if name == "count":
        sources = sources or scope.frame.chosen_by
    return Value(sources, fields, ordered_by=sources if name in EXTREMES else NOTHING)


def _argument(argument: Any, scope: Scope) -> Value:
    """An argument; a function given as one sees the elements of the array before it, which are not told apart."""
    kind = argument.WhichOneof("expr_type")
    if kind == "unresolved_star":
        return Value()
    if kind == "lambda_function":
        variables = [v.name_parts[0] for v in argument.lambda_function.arguments]
        inner = scope.with_variables(variables, Value())
        return value_of(argument.lambda_function.function, inner)
    return value_of(argument, scope)


def _transformed(arguments: Any, scope: Scope) -> Value:
    """What a function makes of each element: only the fields that it takes count."""
    array = value_of(arguments[0], scope)
    given = arguments[1].lambda_function
    element, *place = [v.name_parts[0] for v in given.arguments]
    inside = scope.with_variables(place, Value()).with_variables([element], array)
    made = value_of(given.function, inside)
    return made if made.sources else Value(array.sources)


def _read(text: Value, schema: str) -> dict[str, Value]:
    """Fields of a struct read from a text: those that the text is known to have; any other is the whole text."""
    known = text.fields or {}
    return {name: known.get(name, Value(text.sources)) for name in names_of_schema(schema)}


def _window(window: Any, scope: Scope) -> Value:
    inner = value_of(window.window_function, scope)
    around = together(
        value_of(each, scope)
        for each in (*window.partition_spec, *(order.child for order in window.order_spec))
    )
    order = together(value_of(each.child, scope) for each in window.order_spec)
    is_place = window.window_function.unresolved_function.function_name in PLACES
    return Value(inner.sources, inner.fields, ordered_by=order if is_place else NOTHING).and_of(around)


def _extracted(part: Any, scope: Scope) -> Value:
    child = value_of(part.child, scope)
    key = value_of(part.extraction, scope)
    if isinstance(key.constant, str) and child.fields is not None:
        return field_of(child, key.constant)
    return child.and_of(key.sources)


#: Kind of expression → what makes its value.
KINDS: Mapping[str, Callable[[Any, Scope], Value]] = {
    "literal": _literal,
    "unresolved_attribute": _attribute,
    "unresolved_named_lambda_variable": _variable,
    "alias": _aliased,
    "cast": _cast,
    "unresolved_function": _call,
    "call_function": _call,
    "window": _window,
    "unresolved_extract_value": _extracted,
    "expression_string": _sql,
}


def _constant(literal: Any) -> Any:
    kind = literal.WhichOneof("literal_type")
    return getattr(literal, kind) if kind in ("string", "integer", "long", "boolean") else None
