"""Example queries 示例查询 of docs/queries that read a table. An installation without the docs has none."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from warehouse.settings import CHECKOUT

FOLDER = CHECKOUT / "docs" / "queries"


@dataclass(frozen=True)
class Example:
    """A statement and the question that it answers."""

    file: str
    zh: str
    en: str
    sql: str


def examples(table: str) -> list[Example]:
    """The examples that name the table, by number."""
    return [one for one in _all(FOLDER) if re.search(rf"\b{re.escape(table)}\b", one.sql)]


@cache
def _all(folder: Path) -> tuple[Example, ...]:
    return tuple(_read(path) for path in sorted(folder.glob("*.sql")))


def _read(path: Path) -> Example:
    """The first two lines are the question in Chinese and in English."""
    zh, en, sql = path.read_text(encoding="utf-8").split("\n", 2)
    return Example(path.name, zh.removeprefix("-- "), en.removeprefix("-- "), sql.strip())
