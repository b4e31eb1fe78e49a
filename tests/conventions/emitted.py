"""Codes that a job puts into a column, by static analysis: literals that reach the column's expressions.

``F.lit("x")``, ``F.when(…, "x")``, ``.otherwise("x")``, names of ``flags(x=…)`` and second items of pairs are codes, as
are the keys of a dictionary and the items of a constant that a loop passes to them. A literal that ends with a colon is
a prefix of codes. Conditions emit nothing. The analysis follows columns within the module, and functions into other
modules of ``jobs``; columns of other tables are left to those tables.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from warehouse.settings import CHECKOUT

#: Calls whose result is not an argument: a test, a part or a position of it.
_OTHERS = {
    "isin", "where", "array_contains", "arrays_overlap", "array_position", "rlike", "isNull", "isNotNull", "size",
    "left", "substring", "md5", "get_args",
}  # fmt: skip


@dataclass
class Source:
    """A module of jobs: its functions, constants, imports, and the expressions of its columns."""

    path: Path
    functions: dict[str, ast.FunctionDef] = field(default_factory=dict)
    constants: dict[str, ast.expr] = field(default_factory=dict)
    imports: dict[str, str] = field(default_factory=dict)
    calls: list[ast.Call] = field(default_factory=list)
    #: Column → expressions, each with its enclosing function.
    columns: dict[str, list[tuple[ast.expr, ast.FunctionDef | None]]] = field(default_factory=dict)


@cache
def source(name: str) -> Source:
    path = CHECKOUT / f"{name.replace('.', '/')}.py"
    found = Source(path)
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            found.functions[node.name] = node
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found.constants |= {t.id: node.value for t in targets if isinstance(t, ast.Name)}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("jobs."):
            found.imports |= {alias.asname or alias.name: str(node.module) for alias in node.names}
    found.calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    for function in (None, *found.functions.values()):
        body = (
            function
            if function
            else ast.Module([n for n in tree.body if not isinstance(n, ast.FunctionDef)], [])
        )
        for column, made in _made(body):
            found.columns.setdefault(column, []).append((made, function))
    return found


def _made(tree: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Columns with their expressions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    yield key.value, value
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            match node.func.attr, node.args:
                case "withColumn", [ast.Constant(value=str(name)), made]:
                    yield name, made
                case "alias", [ast.Constant(value=str(name))]:
                    yield name, node.func.value


def emitted(module: str, column: str) -> set[str]:
    """Codes that the module puts into the column, and prefixes of codes, which end with a colon.

    Steps of the area that the module applies may make the column, or change it.
    """
    at = source(module)
    steps = {name for name in at.imports.values() if ".steps." in name}
    return _Reading().column(at, column).union(*(_Reading().column(source(name), column) for name in steps))


class _Reading:
    def __init__(self) -> None:
        self._seen: set[tuple[Path, str]] = set()

    def column(self, at: Source, name: str) -> set[str]:
        if (at.path, name) in self._seen:
            return set()
        self._seen.add((at.path, name))
        made = at.columns.get(name, [])
        return set().union(*(self.of(expression, at, function) for expression, function in made))

    def of(self, node: ast.AST | None, at: Source, within: ast.FunctionDef | None) -> set[str]:
        """Codes that an expression can have; a bare string names a column."""
        found: set[str] = set()
        match node:
            case ast.Constant(value=str(name)):
                found = self.column(at, name.rpartition(".")[2])
            case ast.Call():
                found = self._call(node, at, within)
            case ast.Name(id=name):
                found = self._name(name, at, within)
            case ast.IfExp(body=one, orelse=other):
                found = self.of(one, at, within) | self.of(other, at, within)
            case ast.Lambda(body=body):
                found = self.of(body, at, within)
            case ast.Starred(value=value) | ast.Attribute(value=value) | ast.Subscript(value=value):
                found = self.of(value, at, within)
            case ast.GeneratorExp(elt=item) | ast.ListComp(elt=item):
                found = self.of(item, at, within)
            case ast.Tuple(elts=items) | ast.List(elts=items):
                found = set().union(*(self._item(item, at, within) for item in items))
        return found

    def _item(self, node: ast.expr, at: Source, within: ast.FunctionDef | None) -> set[str]:
        """Codes of an argument in which a string is a code."""
        if isinstance(node, ast.Constant):
            return {node.value} if isinstance(node.value, str) else set()
        if isinstance(node, ast.JoinedStr):
            first = node.values[0]
            return {str(first.value)} if isinstance(first, ast.Constant) else set()
        if isinstance(node, ast.Name | ast.IfExp):
            return self._texts(node, at, within) | self.of(node, at, within)
        return self.of(node, at, within)

    def _call(self, node: ast.Call, at: Source, within: ast.FunctionDef | None) -> set[str]:
        on = node.func.value if isinstance(node.func, ast.Attribute) else None
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        before = self.of(on, at, within) if isinstance(on, ast.Call | ast.Name) else set()
        arguments = node.args
        match name:
            case "lit" | "otherwise":
                found = before | self._item(arguments[0], at, within)
            case "when":
                found = before | self._item(arguments[1], at, within)
            case "flags":
                found = {str(keyword.arg) for keyword in node.keywords}
            case "map":
                found = set().union(*(self._texts(a, at, within) for a in arguments[1:]))
            case "transform" if isinstance(arguments[-1], ast.Lambda):
                found = self.of(arguments[-1], at, within)
            case "concat" if _is_beginning(arguments[0], within):
                found = self.of(arguments[0], at, within)
            case _ if name in _OTHERS:
                found = set()
            case _:
                given = before.union(*(self.of(a, at, within) for a in arguments))
                found = given | self._function(name, at)
        return found

    def _function(self, name: str, at: Source) -> set[str]:
        """Codes that a function of jobs returns."""
        where = source(at.imports[name]) if name in at.imports else at
        function = where.functions.get(name)
        if function is None or (where.path, f"{name}()") in self._seen:
            return set()
        self._seen.add((where.path, f"{name}()"))
        returns = (n for n in ast.walk(function) if isinstance(n, ast.Return))
        return set().union(*(self.of(r.value, where, function) for r in returns))

    def _name(self, name: str, at: Source, within: ast.FunctionDef | None) -> set[str]:
        found: set[str] = set()
        for value in (*_values(name, within), *_arguments(name, within, at)):
            if (at.path, f"{id(value)}") not in self._seen:
                self._seen.add((at.path, f"{id(value)}"))
                found |= self.of(value, at, within)
        return found

    def _texts(self, node: ast.AST | None, at: Source, within: ast.FunctionDef | None) -> set[str]:
        """Strings that a loop over the expression yields: items or keys, also of constants."""
        found: set[str] = set()
        match node:
            case ast.Constant(value=str(text)):
                found = {text}
            case ast.Name(id=name):
                values = [*_loops(name, within), *_values(name, within), *_arguments(name, within, at)]
                values += [at.constants[name]] if name in at.constants and not values else []
                if name in at.imports and not values:
                    other = source(at.imports[name])
                    found = self._texts(other.constants.get(name), other, None)
                found = found.union(*(self._texts(v, at, within) for v in values))
            case ast.Tuple(elts=items) | ast.List(elts=items) | ast.Set(elts=items):
                found = set().union(*(self._texts(i, at, within) for i in items))
            case ast.Starred(value=value):
                found = self._texts(value, at, within)
            case ast.Dict(keys=keys, values=values):
                pairs = zip(keys, values, strict=True)
                found = set().union(*(self._texts(k if k else v, at, within) for k, v in pairs))
            case ast.IfExp(body=one, orelse=other):
                found = self._texts(one, at, within) | self._texts(other, at, within)
            case ast.Call(func=ast.Attribute(value=value, attr="items" | "keys")):
                found = self._texts(value, at, within)
            case ast.Call(func=ast.Name(id="sorted" | "list" | "set"), args=[value, *_]):
                found = self._texts(value, at, within)
        return found


def _values(name: str, within: ast.FunctionDef | None) -> list[ast.expr]:
    """Expressions that a function assigns to a name."""
    found: list[ast.expr] = []
    for node in ast.walk(within) if within else ():
        if isinstance(node, ast.Assign):
            for target in node.targets:
                names = [
                    getattr(t, "id", "") for t in (target.elts if isinstance(target, ast.Tuple) else [target])
                ]
                if name not in names:
                    continue
                is_pairwise = isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple)
                found.append(node.value.elts[names.index(name)] if is_pairwise else node.value)  # type: ignore[attr-defined]
    return found


def _arguments(name: str, within: ast.FunctionDef | None, at: Source) -> list[ast.expr]:
    """Arguments of a function's parameter in the module's calls."""
    names = [a.arg for a in within.args.args] if within else []
    if within is None or name not in names:
        return []
    place = names.index(name)
    calls = [c for c in at.calls if getattr(c.func, "id", "") == within.name]
    return [
        *(c.args[place] for c in calls if len(c.args) > place and not isinstance(c.args[place], ast.Starred)),
        *(k.value for c in calls for k in c.keywords if k.arg == name),
    ]


def _is_beginning(node: ast.expr, within: ast.FunctionDef | None) -> bool:
    """Whether a concatenation begins with a string that ends with a colon: the rest is then not a code."""
    if isinstance(node, ast.Name):
        return any(_is_beginning(value, within) for value in _values(node.id, within))
    last = node.args[-1] if isinstance(node, ast.Call) and node.args else None
    return isinstance(last, ast.Constant) and str(last.value).endswith(":")


def _loops(name: str, within: ast.FunctionDef | None) -> list[ast.expr]:
    """Iterables of a function's loops whose variable is the name."""
    nodes = ast.walk(within) if within else ()
    return [
        node.iter
        for node in nodes
        if isinstance(node, ast.For | ast.comprehension)
        and name in {getattr(t, "id", "") for t in ast.walk(node.target)}
    ]
