"""Relations of a Connect plan: the columns of a table, and what each is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from pipeline.lineage.expressions import GENERATORS, Scope, name_of, names_of_schema, ordered_by, value_of
from pipeline.lineage.joins import joined, told_apart
from pipeline.lineage.values import Frame, LineageError, Named, Value, one_of, together

#: Relations that change neither columns nor values.
PASSING = frozenset(
    {"sort", "limit", "offset", "sample", "repartition", "repartition_by_expression", "hint", "deduplicate"}
)


class Walk:
    """Walks plans and keeps what it found, since plans share parts.

    Args:
        inputs: number of a plan → the table that it stands for.
        stored: path of an intermediate result → its table.
    """

    def __init__(self, inputs: dict[int, Frame], stored: dict[str, Frame]) -> None:
        self.inputs = inputs
        self.stored = stored
        self._found: dict[int, Frame] = {}

    def frame(self, relation: Any) -> Frame:
        """The table that a relation makes.

        Raises:
            LineageError: a kind of relation or expression is unknown.
        """
        number = relation.common.plan_id
        if number in self.inputs:
            return self.inputs[number]
        if number not in self._found:
            self._found[number] = self._made(relation)
        return self._found[number]

    def _made(self, relation: Any) -> Frame:
        kind = relation.WhichOneof("rel_type")
        part = getattr(relation, kind)
        if kind in PASSING:
            return self.frame(part.input)
        if kind not in KINDS:
            raise LineageError(f"relations of the kind {kind} are not followed; add it to {__name__}")
        return KINDS[kind](self, part)

    # --- leaves

    def local_relation(self, part: Any) -> Frame:
        """A table written down in the code."""
        return Frame(tuple(Named(name, Value()) for name in names_of_schema(part.schema)), is_rules=True)

    def read(self, part: Any) -> Frame:
        paths = list(part.data_source.paths)
        if len(paths) != 1 or paths[0] not in self.stored:
            raise LineageError(f"the job reads {paths or part.named_table.unparsed_identifier} itself")
        return self.stored[paths[0]]

    def range(self, part: Any) -> Frame:
        return Frame((Named("id", Value()),), is_rules=True)

    # --- columns

    def project(self, part: Any) -> Frame:
        given = self.frame(part.input)
        return replace(given, columns=tuple(_selected(part.expressions, given)), branches=())

    def filter(self, part: Any) -> Frame:
        given = self.frame(part.input)
        condition = value_of(part.condition, Scope(given)).sources
        given = given.with_figures(ordered_by(part.condition, given))
        return replace(given, chosen_by=given.chosen_by | condition)

    def with_columns(self, part: Any) -> Frame:
        given = self.frame(part.input)
        made = {alias.name[0]: value_of(alias.expr, Scope(given)) for alias in part.aliases}
        kept = [Named(c.name, made.pop(c.name), c.qualifiers) if c.name in made else c for c in given.columns]
        added = [Named(name, value) for name, value in made.items()]
        return replace(given, columns=(*kept, *added), branches=())

    def with_columns_renamed(self, part: Any) -> Frame:
        given = self.frame(part.input)
        names = {r.col_name: r.new_col_name for r in part.renames} | dict(part.rename_columns_map)
        return replace(
            given, columns=tuple(replace(c, name=names.get(c.name, c.name)) for c in given.columns)
        )

    def to_df(self, part: Any) -> Frame:
        given = self.frame(part.input)
        return replace(
            given,
            columns=tuple(
                replace(c, name=name) for c, name in zip(given.columns, part.column_names, strict=True)
            ),
        )

    def drop(self, part: Any) -> Frame:
        given = self.frame(part.input)
        dropped = {*part.column_names, *(name_of(column) for column in part.columns)}
        return replace(given, columns=tuple(c for c in given.columns if c.name not in dropped), branches=())

    def subquery_alias(self, part: Any) -> Frame:
        given = self.frame(part.input)
        alias = frozenset({part.alias})
        return replace(given, columns=tuple(replace(c, qualifiers=alias) for c in given.columns))

    def aggregate(self, part: Any) -> Frame:
        if part.HasField("pivot") or part.grouping_sets:
            raise LineageError("pivots and grouping sets are not followed; group by columns")
        given = self.frame(part.input)
        groups = tuple(_selected(part.grouping_expressions, given))
        # a count says how many rows there are of the group's keys
        counted = replace(given, chosen_by=given.chosen_by | together(group.value for group in groups))
        values = tuple(_selected(part.aggregate_expressions, counted))
        return replace(given, columns=(*groups, *values), branches=())

    # --- several tables

    def join(self, part: Any) -> Frame:
        return joined(self.frame(part.left), self.frame(part.right), part)

    def set_op(self, part: Any) -> Frame:
        left, right = self.frame(part.left_input), self.frame(part.right_input)
        branches = (told_apart(left), told_apart(right))
        if part.by_name:
            names = dict.fromkeys(c.name for c in (*left.columns, *right.columns))
            columns = tuple(
                Named(name, one_of(v for branch in branches if (v := branch.known(name)) is not None))
                for name in names
            )
        else:
            columns = tuple(
                Named(a.name, one_of([a.value, b.value]))
                for a, b in zip(branches[0].columns, branches[1].columns, strict=True)
            )
        return Frame(
            columns,
            left.chosen_by | right.chosen_by,
            left.is_rules and right.is_rules,
            (*(left.branches or (left.columns,)), *(right.branches or (right.columns,))),
        )


#: Kind of relation → method that follows it.
KINDS: Mapping[str, Callable[[Walk, Any], Frame]] = {
    name: getattr(Walk, name)
    for name in (
        "local_relation", "read", "range", "project", "filter", "with_columns", "with_columns_renamed", "to_df", "drop",
        "subquery_alias", "aggregate", "join", "set_op",
    )
}  # fmt: skip


def _selected(expressions: Iterable[Any], given: Frame) -> Iterator[Named]:
    """The columns that expressions make: one each, or several for a star and a generator."""
    for expression in expressions:
        kind = expression.WhichOneof("expr_type")
        if kind == "unresolved_star":
            yield from _star(expression.unresolved_star.unparsed_target.removesuffix(".*"), given)
            continue
        value = value_of(expression, Scope(given))
        names = list(expression.alias.name) if kind == "alias" else [name_of(expression)]
        call = expression.alias.expr if kind == "alias" else expression
        if call.unresolved_function.function_name in GENERATORS:
            fields = _fields(value, call.unresolved_function.function_name)
            shown = names if len(names) == len(fields) and all(names) else fields
            yield from (Named(name, field) for name, field in zip(shown, fields.values(), strict=True))
        elif kind == "unresolved_attribute":
            *qualifiers, name = expression.unresolved_attribute.unparsed_identifier.split(".")
            yield Named(name, value, frozenset(qualifiers))
        else:
            yield from (Named(name, value) for name in names)


def _star(target: str, given: Frame) -> Iterator[Named]:
    """All columns, those of one table, or the fields of a struct."""
    of_table = [c for c in given.columns if not target or target in c.qualifiers]
    if of_table:
        yield from of_table
    else:
        yield from (Named(name, value) for name, value in _fields(given.find(target), f"{target}.*").items())


def _fields(value: Value, what: str) -> Mapping[str, Value]:
    if value.fields is None:
        raise LineageError(f"{what}: the fields of the struct are not known")
    return value.fields
