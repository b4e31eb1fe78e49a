"""Names that a hostile feed has planted come out inert at every door: pages, workbooks, CSV, JSON, files, commands."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from python_calamine import CalamineWorkbook

from portal.access.viewer import VISITOR
from portal.exports import district
from portal.exports.csv_rows import FORMULA_STARTS
from portal.plain_text import plain
from schemas.contract import contract
from tests.built_city import BuiltCity, at_home, copy
from tests.portal.api.publishing import edit
from tests.portal.conftest import Brain
from tests.portal.fuzzing import assert_inert, assert_inside_stays_inside, quoted, words_of
from tests.portal.planted import NAMES, plant
from tests.portal.web.clients import STATISTICS, clients, rows
from warehouse.chinese import view_name
from warehouse.releases import open_release

CIXI = "330282"
LIST = f"district={CIXI}&sort=enterprise_name"


@pytest.fixture(scope="module")
def firms(
    built_city: BuiltCity, engine_remote: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """Planted name → firm, in a release whose feeds have planted these names."""
    with at_home(copy(built_city, tmp_path_factory.mktemp("planted") / "home"), engine_remote):
        edit(1, *plant(CIXI))
        found = {
            row["enterprise_name"]: row["uscc"] for row in rows("FROM core.enterprise WHERE year = 2024")
        }
        yield {name: found[name] for name in NAMES}


def shown(page: Any, address: str) -> str:
    """The texts of a page in which nothing acts."""
    assert page.status_code == 200, address
    assert_inside_stays_inside(page, address)
    assert_inert(page.text, address)
    return words_of(page.text)


def test_pages_show_planted_names_as_texts(firms: dict[str, str]) -> None:
    of_sheets = {f"/zh/enterprise/{uscc}": {name} for name, uscc in firms.items()}
    of_lists = {
        f"/en/per-mu?{LIST}&name={quoted(name[:4])}": {name} for name in firms if name.strip() == name
    }
    with clients() as ask:
        for address, names in {**of_sheets, **of_lists}.items():
            page = shown(ask(STATISTICS, address), address)
            assert all(plain(name) in page for name in names), address
        for name in firms:
            for address in (f"/zh/search?q={quoted(name)}", f"/en/data?q={quoted(name)}"):
                answer = ask(STATISTICS, address)
                assert answer.status_code in (200, 302, 422), address
                assert_inert(answer.text, address)
        key = f"uscc={firms[NAMES[9]]}&year=2024"
        for address in (f"/zh/evidence/core.enterprise?{key}", "/zh/data/core.enterprise"):
            shown(ask(STATISTICS, address), address)
        shown(ask(VISITOR, f"/zh/public?district={CIXI}"), "/zh/public")


def test_files_of_pages_have_planted_names_as_texts(firms: dict[str, str]) -> None:
    with clients() as ask:
        book, text = (ask(STATISTICS, f"/zh/per-mu/export.{kind}?{LIST}") for kind in ("xlsx", "csv"))
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(book.content)).get_sheet_by_index(0).to_python()
    cells = {str(cell) for row in sheet for cell in row}
    assert {plain(name) for name in firms if name == name.strip()} <= cells
    lines = list(csv.reader(io.StringIO(text.content.decode("utf-8-sig"), newline="")))
    found = {cell for line in lines for cell in line}
    assert not [cell for cell in found if cell.startswith(FORMULA_STARTS)]
    assert {plain(name) for name in firms} <= found | {cell.removeprefix("'") for cell in found}


def test_programs_get_planted_names_as_they_were_sent(firms: dict[str, str], tmp_path: Path) -> None:
    with clients() as ask:
        address = f"/api/v1/tables/core.enterprise/rows?year=2024&district_code={CIXI}&limit=10000"
        answer = ask(STATISTICS, address)
        assert_inside_stays_inside(answer, address)
        assert answer.headers["content-type"] == "application/json"
        assert set(firms) <= {row["enterprise_name"] for row in answer.json()["rows"]}
    file = tmp_path / "cixi.duckdb"
    counts = district.write(open_release(), CIXI, file)
    with duckdb.connect(str(file), read_only=True) as opened:
        for table in ("core.enterprise", view_name(contract("core.enterprise"))):
            found = opened.sql(f"FROM {table}").fetchall()
            assert len(found) == counts["core.enterprise"]
            assert set(firms) <= {cell for row in found for cell in row if isinstance(cell, str)}


def test_commands_show_planted_names_as_texts(firms: dict[str, str], brain: Brain, tmp_path: Path) -> None:
    for uscc in (firms[name] for name in NAMES if plain(name) != name or "<" in name):
        page = tmp_path / "card.html"
        assert brain("card", uscc, "--html", str(page))[0] == 0
        assert_inert(page.read_text(encoding="utf-8"), uscc)
        code, said, _ = brain("card", uscc)
        assert code == 0 and not set(said) & set("\x1b\u202e\u200b\u2066\r")
