"""The pages of what-if: a form with the rule in force, a trial in a process of its own, and who may see what."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from starlette.testclient import TestClient

from portal.access.viewer import VISITOR, Viewer
from portal.web.app import create_app
from portal.what_if import trial
from tests.built_city import BuiltCity, at_home, copy, versions
from tests.portal.api.described import assert_described
from tests.portal.web.clients import CITY, district, firm, rows

CIXI, YUYAO = district("330282"), district("330281")
TOWN = Viewer("town", "town", "330282002")


class Browser:
    """A client that may be any viewer."""

    def __init__(self, client: TestClient, asking: list[Viewer]) -> None:
        self.client, self._asking = client, asking

    def get(self, viewer: Viewer, address: str) -> Any:
        self._asking[0] = viewer
        return self.client.get(address)

    def post(self, viewer: Viewer, address: str, **given: Any) -> Any:
        self._asking[0] = viewer
        return self.client.post(address, **given)

    def submit(self, viewer: Viewer, page: str, **changed: Any) -> Any:
        """Send the form of a page as a browser does, with some fields changed."""
        sent: dict[str, Any] = {}
        form = re.search(r'<form class="what-if".*?</form>', page, re.S)
        assert form
        for field in re.findall(r"<input[^>]*>", form[0]):
            name, value = re.search(r'name="([^"]*)"', field), re.search(r'value="([^"]*)"', field)
            assert name and value
            if "checkbox" not in field or " checked" in field:
                sent.setdefault(name[1], []).append(value[1])
        for name, options in re.findall(r'<select name="([^"]*)".*?>(.*?)</select>', form[0], re.S):
            sent[name] = re.findall(r'value="([^"]*)" selected', options)
        return self.post(viewer, "/zh/what-if", data={**sent, **changed})


@contextmanager
def opened() -> Iterator[Browser]:
    asking = [VISITOR]
    with TestClient(
        create_app(lambda _: asking[0], "secret"), follow_redirects=False, raise_server_exceptions=False
    ) as client:
        yield Browser(client, asking)


@pytest.fixture(scope="module")
def browser(
    built_city: BuiltCity, engine_remote: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Browser]:
    home = copy(built_city, tmp_path_factory.mktemp("what_if") / "home")
    with at_home(home, engine_remote), opened() as found:
        yield found


def answered(browser: Browser, viewer: Viewer, address: str) -> Any:
    """The page of an answer, once it is there."""
    deadline = time.monotonic() + 60
    while (page := browser.get(viewer, address)).status_code == 202:
        assert "正在" in page.text and 'http-equiv="refresh"' in page.text
        assert time.monotonic() < deadline
        time.sleep(0.3)
    return page


@pytest.fixture(scope="module")
def answer(browser: Browser) -> str:
    """Address of a trial of Cixi's rule, asked by the city."""
    page = browser.get(CITY, "/zh/what-if?district=330282&list=above_scale").text
    sent = browser.submit(CITY, page, share_A="40", share_B="40")
    assert sent.status_code == 303, sent.text
    return str(sent.headers["location"])


def test_the_form_has_the_rule_in_force(browser: Browser) -> None:
    page = browser.get(CITY, "/zh/what-if?district=330282&list=above_scale")
    assert page.status_code == 200
    assert re.search(r'name="weight_I1" value="\d+"', page.text)
    assert "测算" in page.text


def test_an_answer_shows_who_moves_and_why(browser: Browser, answer: str) -> None:
    before = versions()
    page = answered(browser, CITY, answer)
    assert page.status_code == 200, page.text
    assert "分档比例变化" in page.text
    assert "quota.shares.A" in page.text
    export = browser.get(CITY, answer + "/export.csv")
    moved = [line for line in export.text.splitlines() if line.startswith("9")]
    assert moved
    assert all("慈溪市" in line for line in moved)
    assert versions() == before


def test_a_veto_removed_and_a_protection_changed_are_tried(browser: Browser) -> None:
    page = browser.get(CITY, "/zh/what-if?district=330282&list=above_scale")
    for words in ("安全生产死亡事故", "新设立企业", "保护与免评", "免评行业"):
        assert words in page.text
    english = browser.get(CITY, "/en/what-if?district=330282&list=above_scale").text
    for words in ("Fatal work-safety accident", "New firm", "Protected and exempt", "Exempt industries"):
        assert words in english
    changed = {"veto_safety_fatal": "", "new_firm_years": "", "supply_mode": ["", "granted"]}
    sent = browser.submit(CITY, page.text, **changed)
    assert sent.status_code == 303, sent.text
    found = answered(browser, CITY, sent.headers["location"])
    assert found.status_code == 200, found.text
    rules = trial.summary(sent.headers["location"].rpartition("/")[2])["rules"]
    assert [rule["district_code"] for rule in rules] == ["330282"]
    [of] = rules
    assert {(one["field"], str(one["before"]), str(one["after"])) for one in of["changed"]} == {
        ("vetoes.safety_fatal", "direct_d", "None"),
        ("protection.new_firm.years", "2", "None"),
        ("protection.new_firm.effect", "protected", "None"),
        ("protection.new_land.supply_modes", "['granted', 'agreement']", "['granted']"),
    }


def test_totals_need_the_firms_consent(browser: Browser, answer: str) -> None:
    answered(browser, CITY, answer)
    lines = browser.get(CITY, answer + "/export.csv").text.splitlines()
    grades = rows("SELECT uscc, total_score FROM per_mu.enterprise_grade WHERE year = '2024'")
    assert grades
    shown = {cells[0]: cells[7] for line in lines if len(cells := line.split(",")) > 8}
    assert any(value == "" for value in shown.values()) or all(shown.values())


def test_only_officials_and_each_its_own_district(browser: Browser, answer: str) -> None:
    [one] = rows("SELECT min(uscc) AS uscc FROM per_mu.enterprise_grade")
    for viewer in (TOWN, firm(one["uscc"])):
        assert browser.get(viewer, "/zh/what-if").status_code == 403
        assert browser.get(viewer, answer).status_code == 403
    assert browser.get(VISITOR, "/zh/what-if").status_code == 303
    assert answered(browser, CIXI, answer).status_code == 200
    assert browser.get(YUYAO, answer).status_code == 403
    assert browser.get(YUYAO, answer + "/export.csv").status_code == 403
    page = browser.get(YUYAO, "/zh/what-if?list=above_scale").text
    assert 'name="district" value="330281"' in page
    assert browser.submit(YUYAO, page, district="330282").status_code == 403


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"weight_I1": "99"}, "weights sum to"),
        ({"weight_I1": "many"}, "I1 权重"),
        ({"share_A": "90", "share_B": "90"}, "quota"),
        ({}, "没有改动"),
        ({"method_I1": "fixed"}, "baseline"),
        ({"new_firm_years": "some"}, "新设立企业保护年限：请填数字"),
        ({"new_land_years": "11"}, "protection.new_land.years"),
        ({"exempt_industries": "steel"}, "exempt_industries"),
        ({"tax": [""]}, "tax_components"),
    ],
)
def test_a_wrong_rule_is_told_on_the_form(browser: Browser, changed: dict[str, Any], told: str) -> None:
    page = browser.get(CITY, "/zh/what-if?district=330282&list=above_scale").text
    answer = browser.submit(CITY, page, **changed)
    assert answer.status_code == 422
    assert told in answer.text
    for name, value in changed.items():
        if not name.startswith(("method", "tax")):
            assert f'name="{name}" value="{value}"' in answer.text


def test_a_form_of_another_session_is_refused(browser: Browser) -> None:
    page = browser.get(CITY, "/zh/what-if?district=330282&list=above_scale").text
    assert browser.submit(CITY, page, csrf_token="other").status_code == 403


def test_the_api_answers_the_same(browser: Browser, answer: str) -> None:
    asked = {
        "set": {"lists.above_scale.quota.shares.A": 0.4, "lists.above_scale.quota.shares.B": 0.4},
        "year": "2024",
    }
    sent = browser.post(CIXI, "/api/v1/what-if", json=asked)
    assert sent.status_code == 202, sent.text
    assert_described("post", "/what-if", sent)
    assert sent.json()["address"].rpartition("/")[2] == answer.rpartition("/")[2]
    answered(browser, CITY, answer)
    found = browser.get(CIXI, sent.json()["address"])
    assert found.status_code == 200, found.text
    assert_described("get", "/what-if/{ident}", found)
    document = found.json()
    assert document["state"] == "done" and document["is_trial"]
    assert document["movers"] and "total_after" not in document["movers"][0]
    assert browser.get(YUYAO, sent.json()["address"]).status_code == 403
    assert browser.post(YUYAO, "/api/v1/what-if", json={**asked, "district": "330282"}).status_code == 403
    assert browser.post(VISITOR, "/api/v1/what-if", json=asked).status_code == 403
    wrong = browser.post(CIXI, "/api/v1/what-if", json={"set": {"cap_ration": 2}})
    assert wrong.status_code == 422 and "cap_ration" in wrong.text
    for content, status in (
        ("set=1", 415),
        ({"set": {}, "as": "city"}, 422),
        ({"set": {"x": "y" * 70_000}}, 413),
    ):
        given = {"content": content} if isinstance(content, str) else {"json": content}
        refused = browser.post(CIXI, "/api/v1/what-if", **given)
        assert refused.status_code == status
        assert_described("post", "/what-if", refused)
    assert browser.get(CIXI, "/api/v1/what-if/" + "0" * 20).status_code == 404


def test_what_nobody_asked_is_not_found(browser: Browser) -> None:
    for ident in ("0" * 20, "x%2Fy", "%2E%2E"):
        assert browser.get(CITY, f"/zh/what-if/{ident}").status_code == 404


def test_an_answer_that_is_no_longer_kept_is_told_with_what_to_do(browser: Browser, answer: str) -> None:
    answered(browser, CITY, answer)
    ident = answer.rpartition("/")[2]
    shutil.rmtree(trial.path_of(ident))
    for lang, told in (
        ("zh", "没有这项测算，或已不再保留；请在“规则测算”页以同样的改动重新测算"),
        ("en", "there is no such trial, or it is no longer kept; try the same changes again"),
    ):
        for address in (f"/{lang}/what-if/{ident}", f"/{lang}/what-if/{ident}/export.csv"):
            page = browser.get(CITY, address)
            assert page.status_code == 404 and told in page.text
    document = browser.get(CIXI, f"/api/v1/what-if/{ident}")
    assert document.status_code == 404 and "请以同样的改动重新提交" in document.text
    page = browser.get(CITY, "/zh/what-if?district=330282&list=above_scale").text
    again = browser.submit(CITY, page, share_A="40", share_B="40")
    assert again.headers["location"] == answer
    assert answered(browser, CITY, answer).status_code == 200
