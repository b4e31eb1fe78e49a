"""Page of quotas, rights and carbon codes: who sees what, that figures are the tables', and the list as a file."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from portal.access.viewer import VISITOR
from portal.web.numbers import number
from tests.built_city import BuiltCity, at_home
from tests.portal.web.clients import CITY, clients, district, firm, rows

Ask = Callable[..., Any]
VIEWS = ("districts", "industries", "ledger", "transfers", "rights", "carbon")


@pytest.fixture(scope="module")
def ask(built_city: BuiltCity, engine_remote: str) -> Iterator[Ask]:
    with at_home(built_city.home, engine_remote), clients() as asked:
        yield asked


def text(page: Any) -> str:
    """The words of a page, without its tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.text))


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("view", VIEWS)
def test_every_view_has_rows(ask: Ask, language: str, view: str) -> None:
    page = ask(CITY, f"/{language}/quotas?view={view}&year=2023")
    assert page.status_code == 200 and page.text.count("<tr") > 3


def test_balances_are_those_of_the_tables(ask: Ask) -> None:
    shown = text(ask(CITY, "/zh/quotas?year=2023"))
    found = rows("SELECT * FROM resource.energy_quota_district WHERE year = 2023 AND least_firm_count >= 3")
    assert found
    for row in found:
        assert number(row["balance_tce"]) in shown and number(row["full_quota_tce"]) in shown


def test_a_refused_transfer_is_told_with_its_article(ask: Ask) -> None:
    shown = text(ask(CITY, "/zh/quotas?view=transfers&year=2023"))
    assert "不予入账：超过账户余额" in shown and "受让方应持有排污许可证或登记" in shown


def test_a_district_sees_its_own_firms(ask: Ask) -> None:
    [most] = rows(
        "SELECT district_code AS d FROM resource.emission_right GROUP BY 1 ORDER BY count(*) DESC LIMIT 1"
    )
    page = ask(district(most["d"]), "/zh/quotas?view=rights&year=2023")
    seen = set(re.findall(r"/enterprise/([0-9A-Z]{18})", page.text))
    own = rows("SELECT uscc FROM resource.emission_right WHERE year = 2023 AND district_code = ?", most["d"])
    assert seen and seen <= {row["uscc"] for row in own}


def test_a_firm_sees_its_code_on_its_own_sheet(ask: Ask) -> None:
    [one] = rows(
        """SELECT * FROM resource.carbon_code WHERE year = 2023 AND carbon_efficiency_level IS NOT NULL
        ORDER BY uscc LIMIT 1"""
    )
    shown = text(ask(firm(one["uscc"]), f"/zh/enterprise/{one['uscc']}?year=2023"))
    assert "碳水平" in shown and f"碳效 {one['carbon_efficiency_level']} 级" in shown


def test_a_visitor_is_sent_to_the_sign_in(ask: Ask) -> None:
    assert ask(VISITOR, "/zh/quotas").status_code in (302, 303, 307)


def test_the_list_as_a_file(ask: Ask) -> None:
    answer = ask(CITY, "/zh/quotas/export.xlsx?view=transfers&year=2023")
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(answer.content)).get_sheet_by_index(0).to_python()
    assert any("不予入账" in str(cell) for row in sheet for cell in row)


def test_unknown_years_and_districts_are_refused(ask: Ask) -> None:
    assert ask(CITY, "/zh/quotas?year=1999").status_code == 404
    assert ask(CITY, "/zh/quotas?district=330299").status_code == 404
