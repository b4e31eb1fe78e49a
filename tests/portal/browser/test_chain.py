"""A chain in a real browser: the graph is drawn, a node opens beside it, nothing sticks out on a phone."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from portal.web.app import create_app
from tests.built_city import BuiltCity, at_home
from tests.portal.browser.serving import serving
from tests.portal.browser.window import OpenWindow, Size, Theme, Window
from tests.portal.web.clients import STATISTICS

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def site(built_city: BuiltCity, engine_remote: str) -> Iterator[str]:
    """The portal as the statistics office sees it."""
    with (
        at_home(built_city.home, engine_remote),
        serving(create_app(lambda _: STATISTICS, "secret")) as address,
    ):
        yield address


@pytest.mark.parametrize(
    ("size", "theme", "lang"), [("desktop", "light", "zh"), ("phone", "dark", "en"), ("screen", "dark", "zh")]
)
def test_a_chain_is_read_by_everyone(
    site: str, open_window: OpenWindow, size: Size, theme: Theme, lang: str
) -> None:
    window = open_window(size, theme)
    for name, address in (
        ("chains", "chain"),
        ("chain", "chain/ZNJD?node=ZNJD-M05"),
        ("node", "chain/ZNJD/node/ZNJD-M05"),
    ):
        window.open(f"{site}/{lang}/{address}")
        window.picture(f"{name}-{lang}")
        if name == "chain":
            assert window.colours("#graph") >= 4
        assert window.overflow() == []
        assert window.barriers() == []


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_a_node_opens_beside_the_graph(site: str, open_window: OpenWindow, size: Size) -> None:
    window = open_window(size)
    window.open(f"{site}/zh/chain/ZNJD?year=2024")
    page = window.page
    expect(page.locator("#node h2")).to_have_text("选一个环节")
    page.evaluate("document.querySelector('h1').dataset.kept = 'yes'")
    name = _click(window, "ZNJD-U05")
    expect(page.locator("#node h2")).to_contain_text(name)
    page.wait_for_url("**/zh/chain/ZNJD?year=2024&node=ZNJD-U05")
    assert page.locator("h1[data-kept=yes]").count() == 1, "the whole page was loaded"
    expect(page.locator("#node h2")).to_be_in_viewport()
    assert window.colours("#graph") >= 4
    # the chosen node has another ground than before, and its lines another colour
    chosen = json.loads(page.locator("#graph-option").text_content() or "")
    assert [item["id"] for item in chosen["series"][0]["data"] if item.get("selected")] == ["ZNJD-U05"]
    page.go_back()
    expect(page.locator("#node h2")).to_have_text("选一个环节")
    window.wait_for_charts()


def _click(window: Window, code: str) -> str:
    """Click a node of the graph, at the place that the option gives it; the node's name."""
    option = json.loads(window.page.locator("#graph-option").text_content() or "")
    [item] = [item for item in option["series"][0]["data"] if item["id"] == code]
    box = window.page.locator("#graph").bounding_box()
    assert box
    columns, grid = len(option["xAxis"][0]["data"]), option["grid"]
    height = box["height"] - grid["top"] - grid["bottom"]
    x, y = item["value"]
    place = {"x": (x + 0.5) / columns * box["width"], "y": grid["top"] + y / 100 * height}
    window.page.locator("#graph").click(position=place)  # type: ignore[arg-type]
    return str(item["name"]).split("\n")[0]


def test_a_node_is_reached_without_script(site: str, open_window: OpenWindow) -> None:
    window = open_window(java_script_enabled=False)
    window.page.goto(f"{site}/zh/chain/ZNJD?year=2024")
    window.page.locator("#results .row-link").first.click()
    expect(window.page.locator("h1")).not_to_have_text("智能家电")
    expect(window.page.get_by_role("heading", name="为什么是这个状态")).to_be_visible()
