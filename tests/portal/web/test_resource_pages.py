"""Pages of resource allocation: who sees what, that figures are the tables', and the list as a file."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from portal.access.viewer import VISITOR, Viewer
from portal.web.numbers import number
from tests.built_city import BuiltCity, at_home
from tests.portal.web.clients import CITY, clients, district, firm, rows

Ask = Callable[..., Any]
LATEST = "(SELECT max(year) FROM resource.consequence_district)"


@pytest.fixture(scope="module")
def ask(built_city: BuiltCity, engine_remote: str) -> Iterator[Ask]:
    with at_home(built_city.home, engine_remote), clients() as asked:
        yield asked


def text(page: Any) -> str:
    """The words of a page, without its tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.text))


def test_totals_are_those_of_the_tables(ask: Ask) -> None:
    page = ask(CITY, "/zh/resource")
    assert page.status_code == 200
    found = rows(
        f"""SELECT * FROM resource.consequence_city WHERE year = {LATEST} AND measure_code = 'land_use_tax'
            AND least_firm_count >= 3"""
    )
    assert found
    for row in found:
        assert number(row["before_wan_yuan"]) in text(page) and number(row["after_wan_yuan"]) in text(page)


def test_a_district_sees_its_own_totals_and_lists(ask: Ask) -> None:
    [most] = rows(
        "SELECT district_code AS d FROM resource.low_efficiency GROUP BY 1 ORDER BY count(*) DESC LIMIT 1"
    )
    others = {
        r["zh"]
        for r in rows(
            "SELECT zh FROM release.code WHERE list = 'district' AND code NOT IN (?, '330200')", most["d"]
        )
    }
    for view in ("low", "lifted"):
        page = ask(district(most["d"]), f"/zh/resource?view={view}")
        assert page.status_code == 200
        cells = set(re.findall(r">([^<>]+[区县市])[<\s·]", page.text))
        assert not cells & others, view


def test_a_visitor_sees_measures_and_sources_and_no_amount(ask: Ask) -> None:
    page = ask(VISITOR, "/zh/resource")
    assert page.status_code == 200
    assert "浙政办发〔2019〕62号" in text(page) and "假设" in text(page)
    for view in ("totals", "low", "lifted", "land", "contracts"):
        assert ask(VISITOR, f"/zh/resource?view={view}").status_code == 404
    assert ask(VISITOR, "/zh/resource/low-efficiency.csv").status_code in (302, 303, 307)


def test_a_firm_is_led_to_its_sheet_which_says_what_follows(ask: Ask) -> None:
    [row] = rows(
        f"""SELECT c.* FROM resource.consequence c WHERE measure_code = 'power_price' AND year = {LATEST}
        ORDER BY amount_wan_yuan DESC LIMIT 1"""
    )
    own = firm(row["uscc"])
    led = ask(own, "/zh/resource")
    assert led.status_code == 302 and row["uscc"] in led.headers["location"]
    sheet = ask(own, f"/zh/enterprise/{row['uscc']}?year={row['year']}")
    assert sheet.status_code == 200
    part = sheet.text.split('id="consequences"')[1].split("</section>")[0]
    words = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", part))
    assert "差别化电价" in words and row["executed_from_month"] in words and "低效企业名单" in words
    assert "海宁" in words and "假设" in words
    assert f"{'+0.3' if row['years_in_d_count'] < 3 else '+0.4'} 元/千瓦时" in words


def test_the_list_is_filtered_and_given_as_a_file(ask: Ask) -> None:
    where = f"year = {LATEST} AND list_contains(failed_conditions, 'grade_d')"
    [counted] = rows(f"SELECT count(*) AS n FROM resource.low_efficiency WHERE {where}")
    page = ask(CITY, "/zh/resource?view=low&condition=grade_d")
    assert f"共 {counted['n']} 家" in text(page)
    file = ask(CITY, "/zh/resource/low-efficiency.xlsx?condition=grade_d")
    assert file.status_code == 200
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(file.content)).get_sheet_by_index(0).to_python()
    codes = {str(cell) for line in sheet for cell in line if re.fullmatch(r"[0-9A-Z]{18}", str(cell))}
    wanted = {r["uscc"] for r in rows(f"SELECT uscc FROM resource.low_efficiency WHERE {where}")}
    assert codes == wanted


@pytest.mark.parametrize(("visited", "count"), [("no", "= 0"), ("yes", "> 0")])
def test_the_list_says_who_was_visited_and_is_filtered_by_it(ask: Ask, visited: str, count: str) -> None:
    where = f"year = {LATEST} AND visit_count {count}"
    found = rows(f"SELECT * FROM resource.low_efficiency WHERE {where} ORDER BY deadline_date")
    assert found
    page = ask(CITY, f"/zh/resource?view=low&visited={visited}")
    assert f"共 {len(found)} 家" in text(page)
    cells = text(page).split("走访", 1)[1]
    assert ("次，最近" in cells) == (visited == "yes")
    file = ask(CITY, f"/en/resource/low-efficiency.csv?visited={visited}")
    assert {r["uscc"] for r in found} == set(re.findall(r"[0-9A-Z]{18}", file.text))
    sheet = ask(CITY, f"/zh/enterprise/{found[0]['uscc']}?year={found[0]['year']}")
    told = f"走访 {found[0]['visit_count']} 次，最近" if visited == "yes" else "列入以来未走访"
    assert told in text(sheet)


def test_districts_have_the_number_of_visited_firms(ask: Ask) -> None:
    page = text(ask(CITY, "/zh/resource?view=lifted"))
    found = rows(f"SELECT * FROM resource.low_efficiency_district WHERE year = {LATEST}")
    assert "已走访" in page and sum(r["visited_firm_count"] for r in found) > 0
    assert all(r["visited_firm_count"] <= r["listed_count"] for r in found)


def test_a_towns_clerk_sees_the_towns_firms_alone(ask: Ask) -> None:
    [row] = rows(
        f"""SELECT town_code, count(*) AS n FROM resource.low_efficiency WHERE year = {LATEST} AND town_code IS NOT NULL
        GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 1"""
    )
    page = ask(Viewer("clerk", "town", row["town_code"]), "/zh/resource")
    assert page.status_code == 200 and f"共 {row['n']} 家" in text(page)


@pytest.mark.parametrize("view", ["totals", "low", "lifted", "land", "contracts", "rules"])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_view_opens_for_every_year(ask: Ask, view: str, language: str) -> None:
    for row in rows("SELECT DISTINCT year FROM resource.low_efficiency_district ORDER BY year"):
        page = ask(CITY, f"/{language}/resource?view={view}&year={row['year']}")
        assert page.status_code == 200, (view, row["year"])


@pytest.mark.parametrize(
    "address", ["view=low&after=x", "view=low&visited=maybe", "measure=rain", "year=1999", "view=all"]
)
def test_addresses_that_lead_nowhere_say_so(ask: Ask, address: str) -> None:
    assert ask(CITY, f"/zh/resource?{address}").status_code in (404, 422)
