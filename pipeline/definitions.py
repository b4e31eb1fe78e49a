"""Definitions in our modules: the syntax of each and what it refers to, read from the source.

Names are resolved as Python would: through the scopes of functions and comprehensions, the module's own definitions,
and the imports of both. One class writes the syntax down and resolves names on the way, because both follow scopes;
it is long because a name can occur in many forms.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import importlib.util
from collections.abc import Callable, Iterable, Iterator, Set
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from schemas.contract import code_list, contract, digest, units

#: Packages whose definitions are followed.
OURS = ("jobs", "schemas", "pipeline")
#: The module whose accessors are data: they are hashed by what they return.
DATA = "schemas.contract"
#: Decorators of methods that only validate a rule file.
VALIDATORS = ("pydantic.field_validator", "pydantic.model_validator")
#: Calls that read an attribute by its name.
BY_NAME = ("getattr", "hasattr", "operator.attrgetter", "operator.methodcaller")
PLAIN = (str, bytes, int, float, complex, Decimal, date, time, timedelta, type(None))
#: Fields of syntax nodes that do not change what the code does.
IDLE = frozenset({"ctx", "kind", "type_comment", "type_params"})

Function = ast.FunctionDef | ast.AsyncFunctionDef
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


class Key(NamedTuple):
    """A definition: its module and its name there, for a method ``Class.method``."""

    module: str
    name: str


class Read(NamedTuple):
    """Data that code reads: an accessor of ``schemas.contract`` and its argument."""

    accessor: str
    name: str

    def hash(self, words: Set[str]) -> str:
        """Hash of what code with these string literals can read: of a code list, the columns that they name."""
        return _READ[self.accessor](self.name, words)


_READ: dict[str, Callable[[str, Set[str]], str]] = {
    "code_list": lambda name, words: digest(
        [[code, {k: v for k, v in row.items() if k in words}] for code, row in code_list(name).items()]
    ),
    "contract": lambda name, _: contract(name).hash(),
    "units": lambda *_: digest(units()),
}


@dataclass
class Definition:
    """The syntax of a definition, and what it refers to."""

    #: Its syntax; a key replaces each name of another definition.
    text: list[str | Key] = field(default_factory=list)
    keys: set[Key] = field(default_factory=set)
    #: Names that it reads as attributes.
    attributes: set[str] = field(default_factory=set)
    #: Its string literals; code names the columns of a code list by such.
    words: set[str] = field(default_factory=set)
    reads: set[Read] = field(default_factory=set)
    #: Why a dependency cannot be resolved.
    faults: list[str] = field(default_factory=list)
    #: Methods, if it is a class.
    methods: dict[str, Key] = field(default_factory=dict)


# --- constants -------------------------------------------------------------------------------------------


def value_of(key: Key) -> Any:
    """The value of a constant; ``object`` if the name exists for type checkers only."""
    return getattr(importlib.import_module(key.module), key.name, object)


@cache
def is_value(key: Key) -> bool:
    """Whether a definition is a constant of plain data."""
    statements = parsed(key.module).names.get(key.name, [])
    if not statements or any(isinstance(s, Function | ast.ClassDef) for s in statements):
        return False
    return _is_plain(value_of(key))


def words_of(value: Any) -> Iterator[str]:
    """Every string in plain data."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (word for pair in value.items() for part in pair for word in words_of(part))
    elif isinstance(value, list | tuple | set | frozenset):
        yield from (word for part in value for word in words_of(part))


def _is_plain(value: Any) -> bool:
    if type(value) is dict:
        return all(_is_plain(k) and _is_plain(v) for k, v in value.items())
    if type(value) in (list, tuple, set, frozenset):
        return all(map(_is_plain, value))
    return isinstance(value, PLAIN)


# --- modules ---------------------------------------------------------------------------------------------


class Import(NamedTuple):
    """What an imported name stands for: a module, or a name in one."""

    module: str
    name: str | None = None


@dataclass
class Module:
    """A module's top level."""

    path: Path
    #: Name → the statements that define or change it.
    names: dict[str, list[ast.stmt]] = field(default_factory=dict)
    imports: dict[str, Import] = field(default_factory=dict)


@cache
def parsed(name: str) -> Module:
    """One of our modules, parsed once."""
    path = _source(name)
    assert path is not None, name
    module = Module(path)
    effects: list[ast.stmt] = []
    _collect(ast.parse(path.read_text(encoding="utf-8")).body, name, module, effects)
    for statement in effects:
        # a call or loop at the top level may change whatever it names
        for mentioned in {n.id for n in ast.walk(statement) if isinstance(n, ast.Name)} & set(module.names):
            module.names[mentioned].append(statement)
    return module


def _collect(body: Iterable[ast.stmt], name: str, module: Module, effects: list[ast.stmt]) -> None:
    for statement in body:
        match statement:
            case ast.Import() | ast.ImportFrom():
                module.imports |= _imported(statement, name)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                module.names.setdefault(statement.name, []).append(statement)
            case ast.Assign() | ast.AnnAssign() if names := _targets(statement):
                for target in names:
                    module.names.setdefault(target, []).append(statement)
            case ast.If() | ast.Try() | ast.With():
                for part in (statement, *getattr(statement, "handlers", [])):
                    for inner in ("body", "orelse", "finalbody"):
                        _collect(getattr(part, inner, []), name, module, effects)
            case ast.Expr(value=ast.Constant()):
                pass
            case _:
                effects.append(statement)


def _targets(statement: ast.Assign | ast.AnnAssign) -> list[str]:
    """Names that are assigned to; none if any target is not a plain name."""
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    flat = [t for one in targets for t in (one.elts if isinstance(one, ast.Tuple | ast.List) else [one])]
    return (
        [t.id for t in flat if isinstance(t, ast.Name)] if all(isinstance(t, ast.Name) for t in flat) else []
    )


def _imported(statement: ast.Import | ast.ImportFrom, module: str) -> dict[str, Import]:
    if isinstance(statement, ast.Import):
        # "import a.b" makes the name "a"
        return {
            a.asname or a.name.split(".")[0]: Import(a.name if a.asname else a.name.split(".")[0])
            for a in statement.names
        }
    source = statement.module or ""
    if statement.level:
        package = module if _is_package(module) else module.rpartition(".")[0]
        source = importlib.util.resolve_name("." * statement.level + source, package)
    return {a.asname or a.name: Import(source, a.name) for a in statement.names}


def _is_package(module: str) -> bool:
    path = _source(module)
    return path is not None and path.name == "__init__.py"


@cache
def _source(name: str) -> Path | None:
    """The file of one of our modules; None if there is no such module."""
    try:
        spec = importlib.util.find_spec(name)
    except ModuleNotFoundError:
        return None
    return Path(spec.origin) if spec and spec.origin and spec.origin.endswith(".py") else None


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] in OURS


class Foreign(NamedTuple):
    """A library's module or object, by its full name."""

    name: str


def _target_of(imported: Import) -> Key | Import | Foreign | None:
    """What an import gives: a definition, one of our modules, or a library's object; None if there is no such name."""
    module, name = imported
    if not _is_ours(module):
        return Foreign(f"{module}.{name}" if name else module)
    if name is None:
        return imported if _source(module) else None
    if _source(module) is None:
        return None
    source = parsed(module)
    if name in source.names:
        return Key(module, name)
    if name in source.imports:
        return _target_of(source.imports[name])
    return Import(f"{module}.{name}") if _source(f"{module}.{name}") else None


# --- definitions -----------------------------------------------------------------------------------------


@cache
def definition(key: Key) -> Definition:
    """A definition, read from the syntax of its module."""
    owner, _, method = key.name.partition(".")
    statements = parsed(key.module).names.get(owner)
    if not statements or "<" in key.name:
        return Definition(
            faults=[f"{key.module}: {key.name} is not defined at module level; define it there"]
        )
    reader = _Reader(key.module)
    for statement in statements:
        if method and isinstance(statement, ast.ClassDef):
            reader.read_method(statement, method)
        elif isinstance(statement, ast.ClassDef):
            reader.read_class(statement, key)
        else:
            reader.read_top(statement)
    return reader.made


class _Reader:
    """Writes the syntax of a definition down and resolves its names as Python would."""

    def __init__(self, module: str) -> None:
        self.module = module
        self.made = Definition()
        #: Local names of the enclosing functions, the innermost last: name → its import, or None.
        self.scopes: list[dict[str, Import | None]] = []
        #: Names that enclosing class bodies bind; looked up last.
        self.of_classes: list[set[str]] = []
        self.is_silent = False

    # --- statements

    def read_top(self, statement: ast.stmt) -> None:
        if isinstance(statement, ast.AnnAssign):
            self.silently(statement.annotation)
            self.write(statement.target)
            self.write(statement.value)
        else:
            self.visit(statement)

    def read_class(self, node: ast.ClassDef, key: Key) -> None:
        """Write a class without its methods, which are separate definitions."""
        self.say(f"(class {node.name} ")
        for part in (node.decorator_list, node.bases, node.keywords):
            self.write(part)
        self.of_classes.append(set(_bound(node.body)))
        for statement in _without_docstring(node.body):
            if not isinstance(statement, Function):
                self.visit(statement)
            elif not any(self.name_of(d) in VALIDATORS for d in statement.decorator_list):
                self.made.methods[statement.name] = Key(key.module, f"{key.name}.{statement.name}")
        self.of_classes.pop()
        self.say(")")

    def read_method(self, node: ast.ClassDef, name: str) -> None:
        self.say(f"(of {node.name} ")
        self.of_classes.append(set(_bound(node.body)))
        for statement in node.body:
            if isinstance(statement, Function) and statement.name == name:
                self.visit(statement)
        self.of_classes.pop()
        self.say(")")

    # --- syntax as text

    def say(self, text: str | Key) -> None:
        if not self.is_silent:
            self.made.text.append(text)
        if isinstance(text, Key):
            self.made.keys.add(text)

    def write(self, value: Any) -> None:
        if isinstance(value, ast.AST):
            self.visit(value)
        elif isinstance(value, list):
            self.say("[")
            for each in value:
                self.write(each)
            self.say("]")
        else:
            self.say(f"{value!r} ")

    def silently(self, node: ast.expr | None) -> None:
        """Follow an annotation without writing it: it leads to classes but computes no row."""
        if node is None:
            return
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node = ast.parse(node.value, mode="eval").body
        before, self.is_silent = self.is_silent, True
        self.visit(node)
        self.is_silent = before

    def visit(self, node: ast.AST) -> None:
        match node:
            case ast.Name() | ast.Attribute() if self.reference(node):
                pass
            case ast.Attribute():
                self.see(node.attr)
                self.generic(node)
            case ast.Constant(value=str(text)):
                self.made.words.add(text)
                self.generic(node)
            case ast.Call():
                self.call(node)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                self.function(node)
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                self.comprehension(node)
            case ast.ClassDef():
                self.of_classes.append(set(_bound(node.body)))
                self.generic(node)
                self.of_classes.pop()
            case ast.AnnAssign() if self.scopes:
                self.silently(node.annotation)
                if node.value is not None:
                    self.write([node.target, node.value])
            case ast.Import() | ast.ImportFrom():
                pass
            case _:
                self.generic(node)

    def generic(self, node: ast.AST) -> None:
        self.say(f"({type(node).__name__} ")
        for name in node._fields:
            value = getattr(node, name, None)
            # empty fields are left out, because newer Pythons have more fields
            if name not in IDLE and value is not None and value != []:
                self.say(f"{name}=")
                self.write(value)
        self.say(")")

    def function(self, node: Function | ast.Lambda) -> None:
        given = node.args
        every = [*given.posonlyargs, *given.args, *given.kwonlyargs]
        every += [a for a in (given.vararg, given.kwarg) if a]
        for arg in every:
            self.silently(arg.annotation)
        body: list[ast.AST]
        if isinstance(node, ast.Lambda):
            self.say("(function ")
            body = [node.body]
        else:
            self.silently(node.returns)
            self.say(f"(function {node.name} ")
            self.write(node.decorator_list)
            body = [*_without_docstring(node.body)]
        for kind in (given.posonlyargs, given.args, given.kwonlyargs):
            self.say(" ".join(a.arg for a in kind) + "|")
        self.say(f"*{given.vararg.arg if given.vararg else ''}|**{given.kwarg.arg if given.kwarg else ''} ")
        self.write([given.defaults, given.kw_defaults])
        self.scopes.append({**self.local(body), **dict.fromkeys(a.arg for a in every)})
        self.write(body)
        self.scopes.pop()
        self.say(")")

    def local(self, body: Iterable[ast.AST]) -> dict[str, Import | None]:
        return {
            name: _imported(by, self.module)[name] if isinstance(by, ast.Import | ast.ImportFrom) else None
            for name, by in _bound(body).items()
        }

    def comprehension(self, node: Comprehension) -> None:
        self.scopes.append(self.local(g.target for g in node.generators))
        self.generic(node)
        self.scopes.pop()

    # --- names

    def see(self, attribute: str) -> None:
        if not self.is_silent:
            self.made.attributes.add(attribute)

    def reference(self, node: ast.Name | ast.Attribute) -> bool:
        """Write what a name or dotted name stands for, unless it is local to the function."""
        if isinstance(node.ctx, ast.Store | ast.Del):
            return False
        target = self.resolved(node)
        if target is None:
            return False
        what, rest = target
        if isinstance(what, Key) and what.module == DATA and what.name in _READ:
            self.fault(node, f"{what.name} is passed on uncalled; call it with the name of what is read")
            return True
        self.target(what)
        for attribute in rest:
            self.see(attribute)
            self.say(f".{attribute}")
        return True

    def target(self, what: Key | Import | Foreign) -> None:
        if isinstance(what, Foreign):
            self.say(f"{what.name} ")
        elif isinstance(what, Import):
            # the module is used as a value, so any name in it may be read
            for name in parsed(what.module).names:
                self.say(Key(what.module, name))
        elif what.module == DATA and _is_class(what):
            self.say(f"{what.name} ")
        else:
            self.say(what)

    def resolved(self, node: ast.expr) -> tuple[Key | Import | Foreign, list[str]] | None:
        """What a dotted name stands for, and the attributes read from it; None for a local name."""
        dotted: list[str] = []
        while isinstance(node, ast.Attribute):
            dotted.insert(0, node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return None
        what = self.global_(node)
        while isinstance(what, Import) and dotted:
            name = dotted.pop(0)
            inner = _target_of(Import(what.module, name))
            if inner is None:
                self.fault(node, f"{what.module} has no {name}")
            what = inner
        if isinstance(what, Foreign) and dotted:
            return Foreign(".".join((what.name, *dotted))), []
        return (what, dotted) if what else None

    def global_(self, node: ast.Name) -> Key | Import | Foreign | None:
        """What a name stands for outside the enclosing functions."""
        name = node.id
        for scope in reversed(self.scopes):
            if name in scope:
                imported = scope[name]
                return self.imported(node, imported) if imported else None
        module = parsed(self.module)
        if name in module.names:
            return Key(self.module, name)
        if name in module.imports:
            return self.imported(node, module.imports[name])
        is_known = hasattr(builtins, name) or is_of_python(name)
        if not is_known and not any(name in names for names in self.of_classes):
            self.fault(node, f"{name} is not defined; import it by its name")
        return None

    def imported(self, node: ast.AST, given: Import) -> Key | Import | Foreign | None:
        what = _target_of(given)
        if what is None:
            self.fault(node, f"{given.module} has no {given.name}")
        return what

    def name_of(self, node: ast.expr) -> str:
        """The full name of a library object or builtin that is named or called; otherwise empty."""
        node = node.func if isinstance(node, ast.Call) else node
        found = self.resolved(node)
        if found is None:
            return node.id if isinstance(node, ast.Name) else ""
        return found[0].name if isinstance(found[0], Foreign) else ""

    # --- calls

    def call(self, node: ast.Call) -> None:
        found = self.resolved(node.func)
        what = found[0] if found else None
        if isinstance(what, Key) and what.module == DATA and what.name in _READ and found and not found[1]:
            self.read(node, what.name)
            return
        if self.name_of(node) in BY_NAME:
            self.by_name(node)
        self.generic(node)

    def read(self, node: ast.Call, accessor: str) -> None:
        """Record a call of an accessor; its argument must be known before the code runs."""
        given = [*node.args, *(k.value for k in node.keywords)]
        name = self.text_of(given[0]) if given else ""
        if name is None:
            self.fault(
                node,
                f"{accessor}({ast.unparse(given[0])}): the name is known only at run time; write it as a literal",
            )
            return
        self.made.reads.add(Read(accessor, name))
        self.say(f"({accessor} {name!r})")

    def by_name(self, node: ast.Call) -> None:
        names = node.args[1:2] if self.name_of(node) in ("getattr", "hasattr") else node.args
        for name in names:
            text = self.text_of(name)
            if text is None:
                self.fault(
                    node, f"{ast.unparse(node)}: the name is known only at run time; write it as a literal"
                )
            else:
                self.made.attributes |= set(text.split("."))

    def text_of(self, node: ast.expr) -> str | None:
        """The string that an expression of literals and constants gives; None if it has anything else."""
        match node:
            case ast.Constant(value=str(text)):
                return text
            case ast.JoinedStr():
                parts = [
                    self.text_of(v.value if isinstance(v, ast.FormattedValue) else v) for v in node.values
                ]
                return None if None in parts else "".join(p for p in parts if p is not None)
            case ast.BinOp(op=ast.Add()):
                left, right = self.text_of(node.left), self.text_of(node.right)
                return None if left is None or right is None else left + right
            case ast.Name() | ast.Attribute():
                found = self.resolved(node)
                if found and isinstance(found[0], Key) and not found[1] and is_value(found[0]):
                    value = value_of(found[0])
                    return value if isinstance(value, str) else None
        return None

    def fault(self, node: ast.AST, what: str) -> None:
        if not self.is_silent:
            file = "/".join(
                parsed(self.module).path.parts[-len(self.module.split(".")) - _is_package(self.module) :]
            )
            self.made.faults.append(f"{file}:{getattr(node, 'lineno', 0)}: {what}")


def is_of_python(name: str) -> bool:
    """Whether Python itself defines or calls a name (``__init__``, ``__file__``)."""
    return name.startswith("__") and name.endswith("__")


def _is_class(key: Key) -> bool:
    return any(isinstance(s, ast.ClassDef) for s in parsed(key.module).names[key.name])


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    match body:
        case [ast.Expr(value=ast.Constant(value=str())), *rest]:
            return rest
    return body


def _bound(body: Iterable[ast.AST]) -> dict[str, ast.AST]:
    """Names that statements bind in their own scope, each with the node that binds it; nested scopes are left out."""
    found: dict[str, ast.AST] = {}
    elsewhere: set[str] = set()
    for node in _of_scope(body):
        match node:
            case ast.Name(ctx=ast.Store() | ast.Del()):
                found.setdefault(node.id, node)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                found[node.name] = node
            case ast.Import():
                found |= {a.asname or a.name.split(".")[0]: node for a in node.names}
            case ast.ImportFrom():
                found |= {a.asname or a.name: node for a in node.names}
            case (
                ast.ExceptHandler(name=str(name))
                | ast.MatchAs(name=str(name))
                | ast.MatchStar(name=str(name))
            ):
                found[name] = node
            case ast.MatchMapping(rest=str(name)):
                found[name] = node
            case ast.Global() | ast.Nonlocal():
                elsewhere |= set(node.names)
    return {name: node for name, node in found.items() if name not in elsewhere}


def _of_scope(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    waiting = list(body)
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, Comprehension):
            # within a comprehension only := binds a name outside it
            waiting += [n.target for n in ast.walk(node) if isinstance(n, ast.NamedExpr)]
        elif not isinstance(node, Function | ast.ClassDef | ast.Lambda):
            waiting += ast.iter_child_nodes(node)
