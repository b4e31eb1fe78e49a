"""The picture of a table's lineage in the browser: drawn, readable, and a way to the tables in it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from portal.queries.lineage import lineage
from portal.web.app import create_app
from tests.portal.browser.serving import serving
from tests.portal.browser.window import OpenWindow, Size, Theme
from tests.portal.web.clients import STATISTICS
from warehouse import duck
from warehouse.releases import Release
from warehouse.settings import settings

pytestmark = pytest.mark.browser
TABLE, USED = "per_mu.enterprise_grade", "per_mu.population"


@pytest.fixture
def address(release: Release) -> Iterator[str]:
    """Pages on the release written by hand, with what the frame of every page asks of one."""
    entry = {"version": 1, "rows": 1, "content_hash": ""}
    about = {"created_at": "2025-01-01T00:00:00+00:00", "tables": dict.fromkeys((TABLE, USED), entry)}
    with duck.connect(release.file) as connection:
        connection.execute("CREATE TABLE release.delivery AS SELECT '2024' AS period, true AS is_current")
        connection.execute(
            """CREATE TABLE release.verdict AS SELECT '' AS suite, '' AS "table", '' AS expectation, '' AS title_zh,
            '' AS title_en, '' AS level, true AS success, 0 AS evaluated, 0 AS unexpected, ['']  AS failing_keys,
            '' AS details"""
        )
    manifest = settings().releases / "manifest-1.json"
    manifest.write_text(json.dumps({**release.manifest, **about}), encoding="utf-8")
    with serving(create_app(lambda _: STATISTICS, "secret")) as served:
        yield served


@pytest.mark.parametrize(("size", "theme", "lang"), [("desktop", "light", "zh"), ("phone", "dark", "en")])
def test_the_lineage_is_drawn(
    open_window: OpenWindow, address: str, size: Size, theme: Theme, lang: str
) -> None:
    window = open_window(size, theme)
    window.open(f"{address}/{lang}/data/{TABLE}")
    boxes = window.page.locator(".lineage g")
    assert boxes.count() == len(lineage(TABLE).nodes)
    for text, rect in window.page.eval_on_selector_all(
        ".lineage g",
        "all => all.map(g => [g.querySelector('text').getBBox().width, g.querySelector('rect').getBBox().width])",
    ):
        assert 0 < text <= rect, "a title stands within its box"
    lines = window.page.locator(".lineage path")
    assert 0 < lines.count() <= len(lineage(TABLE).edges)
    assert window.overflow() == [] and window.barriers() == []
    window.page.locator(".lineage").scroll_into_view_if_needed()
    window.picture(f"lineage-{lang}")
    window.page.locator(".lineage a", has_text="参评企业名单" if lang == "zh" else "Population").first.click()
    window.page.wait_for_url(f"**/data/{USED}")
