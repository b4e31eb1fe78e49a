"""The example queries of docs/queries on a release: each runs unchanged and returns rows."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from warehouse import duck
from warehouse.releases import open_release
from warehouse.settings import CHECKOUT

QUERIES = sorted((CHECKOUT / "docs" / "queries").glob("*.sql"))
#: Queries that may return nothing for the small city of the tests.
MAY_BE_EMPTY = {"13-d-three-years", "16-fast-growing-small-firms", "21-work-list-of-a-town"}
#: Columns that the small city leaves empty, e.g. because it lacks the base year of the target.
MAY_BE_MISSING = {
    "04-target-of-the-plan": {"expected_yi_yuan"},
    "06-local-suppliers": {"capacity_amount", "capacity_unit", "final_grade"},
    "19-merged-and-split": {"valid_to_date"},
    "21-work-list-of-a-town": {"final_grade"},
}


def test_there_are_twenty_queries_and_the_index_names_each() -> None:
    index = (CHECKOUT / "docs" / "queries" / "README.md").read_text(encoding="utf-8")
    assert len(QUERIES) >= 20
    assert [path.name for path in QUERIES if path.name not in index] == []


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: path.stem)
def test_a_query_answers_its_question(path: Path, built_home: Path) -> None:
    text = path.read_text(encoding="utf-8")
    zh, en, *_ = text.splitlines()
    assert zh.startswith("-- ") and en.startswith("-- ") and en.isascii() and not zh.isascii()
    with duckdb.connect(str(open_release().file), read_only=True) as file:
        rows = duck.fetch(file, text)
    assert rows or path.stem in MAY_BE_EMPTY
    # a column without any value answers nothing
    missing = {name for name in rows[0] if all(row[name] is None for row in rows)} if rows else set()
    assert missing <= MAY_BE_MISSING.get(path.stem, set())
