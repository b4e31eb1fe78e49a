"""Every page in a real browser: languages, themes, sizes; links, filters, back; what a viewer must not reach."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import Request
from playwright.sync_api import Browser, Page, expect

from portal.access.viewer import RIGHTS, VISITOR, Viewer
from portal.queries.release import reading
from portal.web.app import create_app
from portal.web.pages import PAGES, quotas, resource, routers
from schemas.contract import code_list
from schemas.errors import RejectedError
from tests.built_city import BuiltCity, at_home
from tests.portal.browser.pictures import pictures, take
from tests.portal.browser.serving import serving
from tests.portal.browser.window import LOOKS, OpenWindow, Size, Theme, Window
from tests.portal.web.outlines import rectangles, write
from warehouse.releases import open_release
from warehouse.settings import CHECKOUT, settings

pytestmark = pytest.mark.browser

#: Who asks, by the cookie of these tests.
VIEWERS = {
    "city": Viewer("市亩均办", "city"),
    "office": Viewer("统计局", "city", "", frozenset(RIGHTS)),
    "cixi": Viewer("慈溪市", "district", "330282"),
    "visitor": VISITOR,
}
#: The first address of each page, opened by each size, theme and language.
FIRST = ("/", "/per-mu?district=330282&list=above_scale", "/chain", "/data", "/releases", "/public", "/login")
#: Pictures that README and docs show; a page of docs loads all of them.
PICTURES = CHECKOUT / "docs" / "pictures"
MOST_BYTES = 250_000
#: Links of one kind that the walk opens; the rest differ in their content alone.
OF_A_KIND = 2


def _viewer(request: Request) -> Viewer:
    known = request.cookies.get("viewer", "city")
    return VIEWERS.get(known) or Viewer("firm", "enterprise", known)


@pytest.fixture(scope="module")
def site(built_city: BuiltCity, engine_remote: str) -> Iterator[str]:
    with at_home(built_city.home, engine_remote), serving(create_app(_viewer, "s" * 40)) as address:
        yield address


def as_viewer(window: Window, site: str, viewer: str) -> Window:
    window.page.context.add_cookies([{"name": "viewer", "value": viewer, "url": site}])
    return window


@pytest.mark.parametrize(("size", "theme", "lang"), LOOKS)
def test_the_first_pages_are_seen_by_everyone(
    site: str, open_window: OpenWindow, size: Size, theme: Theme, lang: str
) -> None:
    window = as_viewer(open_window(size, theme), site, "office")
    for path in FIRST:
        window.open(f"{site}/{lang}{path}")
        window.picture(f"{lang}{re.sub('[^a-z]+', '-', path.split('?')[0])}")
        assert window.overflow() == [], path
        assert window.barriers() == [], path
        expect(
            window.page.get_by_text("合成数据" if lang == "zh" else "Synthetic data").first
        ).to_be_visible()


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("size", ["phone", "desktop"])
def test_forms_and_groups_fit_the_window(site: str, open_window: OpenWindow, size: Size, lang: str) -> None:
    """The form of a rule, the list of groups and the sheet of one, to which its lead's page leads."""
    window = as_viewer(open_window(size), site, "office")
    with reading(open_release()) as query:
        [group] = query(
            "SELECT * FROM per_mu.group_score ORDER BY year DESC, member_count DESC, uscc LIMIT 1"
        )
    for path in (
        "/what-if?district=330282&list=above_scale",
        f"/objects/groups?year={group['year']}",
        f"/objects/group/{group['group_code']}?year={group['year']}",
    ):
        window.open(f"{site}/{lang}{path}")
        window.picture(f"{lang}{re.sub('[^a-z]+', '-', path.split('?')[0])}")
        assert window.overflow() == [], path
        assert window.barriers() == [], path
    window.open(f"{site}/{lang}/enterprise/{group['uscc']}?year={group['year']}")
    window.page.get_by_role("link", name=group["group_name"]).click()
    expect(window.page.get_by_role("heading", level=1)).to_have_text(group["group_name"])


#: Lists whose cells have several parts each.
LISTS = (
    *(f"/objects?kind={code}" for code in code_list("object_kind")),
    *(f"/resource?view={view}" for view in resource.VIEWS),
    *(f"/quotas?view={view}" for view in quotas.VIEWS),
    "/procedure?district=330282",
)


@pytest.mark.parametrize("path", LISTS)
def test_lists_fit_a_phone(site: str, open_window: OpenWindow, path: str) -> None:
    window = as_viewer(open_window("phone"), site, "office")
    assert window.open(f"{site}/en{path}").status == 200
    window.picture("en" + re.sub("[^a-z]+", "-", path))
    assert window.overflow() == []
    assert window.barriers() == []


def kind(address: str) -> str:
    """Addresses of one kind: codes and numbers differ, and the values of parameters."""
    path, _, query = address.partition("?")
    names = sorted(part.partition("=")[0] for part in query.split("&"))
    return re.sub(r"[0-9A-Z]{2,}[-0-9A-Z]*|\d+|[a-z_]+\.[a-z_]+", "*", path) + "?" + "&".join(names)


@pytest.mark.parametrize(
    "viewer",
    [*(pytest.param(one, marks=pytest.mark.slow) for one in ("office", "cixi")), "visitor"],
)
def test_every_link_leads_somewhere(site: str, open_window: OpenWindow, viewer: str) -> None:
    window = as_viewer(open_window(), site, viewer)
    waiting, seen, opened = ["/zh/"], dict[str, int](), 0
    while waiting:
        address = waiting.pop()
        window.open(site + address)
        opened += 1
        assert window.faults == [], (address, window.faults)
        for link in window.page.eval_on_selector_all(
            "a[href^='/']", "found => found.map(a => a.getAttribute('href'))"
        ):
            is_file = link.startswith(("/api/", "/static/")) or re.search(r"export\.|\.(csv|xlsx)", link)
            count = seen.get(kind(link), 0)
            if not is_file and count < OF_A_KIND and not link.startswith("/releases/"):
                seen[kind(link)] = count + 1
                waiting.append(link)
    assert opened > (8 if viewer == "visitor" else 25)


def test_every_page_module_is_reached(site: str) -> None:
    assert len(list(routers())) == len(PAGES)


def test_a_filter_changes_list_and_address_and_back_undoes_it(site: str, open_window: OpenWindow) -> None:
    page: Page = as_viewer(open_window(), site, "city").page
    page.goto(f"{site}/zh/per-mu?district=330282")
    before = page.locator("tbody tr").count()
    page.locator("select[name=grade]").select_option("D")
    expect(page).to_have_url(re.compile("grade=D"))
    expect(page.locator("tbody tr td .grade-d").first).to_be_visible()
    after = page.locator("tbody tr").count()
    assert 0 < after < before
    page.go_back()
    expect(page).not_to_have_url(re.compile("grade=D"))
    expect(page.locator("tbody tr")).to_have_count(before)


def test_who_is_no_longer_signed_in_is_led_to_the_sign_in(site: str, open_window: OpenWindow) -> None:
    window = as_viewer(open_window(), site, "city")
    window.open(f"{site}/zh/per-mu?district=330282")
    as_viewer(window, site, "visitor").page.locator("select[name=grade]").select_option("D")
    expect(window.page).to_have_url(re.compile("/zh/login[?]next=.*grade%3DD"))


def test_the_wall_screen_shows_one_part_of_the_city_after_the_other(
    site: str, open_window: OpenWindow
) -> None:
    page: Page = as_viewer(open_window("screen", "dark"), site, "city").page
    page.goto(f"{site}/zh/?screen=1")
    expect(page.locator(".figures .big").first).to_be_visible()
    expect(page.locator(".tiles")).to_be_visible(timeout=10_000)
    expect(page.locator(".figures .big").first).to_be_hidden()
    expect(page.get_by_role("navigation")).to_have_count(0)


def test_maps_have_official_outlines_where_the_house_has_a_file(
    site: str, open_window: OpenWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BRAIN_BOUNDARIES", str(write(tmp_path / "districts.json", rectangles())))
    settings.cache_clear()
    with serving(create_app(_viewer, "s" * 40)) as with_outlines:
        for path in ("/zh/", "/en/per-mu?view=districts&district=330282"):
            window = open_window()
            window.open(with_outlines + path)
            assert window.page.locator(".tiles").count() == 0
            assert window.colours("#districts") >= 5, "ground, steps of the scale and letters"
            assert window.barriers() == []
            window.picture(f"outlines-{path[1:3]}")
        # a click on a district's rectangle leads to its firms
        box = window.page.locator("#districts").bounding_box()
        assert box is not None
        window.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        expect(window.page).to_have_url(re.compile(r"/en/per-mu[?]year=\d{4}&district=3302"))
    monkeypatch.undo()
    settings.cache_clear()
    window = open_window()
    window.open(f"{site}/zh/per-mu?view=districts")
    expect(window.page.locator(".tiles a")).to_have_count(10)


def test_pictures_for_the_docs_are_small_and_of_a_synthetic_city(
    site: str, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    with reading(open_release()) as query:
        wanted = pictures(query)
        monkeypatch.setattr("tests.portal.browser.pictures.is_synthetic", lambda _: False)
        with pytest.raises(RejectedError, match="has real firms"):
            pictures(query)
    assert sorted(one.name for one in wanted) == sorted(path.stem for path in PICTURES.glob("*.webp"))
    for one in wanted[-2:]:
        made = take(browser, site, one)
        assert made[8:12] == b"WEBP" and 10_000 < len(made) < MOST_BYTES
    assert all(path.stat().st_size < MOST_BYTES for path in PICTURES.glob("*.webp"))


def test_the_language_switch_keeps_the_page(site: str, open_window: OpenWindow) -> None:
    page: Page = as_viewer(open_window(), site, "city").page
    page.goto(f"{site}/zh/per-mu?district=330282&grade=D")
    page.get_by_role("link", name="EN", exact=True).click()
    expect(page).to_have_url(f"{site}/en/per-mu?district=330282&grade=D")
    expect(page.get_by_role("heading", level=1)).to_have_text("Per-mu evaluation")


def test_three_clicks_from_the_city_to_why_a_firm_of_cixi_is_a_d(site: str, open_window: OpenWindow) -> None:
    page: Page = as_viewer(open_window(), site, "city").page
    page.goto(f"{site}/zh/")
    page.get_by_role("row", name=re.compile("慈溪市")).get_by_role("link").click()
    page.locator("select[name=grade]").select_option("D")
    expect(page.locator("tbody .grade-d").first).to_be_visible()
    expect(page).to_have_url(re.compile("grade=D"))
    page.locator("tbody a.row-link").first.click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator("main")).to_contain_text(re.compile("因|按名次|否决"))


def test_a_district_and_a_firm_reach_nobody_else_by_any_address(site: str, open_window: OpenWindow) -> None:
    first = "SELECT uscc, enterprise_name FROM core.enterprise WHERE district_code = ? ORDER BY uscc LIMIT 1"
    with reading(open_release()) as query:
        [other], [own] = query(first, "330281"), query(first, "330282")
    uscc = other["uscc"]
    for viewer in ("cixi", own["uscc"]):
        window = as_viewer(open_window(), site, viewer)
        window.expected |= {403, 404, 422}
        for path in (
            f"/zh/enterprise/{uscc}", f"/zh/enterprise?q={uscc}", f"/zh/search?q={uscc}",
            f"/zh/evidence/per_mu.enterprise_grade?uscc={uscc}&year=2024&evaluation_version=1",
            f"/releases/1/zh/enterprise/{uscc}", f"/api/v1/search?q={uscc}",
            f"/api/v1/tables/core.enterprise/rows?uscc={uscc}",
            f"/api/v1/tables/core.enterprise/row?uscc={uscc}&year=2024",
        ):  # fmt: skip
            window.open(site + path)
            assert other["enterprise_name"] not in window.page.content(), (viewer, path)
