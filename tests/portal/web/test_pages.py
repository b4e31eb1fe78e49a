"""City, per-mu and public pages: who sees what, that figures are the tables', and addresses that lead back."""

from __future__ import annotations

import io
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from python_calamine import CalamineWorkbook

from portal.access.viewer import VISITOR, Viewer
from portal.web.numbers import number
from portal.web.security import HEADERS
from tests.built_city import BuiltCity, at_home
from tests.portal.web.clients import CITY, STATISTICS, clients, district, firm, rows

Ask = Callable[..., Any]
CIXI = district("330282")
#: The place of a firm's name, where the ranking has numbers.
ANOTHER_LISTS_PLACE = urlsafe_b64encode('["甲厂","x"]'.encode()).decode().rstrip("=")
LATEST = "(SELECT max(year) FROM per_mu.enterprise_grade)"


@pytest.fixture(scope="module")
def ask(built_city: BuiltCity, engine_remote: str) -> Iterator[Ask]:
    with at_home(built_city.home, engine_remote), clients() as asked:
        yield asked


def text(page: Any) -> str:
    """The words of a page, without its tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.text))


# --- city ----------------------------------------------------------------------------------------------


def test_the_city_page_has_the_sums_of_its_lists(ask: Ask) -> None:
    page = ask(CITY, "/zh/")
    assert page.status_code == 200
    [sums] = rows(
        f"""SELECT sum(graded_count) AS graded, sum(tax_contribution_wan_yuan) FILTER (landed_firm_count >= 3) AS tax,
            sum(land_total_mu) FILTER (landed_firm_count >= 3) AS land
        FROM per_mu.district_summary WHERE year = {LATEST}"""
    )
    assert f"{sums['graded']:,} 家" in text(page).replace("家 ", "家")
    assert number(sums["tax"] / sums["land"]) in text(page)
    assert "合成数据" in text(page)


def test_sums_do_not_depend_on_consents(ask: Ask) -> None:
    """A page that summed single firms' figures would show less to who may not see all of them."""
    wanted = r'<dl class="figures">.*?</dl>'
    city, office = (re.search(wanted, ask(who, "/zh/").text, re.S) for who in (CITY, STATISTICS))
    assert city and office and city[0].count('class="num"') >= 10
    few = re.compile(r"<dd.*?</dd>", re.S)
    shown = [
        a == b
        for a, b in zip(few.findall(city[0]), few.findall(office[0]), strict=True)
        if "missing" not in a
    ]
    # land and tax of lists with fewer than three firms are the statistics office's alone
    [hidden] = rows(
        f"SELECT count(*) AS n FROM per_mu.district_summary WHERE year = {LATEST} AND landed_firm_count BETWEEN 1 AND 2"
    )
    assert all(shown) or hidden["n"] > 0


def test_a_district_sees_its_own_sums(ask: Ask) -> None:
    page = text(ask(CIXI, "/zh/"))
    [sums] = rows(
        f"""SELECT sum(graded_count) AS graded FROM per_mu.district_summary
        WHERE year = {LATEST} AND district_code = '330282'"""
    )
    assert "慈溪市" in page
    assert "余姚市" not in page
    assert f" {sums['graded']:,} " in page


def test_a_clerk_of_a_town_sees_the_firms_of_the_town(ask: Ask) -> None:
    [one] = rows(
        f"""SELECT town_code, count(*) AS n FROM per_mu.enterprise_grade WHERE year = {LATEST} AND town_code IS NOT NULL
        GROUP BY town_code ORDER BY n DESC, town_code LIMIT 1"""
    )
    clerk = Viewer("clerk", "town", one["town_code"])
    assert ask(clerk, "/zh/").headers["location"] == "/zh/per-mu"
    page = ask(clerk, "/zh/per-mu")
    assert f"共 {one['n']:,} 家" in text(page)
    assert ask(clerk, "/zh/per-mu?view=districts").status_code == 200
    assert ask(clerk, "/zh/per-mu?view=rules").status_code == 200


def test_firms_and_visitors_are_led_to_what_they_may_see(ask: Ask) -> None:
    [own] = rows(f"SELECT uscc FROM per_mu.enterprise_grade WHERE year = {LATEST} LIMIT 1")
    assert ask(firm(own["uscc"]), "/zh/").headers["location"] == f"/zh/enterprise/{own['uscc']}"
    assert ask(VISITOR, "/en/").headers["location"] == "/en/public"
    answer = ask(VISITOR, "/en/per-mu?year=2024&grade=D")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/en/login?next=%2Fen%2Fper-mu%3Fyear%3D2024%26grade%3DD"


# --- ranking -------------------------------------------------------------------------------------------


def listed(page: Any) -> list[str]:
    return re.findall(r"/enterprise/([0-9A-Z]{18})\?", page.text)


def test_filters_paging_and_order_show_each_firm_once(ask: Ask) -> None:
    wanted = rows(
        f"""SELECT uscc FROM per_mu.enterprise_grade WHERE year = {LATEST} AND district_code = '330282'
        ORDER BY enterprise_name, uscc"""
    )
    address, found, pages = "/zh/per-mu?district=330282&sort=enterprise_name", [], 0
    while address:
        page = ask(CITY, address)
        assert page.status_code == 200
        found += listed(page)
        following = re.search(r'rel="next" href="([^"]+)"', page.text)
        address = following[1].replace("&amp;", "&") if following else ""
        pages += 1
    assert pages > 1
    assert len(found) == len(set(found)) == len(wanted)
    assert f"共 {len(wanted):,} 家" in text(page)


def test_a_district_cannot_ask_for_another_one(ask: Ask) -> None:
    page = ask(CIXI, "/zh/per-mu?district=330281&list=above_scale")
    shown = listed(page)
    own = {row["uscc"] for row in rows("SELECT uscc FROM core.enterprise WHERE district_code = '330282'")}
    assert shown and set(shown) <= own


def test_a_withheld_total_is_told_as_such_and_the_grade_stays(ask: Ask) -> None:
    [one] = rows(
        f"""SELECT g.uscc, g.enterprise_name, g.total_score FROM per_mu.enterprise_grade g
        JOIN core.consent_state c USING (uscc, year)
        WHERE g.year = {LATEST} AND g.list_code = 'above_scale' AND c.per_mu_consent_code = 'not_given'
        AND g.rank_in_list IS NOT NULL LIMIT 1"""
    )
    for viewer, is_shown in ((CITY, False), (STATISTICS, True)):
        page = ask(viewer, f"/zh/per-mu?name={one['enterprise_name'][:8]}&list=above_scale")
        row = next(part for part in page.text.split("<tr") if one["uscc"] in part)
        assert (f"{one['total_score']:.2f}" in row) is is_shown
        assert ("未授权" in row) is not is_shown
        assert 'class="grade' in row


@pytest.mark.parametrize(
    "query",
    [
        "year=20245",
        "grade=E",
        "sort=password",
        "after=zzz",
        "after=W10",
        f"after={ANOTHER_LISTS_PLACE}",
        "year=２０２４",
        "view=all",
        "district=1'--",
        f"name={'x' * 99}",
    ],
)
def test_a_filter_that_cannot_be_is_one_sentence(ask: Ask, query: str) -> None:
    for lang, word in (("zh", "筛选条件无效"), ("en", "not valid")):
        page = ask(CITY, f"/{lang}/per-mu?{query}")
        assert page.status_code == 422, query
        assert word in text(page)
        assert "Traceback" not in page.text


def test_a_year_without_an_evaluation_is_not_found(ask: Ask) -> None:
    page = ask(CITY, "/zh/per-mu?year=1999")
    assert (page.status_code, "没有1999年的评价" in text(page)) == (404, True)


@pytest.mark.parametrize("name", ["$1", "?", "'?$2"])
def test_a_name_with_the_mark_of_a_value_is_a_name(ask: Ask, name: str) -> None:
    for address in ("/zh/public", "/zh/per-mu", "/zh/search", "/zh/enterprise"):
        assert ask(CITY, f"{address}?name={quote(name)}&q={quote(name)}").status_code == 200, address


def test_who_sees_no_evaluation_gets_no_file_of_one(ask: Ask) -> None:
    clerk = Viewer("clerk", "town", "330225001")
    assert rows("FROM per_mu.enterprise_grade WHERE town_code = '330225001'") == []
    page = ask(clerk, "/zh/per-mu/export.csv")
    assert (page.status_code, "没有您可以查看的评价" in text(page)) == (404, True)


def test_movements_add_up_to_the_firms(ask: Ask) -> None:
    [counted] = rows(
        f"""SELECT count(*) AS n FROM (SELECT uscc FROM per_mu.enterprise_grade WHERE year = {LATEST}
            UNION SELECT uscc FROM per_mu.enterprise_grade WHERE year::INTEGER = {LATEST}::INTEGER - 1)"""
    )
    page = ask(CITY, "/zh/per-mu?view=moves")
    table = page.text[page.text.index("<tbody>") : page.text.index("</tbody>")]
    firms = [int(n.replace(",", "")) for n in re.findall(r'<td class="right[^>]*>([\d,]+)<', table)]
    assert sum(firms) == counted["n"]


def test_the_rules_of_a_district_are_a_page(ask: Ask) -> None:
    page = text(ask(CITY, "/zh/per-mu?view=rules&district=330282"))
    assert "慈亩均办〔2022〕49号" in page
    assert "平台的假设" in page
    for words in ("亩均税收", "一票否决", "偷逃税", "20.0%", "45.0%"):
        assert words in page


def test_the_list_as_a_file_has_the_pages_rows(ask: Ask) -> None:
    query = "district=330282&grade=D"
    shown = listed(ask(CITY, f"/zh/per-mu?{query}"))
    excel = ask(CITY, f"/zh/per-mu/export.xlsx?{query}")
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(excel.content)).get_sheet_by_index(0).to_python()
    assert sheet[0][0].startswith("【合成数据】慈溪市")
    assert [row[1] for row in sheet if row[1] in set(shown)] == shown
    lines = ask(CITY, f"/zh/per-mu/export.csv?{query}").text.splitlines()
    assert [line.split(",")[1] for line in lines[1:]] == shown
    assert "attachment" in excel.headers["content-disposition"]
    assert ask(VISITOR, f"/zh/per-mu/export.xlsx?{query}").status_code == 303


# --- public --------------------------------------------------------------------------------------------


def test_the_public_list_has_grades_and_nothing_else(ask: Ask) -> None:
    page = ask(VISITOR, "/zh/public?district=330282&grade=A")
    assert page.status_code == 200
    [one] = rows(
        f"""SELECT enterprise_name, total_score FROM per_mu.enterprise_grade WHERE year = {LATEST}
        AND district_code = '330282' AND final_grade = 'A' ORDER BY enterprise_name, list_code, uscc LIMIT 1"""
    )
    assert one["enterprise_name"] in text(page)
    assert f"{one['total_score']:.2f}" not in page.text
    for view in ("districts", "industries"):
        sums = ask(VISITOR, f"/en/public?view={view}")
        assert sums.status_code == 200
        assert "Published sums" in text(sums)


# --- addresses and headers -----------------------------------------------------------------------------


def test_the_language_and_the_release_of_an_address_stay(ask: Ask) -> None:
    page = ask(CITY, "/releases/1/zh/per-mu?district=330282")
    assert page.status_code == 200
    links = re.findall(r'href="(/[^"]*)"', page.text)
    of_pages = [link for link in links if not link.startswith(("/static/", "/api/"))]
    assert of_pages
    assert all(link.startswith("/releases/1/") for link in of_pages), of_pages
    assert "/releases/1/en/per-mu?district=330282" in of_pages


def test_links_to_the_same_page_have_its_address_as_it_was_asked_for(ask: Ask) -> None:
    page = ask(CITY, "/zh/a%3Fb%00%23%E5%8E%82?q=1")
    assert '<link rel="alternate" hreflang="en" href="/en/a%3Fb%00%23%E5%8E%82?q=1">' in page.text


def test_every_answer_has_the_headers(ask: Ask) -> None:
    for address in ("/zh/", "/zh/none", "/api/v1/releases", "/static/portal.css"):
        headers = ask(CITY, address).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
    assert ask(CITY, "/zh/").headers["cache-control"] == "private, no-cache"


def test_an_unknown_address_and_release_are_told_in_the_pages_language(ask: Ask) -> None:
    for address, word in (
        ("/zh/none", "没有找到"),
        ("/en/none", "Not found"),
        ("/releases/99/zh/", "没有找到"),
        (f"/releases/{'9' * 5000}/zh/", "没有找到"),
        ("/en/enterprise/%00", "Not found"),
        ("/zh/chain/a%00b", "没有找到"),
    ):
        page = ask(CITY, address)
        assert page.status_code == 404
        assert word in text(page)


def test_an_unexpected_failure_shows_no_trace(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("secret of /home/somebody")

    monkeypatch.setattr("portal.queries.ranking.years", fail)
    page = ask(Viewer("other", "city"), "/zh/per-mu")
    assert page.status_code == 500
    assert "问题已记录" in text(page)
    assert "secret" not in page.text
    assert "Traceback" not in page.text
    assert {name: page.headers.get(name) for name in HEADERS} == HEADERS
    assert page.headers["cache-control"] == "private, no-cache"
