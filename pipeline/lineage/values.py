"""What the walk through a plan knows of a value, a column and a table.

A value is *made of* the columns that it is computed from: arguments of functions, conditions of ``when``, partition and
order of windows, keys of groups. Which rows a table has says nothing about its values, so filters and the keys of joins
are left out, with four exceptions in which they decide the value:

* The first row of an order (the largest firm) is made of what orders the rows.
* A count of rows is made of what its rows were chosen by, and of the keys of its group.
* A constant in one branch of a union ("A" for the firms above a limit), or on a side of a join that may be missing, is
  made of what that part was chosen by.
* A value looked up in rules is made of the keys by which it is looked up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from schemas.errors import RejectedError

Sources = frozenset[str]
NOTHING: Sources = frozenset()


class LineageError(RejectedError):
    """A plan whose columns cannot be followed to their sources."""


@dataclass(frozen=True)
class Value:
    """A value: the input columns (``area.table.column``) that it is made of."""

    sources: Sources = NOTHING
    #: Fields of a struct, or of the structs in an array or map; None if it has none or they cannot be told apart.
    fields: Mapping[str, Value] | None = None
    #: The input column that it repeats unchanged.
    copied: str | None = None
    constant: Any = None
    #: For a place in an order, and for a maximum: what orders the rows. Who keeps the rows that have it chooses by it.
    ordered_by: Sources = NOTHING

    def and_of(self, more: Sources) -> Value:
        """The value made of these sources too, in each of its fields."""
        if more <= self.sources and self.fields is None:
            return self
        fields = {name: value.and_of(more) for name, value in self.fields.items()} if self.fields else None
        return Value(self.sources | more, fields, ordered_by=self.ordered_by)


def together(values: Iterable[Value]) -> Sources:
    """All that these values are made of."""
    return frozenset().union(*(value.sources for value in values))


def one_of(values: Iterable[Value]) -> Value:
    """One of these values, whichever: a struct keeps its fields apart."""
    given = list(values)
    fields: dict[str, Value] = {}
    for value in given:
        for name, inner in (value.fields or {}).items():
            fields[name] = one_of([fields[name], inner]) if name in fields else inner
    bare = together(value for value in given if value.fields is None)
    made = Value(together(given), fields or None)
    return made.and_of(bare) if fields else made


@dataclass(frozen=True)
class Named:
    """A column of a table on its way through the plan, with the names of tables that may stand before its own."""

    name: str
    value: Value
    qualifiers: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Frame:
    """A table on its way through the plan."""

    columns: tuple[Named, ...]
    #: Columns that decided which rows it has.
    chosen_by: Sources = NOTHING
    #: It has only rows that the code wrote down, as rules are.
    is_rules: bool = False
    #: Branches of a union, as examples of its rows.
    branches: tuple[tuple[Named, ...], ...] = field(default=(), compare=False)

    def with_values(self, more: Sources) -> Frame:
        """The table with every value made of these sources too."""
        return replace(self, columns=tuple(replace(c, value=c.value.and_of(more)) for c in self.columns))

    def with_figures(self, more: Sources) -> Frame:
        """The table with every value, but not its constants, made of these sources too."""
        made = (replace(c, value=c.value.and_of(more)) if c.value.sources else c for c in self.columns)
        return replace(self, columns=tuple(made))

    def find(self, identifier: str) -> Value:
        """The value that a name stands for: ``column``, ``table.column``, or either with fields behind it.

        Raises:
            LineageError: the table has no such column.
        """
        value = self.known(identifier)
        if value is None:
            raise LineageError(f"no column {identifier}; there are {', '.join(c.name for c in self.columns)}")
        return value

    def known(self, identifier: str) -> Value | None:
        parts = identifier.replace("`", "").split(".")
        if len(parts) > 1:
            of_table = [c for c in self.columns if parts[0] in c.qualifiers and c.name == parts[1]]
            if of_table:
                return _inner(one_of(c.value for c in of_table), parts[2:])
        named = [c.value for c in self.columns if c.name == parts[0]]
        if not named:
            return None
        return _inner(named[0] if len(named) == 1 else one_of(named), parts[1:])


def _inner(value: Value, path: Iterable[str]) -> Value:
    for name in path:
        value = field_of(value, name)
    return value


def field_of(value: Value, name: str) -> Value:
    """A field of a struct: its own sources if they can be told apart, else the whole struct's."""
    if value.fields is None:
        return Value(value.sources)
    if name not in value.fields:
        raise LineageError(f"no field {name}; there are {', '.join(value.fields)}")
    return value.fields[name]
