"""Queries serve programs, pages and the command line, so they import none of these."""

from __future__ import annotations

import ast

from warehouse.settings import CHECKOUT

SHOWS = ("rich", "typer", "jinja2", "portal.card", "portal.cli", "portal.demo")


def test_no_query_imports_a_module_that_shows_results() -> None:
    modules = sorted((CHECKOUT / "portal" / "queries").glob("*.py"))
    assert modules
    for path in modules:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = (
                [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
            )
            module = [node.module or ""] if isinstance(node, ast.ImportFrom) else names
            wrong = [
                name for name in module if name in SHOWS or name.startswith(tuple(f"{s}." for s in SHOWS))
            ]
            assert wrong == [], path


def test_only_queries_contain_sql() -> None:
    """Sheet and summary call queries by name, so card and cli contain no SQL."""
    for folder in ("card", "cli"):
        for path in (CHECKOUT / "portal" / folder).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            assert "SELECT " not in text and "FROM per_mu." not in text, path
