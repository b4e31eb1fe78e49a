"""What a job's code is, as a hash: its module and every module of ours that it imports."""

from __future__ import annotations

import ast
import importlib.util
from functools import cache
from pathlib import Path

from schemas.contract import digest

OURS = ("jobs", "schemas")


@cache
def code_hash(module: str) -> str:
    """Hash of the syntax trees of a module and its first-party imports; comments and layout do not count."""
    trees: dict[str, str] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in trees and (path := _source(name)):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            trees[name] = ast.dump(_without_docstrings(tree))
            waiting += _imports(tree)
    return digest(trees)


def _source(name: str) -> Path | None:
    try:
        spec = importlib.util.find_spec(name)
    except ModuleNotFoundError:
        return None
    return Path(spec.origin) if spec and spec.origin and spec.origin.endswith(".py") else None


def _imports(tree: ast.Module) -> list[str]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return [name for name in found if name.split(".")[0] in OURS]


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if (
            isinstance(body, list)
            and body
            and isinstance(body[0], ast.Expr)
            and isinstance(body[0].value, ast.Constant)
            and isinstance(body[0].value.value, str)
        ):
            body[0].value.value = ""
    return tree
