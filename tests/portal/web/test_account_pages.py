"""Sign in, choose a password, sign out, through the server that readers use."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from portal.access.viewer import Viewer
from portal.accounts import audit, store, tokens, verification
from portal.web.app import create_app
from portal.web.identity import identify

LI = Viewer("li", "district", "330282")
CHOSEN = "Ein langes Wort 77"
BY = audit.Operator("test", "")


@pytest.fixture
def browser(built_copy: Path) -> Iterator[Any]:
    with TestClient(create_app(identify, "s" * 40), base_url="http://127.0.0.1") as client:
        yield client


def token(page: Any) -> str:
    return re.search(r'name="csrf_token" value="([^"]+)"', page.text)[1]  # type: ignore[index]


def sign_in(browser: Any, name: str, password: str, to: str = "/zh/per-mu?year=2024") -> Any:
    page = browser.get("/zh/login")
    return browser.post(
        "/zh/login", data={"csrf_token": token(page), "name": name, "password": password, "next": to}
    )


def known(browser: Any) -> str:
    """An account whose owner has chosen a password; the first one."""
    first = store.create(LI, by=BY)
    page = sign_in(browser, "li", first)
    assert page.url.path == "/zh/password"
    browser.post(
        "/zh/password", data={"csrf_token": token(page), "present": first, "chosen": CHOSEN, "again": CHOSEN}
    )
    return first


def test_a_first_password_opens_one_page_only(browser: Any) -> None:
    first = store.create(LI, by=BY)
    page = sign_in(browser, "li", first)
    assert page.url.path == "/zh/password"
    assert browser.get("/zh/per-mu").url.path == "/zh/password"
    wrong = browser.post(
        "/zh/password",
        data={"csrf_token": token(page), "present": first, "chosen": "short", "again": "short"},
    )
    assert (wrong.status_code, "12" in wrong.text) == (422, True)
    again = browser.post(
        "/zh/password", data={"csrf_token": token(wrong), "present": first, "chosen": CHOSEN, "again": "x"}
    )
    assert "两次输入" in again.text
    done = browser.post(
        "/zh/password", data={"csrf_token": token(again), "present": first, "chosen": CHOSEN, "again": CHOSEN}
    )
    # the page that was asked for before the sign-in
    assert (done.status_code, str(done.url.path)) == (200, "/zh/per-mu")
    assert browser.get("/zh/account").text.count("330282") >= 1


def test_signing_in_leads_back_and_signing_out_ends_it(browser: Any) -> None:
    known(browser)
    browser.cookies.clear()
    page = sign_in(browser, "li", CHOSEN)
    assert str(page.url).endswith("/zh/per-mu?year=2024")
    cookie = next(iter(browser.cookies.jar))
    assert cookie.has_nonstandard_attr("httponly")
    assert cookie.get_nonstandard_attr("samesite") == "strict"
    out = browser.post("/zh/logout", data={"csrf_token": token(page)})
    assert out.url.path == "/zh/login"
    assert browser.get("/zh/per-mu").url.path == "/zh/login"
    part = browser.get("/zh/per-mu?grade=D", headers={"HX-Request": "true"})
    assert (part.status_code, part.headers["hx-redirect"]) == (
        204,
        "/zh/login?next=%2Fzh%2Fper-mu%3Fgrade%3DD",
    )


@pytest.mark.parametrize(
    "to", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"]
)
def test_a_link_cannot_lead_elsewhere_after_signing_in(browser: Any, to: str) -> None:
    known(browser)
    browser.cookies.clear()
    page = sign_in(browser, "li", CHOSEN, to)
    assert page.url.host == "127.0.0.1"
    assert page.url.path == "/zh/"


def test_a_form_without_this_sessions_token_is_refused(browser: Any) -> None:
    known(browser)
    for given in ("", "x"):
        answer = browser.post("/zh/logout", data={"csrf_token": given})
        assert answer.status_code in (403, 422)
    assert browser.get("/zh/account").url.path == "/zh/account", "the session goes on"


def test_wrong_words_are_refused_alike_and_in_the_readers_language(browser: Any) -> None:
    known(browser)
    browser.cookies.clear()
    wrong, unknown = sign_in(browser, "li", "x" * 20), sign_in(browser, "nobody", "x" * 20)
    said = [re.search(r'role="alert">([^<]+)', page.text)[1] for page in (wrong, unknown)]  # type: ignore[index]
    assert said[0] == said[1]
    assert wrong.status_code == unknown.status_code == 401


def test_a_disabled_account_is_out_at_its_next_request(browser: Any) -> None:
    known(browser)
    assert browser.get("/zh/per-mu").url.path == "/zh/per-mu"
    store.disable("li", by=BY)
    assert browser.get("/zh/per-mu").url.path == "/zh/login"


def test_a_cookie_that_somebody_made_is_no_session(browser: Any) -> None:
    known(browser)
    value = browser.cookies["brain_session"]
    browser.cookies.clear()
    browser.cookies.set("brain_session", value[:-4] + "AAAA", domain="127.0.0.1")
    assert browser.get("/zh/per-mu").url.path == "/zh/login"


def test_tokens_open_the_api_until_they_end(browser: Any) -> None:
    text = tokens.issue(Viewer("loans", "application", "330282"), by=BY)
    rows = "/api/v1/tables/per_mu.enterprise_grade/rows?limit=1000"
    head = {"authorization": f"Bearer {text}"}
    answer = browser.get(rows, headers=head)
    assert answer.status_code == 200
    assert {row["district_code"] for row in answer.json()["rows"]} == {"330282"}
    uscc = answer.json()["rows"][0]["uscc"]
    year = answer.json()["rows"][0]["year"]
    one = browser.get(f"/api/v1/tables/core.enterprise/row?uscc={uscc}&year={year}", headers=head)
    assert one.json()["row"]["uscc"] == uscc
    read = [(entry.action, entry.subject) for entry in verification.entries(actor="token:loans")]
    assert read == [("table.read", "per_mu.enterprise_grade"), ("firm.read", uscc)]
    tokens.revoke("loans", by=BY)
    for given, word in ((text, "revoked"), ("brain_nothing", "token"), ("", "token")):
        refused = browser.get(rows, headers={"authorization": f"Bearer {given}", "accept-language": "en"})
        assert refused.status_code == 401
        assert word in refused.json()["detail"]


def test_the_audit_log_says_who_read_which_firm(browser: Any) -> None:
    known(browser)
    page = browser.get("/zh/per-mu?district=330282")
    uscc = re.search(r"/enterprise/([0-9A-Z]{18})", page.text)[1]  # type: ignore[index]
    assert browser.get(f"/zh/enterprise/{uscc}").status_code == 200
    entries = list(verification.entries(actor="li", subject=uscc))
    assert [entry.action for entry in entries] == ["firm.read"]
    assert list(verification.Verification()) == []


def test_nothing_is_shown_if_the_audit_log_cannot_be_written(
    browser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    known(browser)
    page = browser.get("/zh/per-mu?district=330282")
    uscc = re.search(r"/enterprise/([0-9A-Z]{18})", page.text)[1]  # type: ignore[index]

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("portal.accounts.audit._write", full)
    answer = browser.get(f"/zh/enterprise/{uscc}")
    assert answer.status_code == 503
    assert "亩均评价" not in answer.text
