"""The pages of releases: the timeline, what is new in one, what changed between two, and what the gate refused."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from pipeline.publish import publish
from portal.access.viewer import VISITOR, Viewer
from portal.queries.changes import ROWS_SHOWN
from portal.queries.release import reading
from schemas.contract import contract
from tests.portal.api.publishing import publish_edited
from tests.portal.web.clients import CITY, STATISTICS, clients, district
from warehouse.releases import open_release, rollback
from warehouse.settings import settings

Ask = Callable[..., Any]
QUALITY = Viewer("quality", "city", rights=frozenset({"quarantine"}))
CIXI = district("330282")
GRADES = "per_mu.enterprise_grade"
VALUES = "per_mu.indicator_value"


@pytest.fixture
def ask(changed_copy: Path) -> Iterator[Ask]:
    """Release 1; release 2 with one firm's corrected tax; release 3, rolled back to 1; release 4, which is damaged."""
    publish()
    rollback(1)
    manifest = {**open_release(2).manifest, "release": 4, "file": {"name": "release-4.duckdb"}}
    (settings().releases / "manifest-4.json").write_text(json.dumps(manifest), encoding="utf-8")
    with clients() as asked:
        yield asked


def by_key(number: int, table: str) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Key → content of all rows of a table."""
    spec = contract(table)
    with reading(open_release(number)) as query:
        found = query(f"SELECT {', '.join(spec.content_columns)} FROM {table}")
    return {tuple(row[name] for name in spec.key): row for row in found}


def changed_tables() -> set[str]:
    one, two = open_release(1).tables, open_release(2).tables
    return {name for name in one if one[name].content_hash != two[name].content_hash}


def counts(page: str, table: str) -> list[int]:
    """Rows that came, went and changed, as the page says."""
    row = page.partition(f"table={table}#rows")[2].partition("</tr>")[0]
    found = re.findall(r">([\d,]+)(?:</div>)?</td>", row)[:3]  # the next cell has the periods
    return [int(text.replace(",", "")) for text in found]


def test_pages_of_releases(ask: Ask) -> None:
    """One test, because publishing takes long; what it asserts stands in functions."""
    the_timeline_names_every_release(ask)
    a_release_says_what_is_new_in_it(ask)
    two_releases_are_compared_by_key(ask)
    each_office_sees_its_own_changes(ask)
    addresses_do_not_collide(ask)
    what_the_gate_refused_is_shown_with_the_right(ask)


def the_timeline_names_every_release(ask: Ask) -> None:
    titles = {name: contract(name).title for name in changed_tables()}
    for lang, damaged, back in (("zh", "已损坏", "回退到版本 1"), ("en", "damaged", "rolled back to 1")):
        page = ask(CITY, f"/{lang}/releases").text
        numbers = re.findall(rf'href="/{lang}/releases/(\d+)"', page.partition("timeline")[2])
        assert numbers == ["3", "2", "1"]
        assert page.count(f">{damaged}<") == 1 == page.count(f">{back}<")
        assert str(settings().home) not in page
        first = min(getattr(title, lang) for name, title in titles.items() if name == min(titles))
        assert f"{len(titles)} " in page and first in page
    assert "compare" not in ask(VISITOR, "/en/releases").text


def a_release_says_what_is_new_in_it(ask: Ask) -> None:
    page = unescape(ask(CITY, "/zh/releases/2").text)
    new = page.partition("新计入的批次")[2].partition("</section>")[0]
    assert new.count("<tr") == 2, "the heading, and one feed"
    assert "税收入库" in new and ">2022<" in new
    rows = dict(
        re.findall(r'href="/releases/2/zh/data/([\w.]+)".*?data-heading="内容">(.*?)</td>', page, re.S)
    )
    assert {name for name, said in rows.items() if "有变化" in said} == changed_tables()
    assert "新计入的批次" in ask(VISITOR, "/zh/releases/2").text
    assert "税收入库" not in ask(VISITOR, "/zh/releases/2").text, "the register is for offices"
    assert ask(CITY, "/zh/releases/4").status_code == 409
    assert ask(CITY, "/zh/releases/9").status_code == 404


def two_releases_are_compared_by_key(ask: Ask) -> None:
    page = ask(STATISTICS, "/zh/releases/2/compare/1").text
    for table in sorted(changed_tables()):
        one, two = by_key(1, table), by_key(2, table)
        changed = sum(one[key] != two[key] for key in one.keys() & two.keys())
        expected = [len(two.keys() - one.keys()), len(one.keys() - two.keys()), changed]
        assert counts(page, table) == expected, table
        assert sum(expected) > 0
    assert set(re.findall(r"table=([\w.]+)#rows", page)) == changed_tables()
    one, two = by_key(1, GRADES), by_key(2, GRADES)
    moved = [key[0] for key in one.keys() & two.keys() if one[key]["final_grade"] != two[key]["final_grade"]]
    said = page.partition("等级变动")[2].partition("</section>")[0] if moved else ""
    shown = re.findall(r"/enterprise/([0-9A-Z]{18})", said)
    assert set(shown) <= set(moved) and len(shown) == min(len(moved), ROWS_SHOWN)
    detail = unescape(ask(STATISTICS, f"/en/releases/1/compare/2?table={VALUES}").text)
    one, two = by_key(1, VALUES), by_key(2, VALUES)
    key = min(key for key, row in one.items() if two.get(key) != row)
    assert str(key[0]) in detail and "→" in detail
    assert "Nothing changed" in ask(STATISTICS, "/en/releases/3/compare/1").text
    assert ask(STATISTICS, "/en/releases/2/compare/1?table=core.zone").status_code == 404


def each_office_sees_its_own_changes(ask: Ask) -> None:
    one, two = by_key(1, VALUES), by_key(2, VALUES)
    of_whom = {key[0] for key, row in one.items() if two.get(key) != row}
    with reading(open_release(2)) as query:
        found = query("SELECT DISTINCT uscc, district_code FROM core.enterprise")
    home = {row["uscc"]: row["district_code"] for row in found}
    elsewhere = {uscc for uscc in of_whom if home[uscc] != "330282"}
    page = ask(CIXI, f"/zh/releases/2/compare/1?table={VALUES}")
    assert elsewhere or of_whom
    assert not any(uscc in page.text for uscc in elsewhere)
    assert ask(VISITOR, "/zh/releases/2/compare/1").status_code == 303


def test_a_consent_changes_what_its_reader_sees_of_equal_rows(built_copy: Path) -> None:
    """Pages and API compare in one way: rows whose statistics one reader sees in one release alone are changes."""
    publish_edited(2, 1, ["core.consent"], "DELETE FROM core.consent")
    publish_edited(3, 1, [])
    with clients() as ask:
        # all releases are read with the consents of the newest too, so 2 → 3 gives consents
        page = ask(CITY, f"/en/releases/3/compare/2?table={VALUES}")
        lines = ask(CITY, f"/api/v1/tables/{VALUES}/changes?from=2&to=3&limit=10000").json()["changes"]
        assert {one["kind"] for one in lines} == {"changed"}
        assert counts(page.text, VALUES) == [0, 0, len(lines)]
        assert "Statistics withheld" in page.text
        assert "Nothing changed" in ask(STATISTICS, "/en/releases/3/compare/1").text
        tables = set(re.findall(r"table=([\w.]+)#rows", ask(STATISTICS, "/en/releases/3/compare/2").text))
        assert tables == {"core.consent"}, (
            "the statistics office sees all figures, whatever a firm consents to"
        )


def addresses_do_not_collide(ask: Ask) -> None:
    assert "<h1>版本 1</h1>" in ask(CITY, "/zh/releases/1").text
    assert "<h1>数据目录</h1>" in ask(CITY, "/releases/1/zh/data").text
    within = ask(CITY, "/releases/1/en/releases/2").text
    assert "<h1>Release 2</h1>" in within and "older release" in within


EVIL = "<script>alert(1)</script>\u202e"


def what_the_gate_refused_is_shown_with_the_right(ask: Ask) -> None:
    assert "/releases/failed" not in ask(STATISTICS, "/zh/releases").text, "the last publication passed"
    bad = {
        "suite": "s", "expectation": "sum", "title_zh": "合计不符", "title_en": "Sums differ", "level": "fail",
        "success": False, "evaluated": 10, "unexpected": 2, "details": "",
    }  # fmt: skip
    keys = {"core.zone": f"zone_code={EVIL}", "core.enterprise_year": "uscc=91330200SECRET"}
    report = [{**bad, "table": table, "failing_keys": [key]} for table, key in keys.items()]
    settings().logs.mkdir(exist_ok=True)
    (settings().logs / "gate.json").write_text(json.dumps(report), encoding="utf-8")
    assert "/zh/releases/failed" in ask(STATISTICS, "/zh/releases").text
    page = ask(STATISTICS, "/zh/releases/failed").text
    assert "合计不符" in page and "91330200SECRET" in page
    assert "<script>alert" not in page and "\u202e" not in page and "\\u202e" in page
    quality = ask(QUALITY, "/en/releases/failed").text
    assert "Sums differ" in quality and "zone_code" in quality
    assert "SECRET" not in quality, "rows of a table with statistics are for who sees statistics"
    assert ask(CITY, "/zh/releases/failed").status_code == 403
    assert "/releases/failed" not in ask(CITY, "/zh/releases").text
    (settings().logs / "gate.json").write_text("[{", encoding="utf-8")
    assert ask(STATISTICS, "/zh/releases/failed").status_code == 200
