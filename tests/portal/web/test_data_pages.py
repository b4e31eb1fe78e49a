"""The pages on data: which tables are open to whom, whose rows a sample has, what a sender wrote comes out inert."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html import unescape
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from ingest.register.quarantine import quarantined
from portal.access import records
from portal.access.shelf import Shelf
from portal.access.viewer import VISITOR, Viewer
from portal.queries import examples, tables
from portal.queries.lineage import lineage, placed
from schemas.contract import contract, feed, published_contracts
from tests.portal.conftest import Brain
from tests.portal.web.clients import CITY, STATISTICS, clients, district, firm, rows
from warehouse.releases import open_release

Ask = Callable[..., Any]
QUALITY = Viewer("quality", "city", rights=frozenset({"quarantine"}))
CIXI = district("330282")
GRADES = "per_mu.enterprise_grade"
#: Role → access keys of the tables whose rows it may see, by docs/operations/access.md.
OPEN = {
    "city": {"public", "official", "district", "uscc", "district_and_uscc", "town"},
    "district": {"public", "official", "district", "district_and_uscc", "town"},
    "town": {"public", "town"},
    "enterprise": {"public", "district", "uscc", "district_and_uscc", "town"},
    "public": {"public"},
}


@pytest.fixture
def ask(built_home: Path) -> Iterator[Ask]:
    with clients() as asked:
        yield asked


@pytest.fixture
def ask_small(cold_home: Path) -> Iterator[Ask]:
    """Pages of a home without a release: the quarantine is that of the home."""
    with clients() as asked:
        yield asked


def a_firm() -> str:
    [row] = rows(
        f"SELECT uscc FROM {GRADES} WHERE year = 2024 AND district_code = '330282' ORDER BY uscc LIMIT 1"
    )
    return str(row["uscc"])


def viewers() -> list[Viewer]:
    return [CITY, CIXI, Viewer("town", "town", "330282002"), firm(a_firm()), VISITOR]


# --- catalogue and tables --------------------------------------------------------------------------------


def test_each_role_sees_which_tables_are_open_to_it(ask: Ask) -> None:
    published = {spec.name: spec.access_key for spec in published_contracts()}
    for viewer in viewers():
        for lang, closed in (("zh", "不向您的角色开放"), ("en", "not open to your role")):
            page = ask(viewer, f"/{lang}/data").text
            entries = re.findall(r"<li( class=\"closed\")?>\s*<div><a href=\"/\w\w/data/([\w.]+)\"", page)
            assert {name for _, name in entries} == set(published)
            open_to = {name for name, key in published.items() if key in OPEN[viewer.role]}
            assert {name for mark, name in entries if not mark} == open_to, viewer.role
            assert page.count(closed) == len(published) - len(open_to)


def test_rows_are_those_that_the_viewer_sees(ask: Ask) -> None:
    [counted] = rows(f"SELECT count(*) AS n, count(*) FILTER (district_code = '330282') AS own FROM {GRADES}")
    for viewer, expected in ((CITY, counted["n"]), (CIXI, counted["own"])):
        entry = ask(viewer, "/en/data").text.partition(f"/data/{GRADES}")[2].partition("</li>")[0]
        assert f'<span class="num">{expected:,}</span> rows' in entry
    assert 0 < counted["own"] < counted["n"]


@pytest.mark.parametrize(
    ("word", "table"),
    [("没有这样的字段", None), ("final_grade", GRADES), ("调档后等级", GRADES), ("GRADES OF ENTERPRISES", GRADES)],
)  # fmt: skip
def test_a_search_finds_tables_and_columns_in_both_languages(ask: Ask, word: str, table: str | None) -> None:
    for lang in ("zh", "en"):
        page = ask(VISITOR, f"/{lang}/data?q={word}").text
        found = re.findall(r"<div><a href=\"/\w\w/data/([\w.]+)\"", page)
        assert (table in found) if table else not found
        assert len(found) < len(published_contracts())


def test_every_table_has_a_page_for_every_role(ask: Ask) -> None:
    for viewer in viewers():
        for spec in published_contracts():
            lang = "en" if viewer.role in ("district", "public") else "zh"
            answer = ask(viewer, f"/{lang}/data/{spec.name}")
            assert answer.status_code == 200, (viewer.role, spec.name)
            assert all(f"column-{name}" in answer.text for name in spec.column_names)
            has_sample = ">样例数据</h2>" not in answer.text and '<div class="table wide"' in answer.text
            assert spec.access_key in OPEN[viewer.role] or not has_sample


def test_sample_rows_are_the_viewers_own(ask: Ask) -> None:
    uscc = a_firm()
    all_codes = {row["uscc"] for row in rows("SELECT DISTINCT uscc FROM core.enterprise")}
    of_cixi = {
        row["uscc"] for row in rows(f"SELECT DISTINCT uscc FROM {GRADES} WHERE district_code = '330282'")
    }
    for viewer, own in ((firm(uscc), {uscc}), (CIXI, of_cixi), (VISITOR, set())):
        page = ask(viewer, f"/zh/data/{GRADES}").text
        shown = set(re.findall(r"91330[0-9A-Z]{13}", page)) & all_codes
        assert shown <= own and bool(shown) == bool(own), viewer.role


def test_a_sample_has_no_statistics_without_consent(ask: Ask) -> None:
    spec = contract(GRADES)
    shelf = Shelf()
    with shelf.reading(open_release(), CITY.cut) as query:
        sample = tables.sample(query, spec, CITY.cut)
        [withheld] = query(
            f"SELECT count(*) AS n FROM {GRADES} WHERE statistics_withheld AND total_score IS NOT NULL"
        )
    assert len(sample) == tables.SAMPLE_ROWS and withheld["n"] == 0
    assert all(row["total_score"] is None for row in sample if row["statistics_withheld"])
    shelf.close()


def test_an_unknown_table_and_a_feed_are_not_found(ask: Ask) -> None:
    for name in ("per_mu.nothing", "raw.gov_tax", "release.verdict", "cn.x", "a'b.c", "x" * 300):
        for lang, said in (("zh", "没有数据表"), ("en", "has no table")):
            answer = ask(STATISTICS, f"/{lang}/data/{name}")
            assert answer.status_code == 404 and said in answer.text


def test_an_older_release_keeps_its_pages(ask: Ask) -> None:
    page = ask(CITY, f"/releases/1/en/data/{GRADES}").text
    assert "/releases/1/en/data/per_mu.population" in page
    assert f"/api/v1/releases/1/tables/{GRADES}/rows" in page and "--release 1" in page


def test_code_lists_are_open_to_everybody(ask: Ask) -> None:
    page = ask(VISITOR, "/zh/data/codes/town").text
    assert "观海卫镇" in page and page.count("<tr>") > 100
    assert ask(VISITOR, "/en/data/codes/nothing").status_code == 404


def test_examples_name_the_table(ask: Ask) -> None:
    named = examples.examples(GRADES)
    assert {one.file[:2] for one in named} >= {"13", "14", "21"} and "03" not in {
        one.file[:2] for one in named
    }
    page = unescape(re.sub("</?span[^>]*>", "", ask(VISITOR, f"/en/data/{GRADES}").text))
    assert all(one.sql in page and one.en in page for one in named)


# --- lineage ---------------------------------------------------------------------------------------------


def test_lineage_is_that_of_the_jobs() -> None:
    from jobs.per_mu.enterprise_grade import JOB

    found = lineage(GRADES)
    assert {a for a, b in found.edges if b == GRADES} == {given.table for given in JOB.inputs.values()}
    assert {"gov_tax", "gov_land_parcel", "gov_business_registry"} <= set(found.feeds)
    assert "ent_trade" not in found.feeds, "grades are not made of trades"
    after = {node.table for node in found.nodes if node.stage == "after"}
    assert "per_mu.district_summary" in after and after == {b for a, b in found.edges if a == GRADES}


@pytest.mark.parametrize("table", sorted(spec.name for spec in published_contracts()))
def test_nodes_of_the_picture_do_not_overlap(table: str) -> None:
    places = [(one.column, one.row) for one in placed(lineage(table))]
    assert len(set(places)) == len(places) == len(lineage(table).nodes)
    for column in {column for column, _ in places}:
        taken = sorted(row for own, row in places if own == column)
        assert all(b - a >= 1 for a, b in pairwise(taken)) and taken[0] >= 0


# --- feeds, quarantine, deliveries -----------------------------------------------------------------------


def test_feeds_are_listed_without_files_for_those_without_the_right(ask: Ask) -> None:
    files = {row["source_file"] for row in rows("SELECT DISTINCT source_file FROM release.delivery")}
    for viewer in viewers()[:-1]:
        page = ask(viewer, "/zh/data/feeds").text
        assert "税收入库" in page and "/data/deliveries" not in page
        assert not any(file in page for file in files)
    assert "/zh/data/deliveries?feed=gov_tax" in ask(STATISTICS, "/zh/data/feeds").text


@pytest.mark.parametrize("page", ["quarantine", "deliveries"])
def test_quarantine_and_deliveries_need_the_right(ask: Ask, page: str) -> None:
    for viewer in viewers()[:-1]:
        assert ask(viewer, f"/zh/data/{page}").status_code == 403
        assert "right to data quality" in ask(viewer, f"/en/data/{page}").text
        assert f"/data/{page}" not in ask(viewer, "/zh/data").text
    visitor = ask(VISITOR, f"/zh/data/{page}")
    assert visitor.status_code == 303 and "/zh/login" in visitor.headers["location"]
    assert ask(VISITOR, "/zh/data/feeds").status_code == 303
    assert ask(STATISTICS, f"/en/data/{page}").status_code == 200


def test_the_quarantine_has_every_record(ask: Ask) -> None:
    held = list(quarantined("gov_tax"))
    page = unescape(ask(STATISTICS, "/en/data/quarantine?feed=gov_tax").text)
    assert len(held) > 0 and f"of {len(held)}" in page
    assert all(f"quarantine correct {sent.row['row_id']} " in page for sent in held[:20])
    beyond = ask(STATISTICS, "/en/data/quarantine?feed=gov_tax&page=99").text
    assert "quarantine correct" not in beyond


def test_a_wrong_feed_or_page_is_refused(ask: Ask) -> None:
    assert ask(STATISTICS, "/zh/data/quarantine?feed=nothing").status_code == 404
    for query in ("feed=<b>", "page=0", "page=x", f"reason={'x' * 99}"):
        assert ask(STATISTICS, f"/zh/data/quarantine?{query}").status_code == 422


HEAD = "户号,户名,社会信用代码,电量(万千瓦时)"
#: A name with markup, an override that turns the text around, a zero-width space and an escape sequence.
EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>\u202eexe.docx\u200b\x1b[2J"


def test_what_a_sender_wrote_comes_out_inert(ask_small: Ask, brain: Brain, tmp_path: Path) -> None:
    path = tmp_path / "<b>e\u202e.csv"
    lines = [f"abc{EVIL},{EVIL},91110000600037341L,{EVIL}", "3302000001,甲,91350100M000100Y43,12.5"]
    path.write_text("\n".join([HEAD, *lines]) + "\n", encoding="utf-8")
    code, _, said = brain("ingest", "gov_electricity", str(path), "--period", "2023")
    assert code in (0, 1) and "Traceback" not in said
    for lang in ("zh", "en"):
        for address in (
            "data/quarantine", "data/quarantine?feed=gov_electricity", "data/quarantine?reason=%3Cscript%3E",
            "data/deliveries", "data/deliveries?feed=gov_electricity",
        ):  # fmt: skip
            answer = ask_small(STATISTICS, f"/{lang}/{address}")
            assert answer.status_code == 200
            assert not re.search("[\u202a-\u202e\u200b\x1b]", answer.text), address
            assert (
                "<script>alert" not in answer.text
                and "<img src=x" not in answer.text
                and "<b>e" not in answer.text
            )
    page = unescape(ask_small(STATISTICS, "/zh/data/quarantine?feed=gov_electricity").text)
    assert "<script>alert(1)</script>" in page and "\\u202eexe.docx\\u200b\\u001b[2J" in page


def test_statistics_in_records_are_for_those_who_see_statistics() -> None:
    statistics = feed("gov_statistics_annual")
    heading = next(
        mapped.heading
        for name, mapped in statistics.source.mapping.items()
        if mapped.heading and statistics.column(name).sensitivity == "statistics"
    )
    assert heading is not None
    tax = feed("gov_tax")
    assert records.sees_cell(statistics, heading, STATISTICS) and not records.sees_cell(
        statistics, heading, QUALITY
    )
    assert not records.sees_cell(statistics, "不在映射中的表头", QUALITY), "nothing says what stands there"
    assert records.sees_cell(tax, "增值税", QUALITY) and not records.sees_cell(tax, "增值税", CITY)
    of_district = Viewer("cixi", "district", "330282", frozenset({"quarantine", "statistics"}))
    assert not records.sees_cell(tax, "增值税", of_district) and not records.sees_records(of_district)


def test_a_district_sees_how_many_records_there_are_and_no_record(
    ask_small: Ask, brain: Brain, tmp_path: Path
) -> None:
    path = tmp_path / "e.csv"
    path.write_text(f"{HEAD}\nabc,密户,91110000600037341L,-3\n", encoding="utf-8")
    brain("ingest", "gov_electricity", str(path), "--period", "2023")
    of_district = Viewer("cixi", "district", "330282", frozenset({"quarantine"}))
    page = ask_small(of_district, "/zh/data/quarantine?feed=gov_electricity").text
    assert "power_kwh:domain" in page and "密户" not in page and "91110000600037341L" not in page
    assert "密户" in ask_small(QUALITY, "/zh/data/quarantine?feed=gov_electricity").text


def test_a_home_without_anything_has_pages(ask_small: Ask) -> None:
    for page in ("data", "data/feeds", "data/quarantine", "data/deliveries", "releases", "releases/failed"):
        assert ask_small(STATISTICS, f"/zh/{page}").status_code == 200, page
    assert ask_small(STATISTICS, f"/zh/data/{GRADES}").status_code == 404
