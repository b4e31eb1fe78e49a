"""Every part of the pages in a real browser, under the policy that allows no inline style or script."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Route, expect

from tests.portal.browser import style_page
from tests.portal.browser.serving import serving
from tests.portal.browser.window import LOOKS, SIZES, OpenWindow, Size, Theme

CHARTS = ("scores", "trend", "moves", "radar", "chain", "land")
#: What a page may transfer, compressed.
WEIGHT = 600 * 1024
#: Least height of a text that is read from five metres on a screen of 1920 × 1080.
WALL_TEXT = 28

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with serving(style_page.app()) as address:
        yield address


@pytest.mark.parametrize(("size", "theme", "lang"), LOOKS)
def test_every_part_is_seen_by_everyone(
    site: str, open_window: OpenWindow, size: Size, theme: Theme, lang: str
) -> None:
    window = open_window(size, theme)
    window.open(f"{site}/{lang}/style")
    window.picture(f"style-{lang}")
    assert {chart: window.colours(f"#{chart}") >= 3 for chart in CHARTS} == dict.fromkeys(CHARTS, True)
    assert window.overflow() == []
    assert window.barriers() == []


def test_a_chart_without_data_shows_none(site: str, open_window: OpenWindow) -> None:
    window = open_window()
    window.open(f"{site}/zh/style")
    window.page.evaluate("document.getElementById('scores-option').textContent = '{}'")
    window.page.get_by_label("切换深色与浅色").click()
    assert window.colours("#scores") <= 1 and window.colours("#trend") >= 3


def test_faults_of_a_page_are_noted(site: str, open_window: OpenWindow) -> None:
    window = open_window()
    window.open(f"{site}/zh/style")
    window.page.evaluate("document.querySelector('h1').setAttribute('style', 'color: red')")
    window.page.evaluate("document.body.append(Object.assign(new Image(), {src: 'http://192.0.2.1/a.png'}))")
    window.page.evaluate("document.querySelector('h1').append(document.createElement('button'))")
    assert window.barriers()[0].startswith("button-name: ")
    window.page.wait_for_function("document.images.length === 1 && document.images[0].complete")
    texts = "\n".join(window.faults)
    assert "style-src" in texts and "img-src" in texts
    window.faults.clear()


def test_a_page_is_light(site: str, open_window: OpenWindow) -> None:
    window = open_window()
    session = window.page.context.new_cdp_session(window.page)
    session.send("Network.enable")
    sizes: list[float] = []
    session.on("Network.loadingFinished", lambda loaded: sizes.append(loaded["encodedDataLength"]))
    html = window.open(f"{site}/zh/style").text()
    assert 0 < sum(sizes) < WEIGHT
    assert re.findall(r"<style|\sstyle=|\son\w+=|<script(?![^>]* src=)(?![^>]*application/json)", html) == []


# --- theme, keyboard, buttons ------------------------------------------------------------------------


def test_a_chosen_theme_lasts_and_is_there_at_the_first_paint(site: str, open_window: OpenWindow) -> None:
    window = open_window()
    window.open(f"{site}/zh/style")
    window.page.get_by_label("切换深色与浅色").click()
    ground = "getComputedStyle(document.body).backgroundColor"
    assert window.page.evaluate(ground) == "rgb(18, 22, 28)"
    window.page.route("**/app.js*", lambda route: route.fulfill(body="", content_type="text/javascript"))
    window.page.reload()
    assert window.page.evaluate(ground) == "rgb(18, 22, 28)", "the theme waits for a later script"
    window.page.unroute("**/app.js*")
    window.page.reload()
    window.page.get_by_label("切换深色与浅色").click()
    assert window.page.evaluate("localStorage.length") == 0, "the system's own theme is not kept as a choice"


def test_the_systems_theme_is_followed_unless_another_one_is_chosen(
    site: str, open_window: OpenWindow
) -> None:
    window = open_window("desktop", "dark")
    window.open(f"{site}/zh/style")
    root, ground = window.page.locator("html"), "getComputedStyle(document.body).backgroundColor"
    assert window.page.evaluate(ground) == "rgb(18, 22, 28)"
    window.page.emulate_media(color_scheme="light")
    expect(root).to_have_attribute("data-theme", "light")
    assert window.page.evaluate(ground) == "rgb(255, 255, 255)"
    window.page.get_by_label("切换深色与浅色").click()
    expect(root).to_have_attribute("data-theme", "dark")
    window.page.reload()
    assert window.page.evaluate(ground) == "rgb(18, 22, 28)", "what the reader chose stays"


def test_the_first_key_leads_past_the_menu(site: str, open_window: OpenWindow) -> None:
    window = open_window()
    window.open(f"{site}/zh/style")
    window.page.keyboard.press("Tab")
    expect(window.page.get_by_text("跳到正文")).to_be_focused()
    window.page.keyboard.press("Enter")
    expect(window.page.locator("main")).to_be_focused()
    window.page.keyboard.press("/")
    expect(window.page.get_by_label("搜索企业或数据表")).to_be_focused()


def test_a_missing_figure_says_why(site: str, open_window: OpenWindow) -> None:
    window = open_window("phone")
    window.open(f"{site}/zh/style")
    window.page.locator(".figures .missing").tap()
    expect(window.page.locator(".toast")).to_have_text("统计部门尚未报送2024年购销数据")


def test_evidence_opens_beside_the_figure(site: str, open_window: OpenWindow) -> None:
    window = open_window()
    window.open(f"{site}/zh/style")
    mark = window.page.get_by_label("据：规上工业总产值")
    mark.click()
    expect(window.page.get_by_role("dialog")).to_contain_text("gov_tax.csv:12")
    assert window.page.url == f"{site}/zh/style" and window.barriers() == []
    window.picture("evidence", full=False)
    window.page.keyboard.press("Escape")
    expect(window.page.get_by_role("dialog")).to_be_hidden()
    expect(mark).to_be_focused()


@pytest.mark.parametrize("has_clipboard", [True, False], ids=["https", "http"])
def test_a_query_is_copied(site: str, open_window: OpenWindow, has_clipboard: bool) -> None:
    window = open_window(permissions=["clipboard-read", "clipboard-write"])
    if not has_clipboard:
        window.page.add_init_script("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    window.open(f"{site}/zh/style")
    window.page.locator("[data-copy=query]").click()
    expect(window.page.locator(".toast")).to_have_text("已复制")
    if has_clipboard:
        assert "ORDER BY total_score" in window.page.evaluate("navigator.clipboard.readText()")


def test_a_chart_is_saved_as_a_picture(site: str, open_window: OpenWindow) -> None:
    window = open_window()
    window.open(f"{site}/zh/style")
    with window.page.expect_download() as saved:
        window.page.locator("[data-save=scores]").click()
    assert saved.value.suggested_filename == "样式总表 scores.png"
    assert saved.value.path().read_bytes().startswith(b"\x89PNG")


def test_a_node_of_a_chart_is_a_link(site: str, open_window: OpenWindow) -> None:
    window = open_window()
    window.open(f"{site}/zh/style")
    box = window.page.locator("#chain").bounding_box()
    assert box
    window.page.locator("#chain").click(position={"x": 60, "y": box["height"] / 2})
    window.page.wait_for_url("**/zh/style?node=M01")
    window.wait_for_charts()


# --- filters: the address is the state ----------------------------------------------------------------


def firms(window: object) -> list[str]:
    rows = window.page.locator("#results tbody tr")  # type: ignore[attr-defined]
    return [grade.strip() for grade in rows.locator("[data-heading=等级]").all_inner_texts()]


def test_a_filter_changes_results_and_address_and_back_undoes_it(site: str, open_window: OpenWindow) -> None:
    window = open_window()
    window.open(f"{site}/zh/style")
    window.page.evaluate("document.querySelector('h1').dataset.kept = 'yes'")
    window.page.locator("select[name=grade]").select_option("D")
    window.page.wait_for_url("**/zh/style?sort=-score&year=2024&grade=D")
    expect(window.page.locator("#results tbody tr")).to_have_count(1)
    assert firms(window) == ["D"]
    assert window.page.locator("h1[data-kept=yes]").count() == 1, "the whole page was loaded"
    kept = "[...Object.keys(localStorage), ...Object.keys(sessionStorage)]"
    assert window.page.evaluate(kept) == ["htmx-current-path-for-history"], "rows stay in the browser"
    window.page.go_back()
    expect(window.page.locator("#results tbody tr")).to_have_count(4)
    assert window.page.url == f"{site}/zh/style"
    window.wait_for_charts()


def test_a_heading_orders_the_rows(site: str, open_window: OpenWindow) -> None:
    window = open_window()
    window.open(f"{site}/zh/style")
    window.page.get_by_role("link", name="综合得分").click()
    window.page.wait_for_url("**/zh/style?sort=score")
    expect(window.page.locator("th[aria-sort=ascending]")).to_have_count(1)
    assert firms(window) == ["D", "C", "B", "A"]


def test_everything_works_without_script(site: str, open_window: OpenWindow) -> None:
    window = open_window(java_script_enabled=False)
    window.page.goto(f"{site}/zh/style")
    window.page.locator("select[name=grade]").select_option("D")
    window.page.get_by_role("button", name="筛选").click()
    expect(window.page.locator("#results tbody tr")).to_have_count(1)
    assert "grade=D" in window.page.url
    window.page.get_by_text("图中数据").first.click()
    expect(window.page.locator("figure").first.get_by_role("row", name="60–80")).to_be_visible()
    expect(window.page.get_by_text("存为图片")).to_have_count(len(CHARTS))
    assert not window.page.get_by_text("存为图片").first.is_visible()


def test_a_refused_part_leads_to_the_page_that_says_why(site: str, open_window: OpenWindow) -> None:
    window = open_window()
    window.expected = {403}
    window.open(f"{site}/zh/style")

    def refuse(route: Route) -> None:
        route.fulfill(status=403, content_type="text/html; charset=utf-8", body="<h1>您的账户看不到它</h1>")

    window.page.route(re.compile("grade=D"), refuse)
    window.page.locator("select[name=grade]").select_option("D")
    expect(window.page.locator("h1")).to_have_text("您的账户看不到它")


def test_an_unreachable_server_is_said(site: str, open_window: OpenWindow) -> None:
    window = open_window()
    window.open(f"{site}/zh/style")
    window.page.route(re.compile("grade=D"), lambda route: route.abort())
    window.page.locator("select[name=grade]").select_option("D")
    expect(window.page.locator(".toast")).to_have_text("没有连上服务器，请稍后重试")
    assert firms(window) == ["A", "B", "C", "D"]
    window.faults.clear()


def test_texts_of_a_feed_are_inert(open_window: OpenWindow) -> None:
    attack = "</script><img src=x onerror=window.hit=1>\"'><script>window.hit=1</script>{{7*7}}"
    rows = [{**style_page.rows({}, lambda zh, en: zh)[0], "name": attack}]
    (chart, *_) = style_page.charts(lambda zh, en: attack)
    chart["option"]["xAxis"]["data"] = [attack] * 5
    with serving(style_page.app(rows=rows, charts=[chart])) as site:
        window = open_window()
        window.open(f"{site}/zh/style")
        assert window.page.evaluate("window.hit") is None and window.page.locator("img").count() == 0
        expect(window.page.locator("#results .row-link")).to_have_text(attack)
        assert window.colours("#scores") >= 3


# --- wall and paper -----------------------------------------------------------------------------------


def test_a_wall_screen_is_read_from_five_metres_and_turns_its_pages(
    site: str, open_window: OpenWindow
) -> None:
    window = open_window("screen", "dark")
    window.open(f"{site}/zh/style?screen=2")
    window.picture("wall")
    small: list[str] = window.page.evaluate(
        """least => [...document.querySelectorAll("body *")]
          .filter(e => e.checkVisibility() && [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()))
          .filter(e => !e.closest(".visually-hidden, .skip") && parseFloat(getComputedStyle(e).fontSize) < least)
          .map(e => e.outerHTML.slice(0, 100))""",
        WALL_TEXT,
    )
    assert small == []
    # nobody can scroll a wall
    hidden = (
        "(({scrollHeight, clientHeight}) => scrollHeight - clientHeight)(document.querySelector('.shown'))"
    )
    assert window.page.evaluate("document.documentElement.scrollHeight") == SIZES["screen"][1]
    assert window.page.evaluate(hidden) == 0
    expect(window.page.get_by_role("heading", name="六个数")).to_be_visible()
    expect(window.page.get_by_role("heading", name="区县等级")).to_be_visible(timeout=5000)
    expect(window.page.get_by_role("heading", name="六个数")).to_be_hidden()
    assert window.page.evaluate(hidden) == 0
    window.picture("wall-2")


def test_paper_is_white_with_charts_and_without_controls(site: str, open_window: OpenWindow) -> None:
    window = open_window("desktop", "dark")
    window.open(f"{site}/zh/style")
    window.page.emulate_media(media="print", color_scheme="dark")
    assert window.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    for control in (".menu-bar", ".find", ".filters", ".actions", ".pager", ".save"):
        assert not window.page.locator(control).first.is_visible(), control
    corner: list[int] = window.page.evaluate(
        "[...document.querySelector('#scores canvas').getContext('2d').getImageData(2, 2, 1, 1).data]"
    )
    assert corner == [255, 255, 255, 255] and window.colours("#scores") >= 3
    assert window.page.pdf(prefer_css_page_size=True).count(b"/Type /Page\n") in (2, 3)
