"""A program and a page ask the same questions as the command line, so that the answers know none of them."""

from __future__ import annotations

import ast

from warehouse.settings import CHECKOUT

SHOWS = ("rich", "typer", "jinja2", "portal.card", "portal.cli", "portal.demo")


def test_no_question_imports_what_shows_answers() -> None:
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


def test_nothing_beside_the_questions_asks_a_release() -> None:
    """What a sheet and a summary show was asked by name: no SQL stands where it is shown."""
    for folder in ("card", "cli"):
        for path in (CHECKOUT / "portal" / folder).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            assert "SELECT " not in text and "FROM per_mu." not in text, path
