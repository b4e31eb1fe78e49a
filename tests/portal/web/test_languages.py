"""English pages: Chinese is only what has no translation, and it is marked as Chinese."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from typing import Any

import pytest

from portal.access.viewer import VISITOR
from portal.web.numbers import unit_name
from schemas.contract import contracts
from tests.built_city import BuiltCity, at_home
from tests.portal.web.clients import CITY, STATISTICS, clients, district, firm, rows

Ask = Callable[..., Any]

CHINESE = re.compile("[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]")
#: Attributes that readers see or hear.
SPOKEN = ("title", "aria-label", "placeholder", "data-say", "data-heading", "alt")
VOID = {"meta", "link", "input", "br", "img", "hr"}
#: Pages without firms; a title of the window holds no marks.
PAGES = (
    "/", "/?colour=land_mu", "/per-mu", "/per-mu?district=330282&list=above_scale", "/per-mu?view=moves",
    "/per-mu?view=districts", "/procedure",
    "/procedure?year=2023&district=330282", "/chain", "/data", "/data?q=tax", "/data/per_mu.enterprise_grade",
    "/data/core.enterprise", "/data/chain.gap", "/data/feeds", "/data/deliveries", "/data/quarantine?feed=gov_tax",
    "/releases", "/releases/1", "/public", "/public?view=districts", "/public?view=industries", "/enterprise",
    "/search?q=轴承", "/login", "/objects", "/objects/groups",
    "/what-if?district=330282&list=above_scale",
)  # fmt: skip


class Unmarked(HTMLParser):
    """Collects Chinese texts of a page that no element says to be Chinese."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.open: list[tuple[str, bool]] = [("", False)]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        is_chinese = self.open[-1][1] or (given.get("lang") or "").startswith("zh")
        if not is_chinese:
            self.found += [said for name in SPOKEN if (said := given.get(name)) and CHINESE.search(said)]
        if tag not in VOID:
            self.open.append((tag, is_chinese))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        while len(self.open) > 1 and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        tag, is_chinese = self.open[-1]
        if not is_chinese and tag != "title" and CHINESE.search(data):
            self.found.append(data.strip())


def unmarked(html: str) -> list[str]:
    page = Unmarked()
    page.feed(html)
    return page.found


@pytest.fixture(scope="module")
def ask(built_city: BuiltCity, engine_remote: str) -> Iterator[Ask]:
    with at_home(built_city.home, engine_remote), clients() as asked:
        yield asked


@pytest.mark.parametrize("path", PAGES)
def test_english_pages_are_english(ask: Ask, path: str) -> None:
    opened = 0
    for viewer in (STATISTICS, CITY, district("330282"), VISITOR):
        page = ask(viewer, f"/en{path}")
        opened += page.status_code == 200
        assert unmarked(page.text) == [], viewer.role
    assert opened > 0


def test_rule_sets_are_in_english(ask: Ask) -> None:
    for row in rows("SELECT DISTINCT district_code AS code FROM per_mu.baseline ORDER BY 1"):
        page = ask(CITY, f"/en/per-mu?view=rules&district={row['code']}")
        assert page.status_code == 200 and unmarked(page.text) == [], row["code"]


def sample() -> list[str]:
    """Firms with every kind of status, reason, adjustment, tag and position."""
    return [
        row["uscc"]
        for row in rows(
            """WITH told AS (
                SELECT uscc, unnest(status_reasons) AS code FROM per_mu.population WHERE year = 2024
                UNION ALL SELECT uscc, eval_status_code FROM per_mu.population WHERE year = 2024
                UNION ALL SELECT uscc, unnest(grade_reasons) FROM per_mu.enterprise_grade WHERE year = 2024
                UNION ALL SELECT uscc, adjustment_code FROM per_mu.adjustment WHERE year = 2024
                UNION ALL SELECT uscc, tag_code FROM profile.enterprise_tag WHERE year = 2024
                UNION ALL SELECT uscc, unnest(risk_reasons) FROM profile.enterprise_profile WHERE year = 2024
                UNION ALL SELECT uscc, unnest(position_reasons) FROM chain.node_enterprise WHERE year = 2024)
            SELECT DISTINCT min(uscc) AS uscc FROM told
            WHERE uscc IN (SELECT uscc FROM core.enterprise WHERE year = 2024)
            GROUP BY split_part(code, ':9', 1) ORDER BY uscc"""
        )
    ]


def test_sheets_of_firms_are_in_english(ask: Ask) -> None:
    found = sample()
    assert len(found) > 20
    for uscc in found:
        for viewer in (STATISTICS, firm(uscc)):
            page = ask(viewer, f"/en/enterprise/{uscc}?year=2024")
            assert page.status_code == 200 and unmarked(page.text) == [], uscc
            ways = ask(viewer, f"/en/enterprise/{uscc}/ways?year=2024")
            assert unmarked(ways.text) == [], uscc
    for table in ("per_mu.enterprise_grade", "per_mu.population", "core.enterprise"):
        page = ask(STATISTICS, f"/en/evidence/{table}?uscc={found[0]}&year=2024")
        assert unmarked(page.text) == [], table


def test_chains_and_nodes_are_in_english(ask: Ask) -> None:
    nodes = rows(
        """SELECT chain_code, min(node_code) AS node FROM chain.gap WHERE year = 2024
        GROUP BY chain_code, state_code ORDER BY ALL"""
    )
    assert nodes
    for one in nodes:
        for path in (f"?node={one['node']}", f"/node/{one['node']}"):
            page = ask(STATISTICS, f"/en/chain/{one['chain_code']}{path}")
            assert page.status_code == 200 and unmarked(page.text) == [], one


def test_objects_are_in_english(ask: Ask) -> None:
    """A list and a sheet of each kind, of objects with and without a grade."""
    found = rows(
        """SELECT object_kind_code AS kind, eval_status_code, min(object_code) AS code FROM per_mu.object_unit
        WHERE year = '2024' GROUP BY ALL ORDER BY ALL"""
    )
    assert len({row["kind"] for row in found}) == 8
    for row in found:
        for path in (f"/en/objects?kind={row['kind']}", f"/en/objects/{row['kind']}/{row['code']}?year=2024"):
            page = ask(CITY, path)
            assert page.status_code == 200, path
            assert unmarked(page.text) == [], path


def test_groups_are_in_english(ask: Ask) -> None:
    found = rows("SELECT group_code AS code FROM per_mu.group_score WHERE year = '2024'")
    assert found
    for row in found:
        page = ask(CITY, f"/en/objects/group/{row['code']}?year=2024")
        assert page.status_code == 200 and unmarked(page.text) == []


def test_what_is_marked_is_no_english(ask: Ask) -> None:
    page = ask(CITY, "/en/per-mu?view=rules&district=330282").text
    for words in re.findall(r'<span lang="zh-CN">([^<]+)</span>', page):
        assert CHINESE.search(words[0]) and " " not in words
    assert "<span lang" not in ask(CITY, "/zh/per-mu?view=rules&district=330282").text


def test_every_unit_has_an_english_name() -> None:
    units = {column.unit for spec in contracts().values() for column in spec.columns if column.unit}
    assert [unit for unit in units if CHINESE.search(unit_name(unit, "en"))] == []
