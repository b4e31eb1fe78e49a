"""The enterprise's sheet in a real browser: chart, evidence beside it, language switch, phone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from portal.web.app import create_app
from tests.built_city import BuiltCity, at_home
from tests.portal.browser.serving import serving
from tests.portal.browser.window import LOOKS, OpenWindow, Size, Theme
from tests.portal.web.clients import STATISTICS, rows

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def site(built_city: BuiltCity, engine_remote: str) -> Iterator[str]:
    """The portal as the statistics office sees it."""
    with (
        at_home(built_city.home, engine_remote),
        serving(create_app(lambda _: STATISTICS, "secret")) as address,
    ):
        yield address


@pytest.fixture(scope="module")
def uscc(site: str) -> str:
    """A firm with a grade, a score and a place in a chain."""
    [firm] = rows(
        """SELECT g.uscc FROM per_mu.enterprise_grade g JOIN profile.comprehensive_score s USING (uscc, year)
        JOIN chain.node_enterprise n USING (uscc, year) WHERE g.year = 2024 AND g.list_code = 'above_scale'
            AND s.comprehensive_score IS NOT NULL AND n.position_share > 0 ORDER BY g.uscc LIMIT 1"""
    )
    return str(firm["uscc"])


@pytest.mark.parametrize(("size", "theme", "lang"), LOOKS)
def test_the_sheet_is_read_by_everyone(
    site: str, uscc: str, open_window: OpenWindow, size: Size, theme: Theme, lang: str
) -> None:
    window = open_window(size, theme)
    window.open(f"{site}/{lang}/enterprise/{uscc}")
    # what takes a computation comes when asked for
    if (ask := window.page.locator(".ways-asked a")).count():
        ask.click()
        window.page.locator(".ways-found").wait_for(timeout=60_000)
    window.picture(f"enterprise-{lang}")
    assert window.colours("#radar") >= 3
    assert window.overflow() == []
    assert window.barriers() == []


@pytest.mark.parametrize("size", ["phone", "desktop"])
def test_a_mark_opens_the_evidence_beside_the_figure(
    site: str, uscc: str, open_window: OpenWindow, size: Size
) -> None:
    window = open_window(size)
    window.open(f"{site}/zh/enterprise/{uscc}")
    address = window.page.url
    window.page.get_by_label("据：等级").click()
    panel = window.page.locator("#evidence-content")
    panel.get_by_text("怎样算出").wait_for()
    # the rows follow by themselves
    panel.locator(".behind").wait_for(timeout=60_000)
    window.picture("evidence", full=False)
    assert window.page.url == address and "gov_tax" in panel.inner_text()
    assert window.overflow() == [] and window.barriers() == []
    window.page.get_by_role("button", name="关闭").click()
    assert not window.page.locator("#evidence").is_visible()


def test_the_language_switch_stays_on_the_sheet_and_its_year(
    site: str, uscc: str, open_window: OpenWindow
) -> None:
    window = open_window()
    window.open(f"{site}/zh/enterprise/{uscc}?year=2023")
    window.page.get_by_role("link", name="EN", exact=True).click()
    window.page.wait_for_url("**/en/enterprise/*")
    assert window.page.url.endswith(f"/en/enterprise/{uscc}?year=2023")
    assert window.page.get_by_role("heading", name="Per-mu grade 2023").is_visible()
    window.page.go_back()
    window.wait_for_charts()
    assert window.page.get_by_role("heading", name="亩均评价 2023").is_visible()


def test_a_clerk_finds_a_firm_on_a_phone(site: str, uscc: str, open_window: OpenWindow) -> None:
    [firm] = rows("SELECT enterprise_name AS name FROM core.enterprise WHERE uscc = ? AND year = 2024", uscc)
    window = open_window("phone")
    window.open(f"{site}/zh/enterprise")
    window.page.get_by_label("企业名称或代码").fill(firm["name"][2:6])
    window.page.get_by_role("button", name="查找").click()
    window.page.wait_for_selector("#results table")
    window.picture("enterprise-search")
    assert window.overflow() == [] and window.barriers() == []
    window.page.get_by_role("link", name=firm["name"]).first.click()
    window.page.wait_for_url(f"**/zh/enterprise/{uscc}")


def test_the_sheet_is_printed_on_one_page_of_paper(site: str, uscc: str, open_window: OpenWindow) -> None:
    window = open_window()
    window.open(f"{site}/zh/enterprise/{uscc}")
    window.page.emulate_media(media="print")
    pages = window.page.pdf(prefer_css_page_size=True).count(b"/Type /Page\n")
    assert pages == 1
