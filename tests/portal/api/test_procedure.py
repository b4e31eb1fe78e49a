"""The yearly procedure over the API: who sees a district's year, who decides what, and what is refused how."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from portal.access.viewer import Viewer
from portal.accounts import audit, tokens, verification
from portal.procedure import facts, journal
from portal.queries.release import reading
from portal.web.app import create_app
from portal.web.identity import identify
from tests.built_city import BuiltCity, at_home, copy
from tests.portal.api.described import assert_described
from tests.portal.api.serving import VIEWER, client_of
from tests.portal.procedure.standing_city import DISTRICT, YEAR, firms, on
from warehouse.releases import open_release
from warehouse.settings import settings

CLERK, COLLEAGUE, OTHER = f"district {DISTRICT}", f"district {DISTRICT} quarantine", "district 330203"
STATUS = f"/procedure/{YEAR}/{DISTRICT}"


@pytest.fixture(scope="module")
def decided_home(
    built_city: BuiltCity, engine_remote: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """A copy of the built city whose journal each test empties."""
    with at_home(copy(built_city, tmp_path_factory.mktemp("decided_by_api") / "home"), engine_remote) as home:
        yield home


@pytest.fixture
def api(decided_home: Path) -> Iterator[TestClient]:
    """The API on a home without decisions of its own."""
    for folder in ("procedure", "accounts"):
        shutil.rmtree(decided_home / folder, ignore_errors=True)
    for file in (decided_home / "landing").rglob("procedure_*"):
        file.unlink()
    on("2025-04-21")
    with client_of() as client:
        yield client


def send(api: TestClient, who: str, address: str, lang: str = "en", **given: Any) -> Any:
    headers = {VIEWER: who, "accept-language": lang}
    answer = api.post(f"/procedure/{address}", json=given, headers=headers)
    assert_described("post", f"/procedure/{address}", answer)
    return answer


def step(api: TestClient, code: str, who: str = CLERK, **given: Any) -> Any:
    return send(
        api, who, "step", **{"district": DISTRICT, "year": YEAR, "step": code, "document": "1号", **given}
    )


def look(api: TestClient, who: str, address: str = STATUS) -> Any:
    answer = api.get(address, headers={VIEWER: who, "accept-language": "en"})
    template = "/procedure/{year}/{district}" if address.startswith("/procedure/") else "/procedure"
    assert_described("get", template, answer)
    return answer


def until(api: TestClient, code: str) -> None:
    """Decide the steps before one, each on a day that allows it."""
    days = {"data_gathered": "2025-05-05", "initial_graded": "2025-06-20", "joint_meeting": "2025-07-10"}
    known = look(api, "city").json()["steps"]
    for found in known:
        name = found["step"]["code"]
        if name == code:
            return
        if name in days:
            on(days[name])
        if found["state"] != "done":
            answer = step(
                api, name, days=5 if name in ("land_publicity", "sheets_offered", "publicity") else None
            )
            assert answer.status_code == 201, answer.text


def test_a_step_is_decided_and_seen_at_once(api: TestClient) -> None:
    before = look(api, CLERK).json()
    assert before["may_decide"] and before["district"]["zh"] == "慈溪市"
    assert [one["state"] for one in before["steps"]] == ["due"] + ["waiting"] * 9
    done = step(api, "list_fixed", document="甬〔2025〕1号")
    assert done.status_code == 201, done.text
    record = done.json()["record"]
    assert done.json()["feed"] == "gov_evaluation_step"
    assert (record["decided_date"], record["evaluation_version"], record["document_code"]) == (
        "2025-04-21", 1, "甬〔2025〕1号",
    )  # fmt: skip
    first, second, *_ = look(api, CLERK).json()["steps"]
    assert (first["state"], first["decided_date"], first["is_pending"]) == ("done", "2025-04-21", True)
    assert (second["step"]["code"], second["state"]) == ("land_publicity", "due")
    window = step(api, "land_publicity", days=5).json()["record"]
    assert (window["window_end_date"], window["working_days_count"]) == ("2025-04-25", 5)
    listed = look(api, "city", f"/procedure?year={YEAR}").json()["districts"]
    [own] = [one for one in listed if one["district"]["code"] == DISTRICT]
    assert (own["last"]["code"], own["due"]["code"]) == ("land_publicity", "data_gathered")
    files = list((settings().landing / facts.STEP).glob("procedure_*.jsonl"))
    assert len(files) == 2  # what the API decided is delivered
    [entry, _] = [entry for entry in verification.entries() if entry.action == "procedure.step"]
    assert entry.subject == f"{DISTRICT}/{YEAR}/list_fixed"


def test_the_list_is_of_the_latest_year_and_of_what_an_account_may_see(api: TestClient) -> None:
    whole = look(api, "city", "/procedure").json()
    assert whole["year"] == max(whole["years"]) and len(whole["districts"]) > 2
    bound = look(api, f"town {DISTRICT}002", "/procedure").json()
    assert [one["district"]["code"] for one in bound["districts"]] == [DISTRICT]
    assert look(api, "", "/procedure").status_code == 403
    assert look(api, "city", "/procedure?year=1999").status_code == 404
    assert look(api, "city", "/procedure?year=x").status_code == 422


def test_an_account_sees_what_the_page_shows_it(api: TestClient) -> None:
    [uscc] = firms(1)
    page = f"http://api/zh/procedure?year={YEAR}&district={DISTRICT}"
    for who in ("city", CLERK, f"town {DISTRICT}002", f"enterprise {uscc}", "analyst", f"analyst {DISTRICT}"):
        answer = look(api, who)
        shown = api.get(page, headers={VIEWER: who})
        assert (answer.status_code, shown.status_code) == (200, 200), who
        content = answer.json()
        assert content["may_decide"] == ("/procedure/step" in shown.text), who
        assert (
            (content["sheet"] is not None) == ("一企一单</h2>" in shown.text) == who.startswith("enterprise")
        )
        assert all(one["objection_code"] in shown.text for one in content["objections"]), who
    for who in (OTHER, "analyst 330203", "town 330203001"):
        refused = look(api, who)
        assert (refused.status_code, refused.json()["type"]) == (403, "/api/v1/problems/not-yours"), who
    assert look(api, "").status_code == 403
    assert look(api, "city", f"/procedure/{YEAR}/330000").status_code == 404
    assert look(api, "city", f"/procedure/1999/{DISTRICT}").status_code == 404
    reads = [entry.subject for entry in verification.entries() if entry.action == "firm.read"]
    assert uscc in reads


def test_the_wrong_order_and_a_notice_that_is_open_are_refused(api: TestClient) -> None:
    early = step(api, "data_gathered")
    assert (early.status_code, early.json()["type"]) == (409, "/api/v1/problems/procedure")
    assert early.json()["detail"].startswith("List fixed (list_fixed) has not been decided")
    until(api, "data_gathered")
    on("2025-04-25")
    open_ = step(api, "data_gathered", lang="zh")
    assert open_.status_code == 409 and "期满后方可" in open_.json()["detail"]
    assert open_.headers["content-language"] == "zh"
    again = step(api, "list_fixed", who="city")
    assert (again.status_code, again.json()["type"]) == (409, "/api/v1/problems/procedure_decided")


def test_who_may_not_decide_is_refused(api: TestClient) -> None:
    for who in (OTHER, f"town {DISTRICT}002", "analyst", f"analyst {DISTRICT}", "application"):
        refused = step(api, "list_fixed", who=who)
        assert (refused.status_code, refused.json()["type"]) == (
            403,
            "/api/v1/problems/procedure_not_allowed",
        ), who
    for address in ("step", "confirm", "object", "decide", "adjust"):
        assert send(api, "", address).status_code == 403  # before the body is read
    assert look(api, "city").json()["steps"][0]["state"] == "due"


def test_a_token_decides_under_its_own_name(api: TestClient) -> None:
    text = tokens.issue(Viewer("platform", "district", DISTRICT), by=audit.Operator("test", ""))
    given = {"district": DISTRICT, "year": YEAR, "step": "list_fixed", "document": "1号"}
    with TestClient(create_app(identify, "s" * 40), base_url="http://api/api/v1") as own:

        def post(headers: dict[str, str]) -> Any:
            return own.post("/procedure/step", json=given, headers=headers)

        unknown = post({"authorization": "Bearer brain_nobody"})
        assert (unknown.status_code, unknown.headers["www-authenticate"]) == (401, "Bearer")
        assert post({}).status_code == 403
        done = post({"authorization": f"Bearer {text}"})
    assert done.status_code == 201, done.text
    assert done.json()["record"]["decider_account"] == "token:platform"
    [entry] = [entry for entry in verification.entries() if entry.action == "procedure.step"]
    assert (entry.actor, entry.role) == ("token:platform", "district")


def test_of_two_clerks_at_once_one_decides(api: TestClient) -> None:
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda who: step(api, "list_fixed", who), [CLERK, COLLEAGUE, "city"] * 2))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 5
    refused = [answer.json() for answer in answers if answer.status_code == 409]
    assert {one["type"] for one in refused} == {"/api/v1/problems/procedure_decided"}
    assert all("List fixed was decided on 2025-04-21 by test " in one["detail"] for one in refused)
    with journal.reading() as db:
        assert len(journal.entries(db, facts.STEP)) == 1


def test_a_firm_confirms_its_own_sheet_and_no_other(api: TestClient) -> None:
    own, other = firms(2)
    firm = f"enterprise {own}"
    assert send(api, firm, "confirm", uscc=own, year=YEAR).status_code == 409  # not offered yet
    until(api, "initial_graded")
    on("2025-05-06")
    foreign = send(api, firm, "confirm", uscc=other, year=YEAR)
    assert (foreign.status_code, foreign.json()["type"]) == (403, "/api/v1/problems/procedure_not_allowed")
    done = send(api, firm, "confirm", uscc=own, year=YEAR)
    assert done.status_code == 201 and done.json()["record"]["uscc"] == own
    sheet = look(api, firm).json()["sheet"]
    assert sheet["uscc"] == own and sheet["is_pending"] and sheet["values"]
    assert send(api, firm, "confirm", uscc=own, year=YEAR).json()["type"].endswith("/procedure_decided")
    without = send(api, CLERK, "confirm", uscc=other, year=YEAR)
    assert (without.status_code, without.json()["type"]) == (422, "/api/v1/problems/procedure_incomplete")
    assert send(api, CLERK, "confirm", uscc=other, year=YEAR, document="收文1号").status_code == 201
    assert send(api, OTHER, "confirm", uscc=other, year=YEAR, document="收文1号").status_code == 403


def test_an_objection_is_raised_in_its_window_decided_and_grades_adjusted(api: TestClient) -> None:
    uscc, other = firms(2)
    firm, claim = f"enterprise {uscc}", {"uscc": uscc, "year": YEAR, "evidence": "完税证明"}
    figure = {**claim, "kind": "figure", "indicator": "I1", "claimed": "12.5"}
    early = send(api, firm, "object", **figure)
    assert (early.status_code, early.json()["type"]) == (409, "/api/v1/problems/procedure")
    until(api, "joint_meeting")
    on("2025-06-23")
    raised = send(api, firm, "object", **figure)
    assert raised.status_code == 201, raised.text
    record = raised.json()["record"]
    assert (record["claimed_value"], record["year"]) == (12.5, int(YEAR))
    on("2025-07-10")
    late = send(api, firm, "object", lang="zh", **{**claim, "kind": "grade"})
    assert late.status_code == 409 and "只能在公示期内提出" in late.json()["detail"]
    assert step(api, "joint_meeting").status_code == 409  # an objection is open
    code = record["objection_code"]
    [listed] = [one for one in look(api, CLERK).json()["objections"] if one["objection_code"] == code]
    assert (listed["state"]["code"], listed["claimed_value"], listed["is_pending"]) == ("open", 12.5, True)
    # as of their table: offices of the district and the firm itself see them, its town does not
    seen = {
        who: code in look(api, who).text for who in (firm, f"enterprise {other}", town_of(uscc), "analyst")
    }
    assert list(seen.values()) == [True, False, False, True]
    page = f"http://api/zh/procedure?year={YEAR}&district={DISTRICT}"
    assert seen == {who: code in api.get(page, headers={VIEWER: who}).text for who in seen}
    decision = {
        "district": DISTRICT,
        "year": YEAR,
        "objection": code,
        "decision": "refused",
        "reason": "名次无误",
    }
    assert send(api, firm, "decide", **decision).status_code == 403
    assert send(api, OTHER, "decide", **decision).status_code == 403
    assert send(api, CLERK, "decide", **{**decision, "reason": " "}).status_code == 422
    assert send(api, CLERK, "decide", **decision).status_code == 201
    assert send(api, COLLEAGUE, "decide", **decision).status_code == 409
    [adjusted] = firms(1, grade="B")
    grade = {
        "uscc": adjusted,
        "year": YEAR,
        "grade": "A",
        "reason": "major_project",
        "text": "在建",
        "document": "1号",
    }
    assert send(api, CLERK, "adjust", **grade).status_code == 409  # before the meeting
    assert step(api, "joint_meeting").status_code == 201
    assert send(api, OTHER, "adjust", **grade).status_code == 403
    assert send(api, CLERK, "adjust", **{**grade, "reason": "because"}).status_code == 422
    assert send(api, CLERK, "adjust", **grade).json()["record"]["adjusted_grade"] == "A"
    assert send(api, COLLEAGUE, "adjust", **grade).status_code == 409


def town_of(uscc: str) -> str:
    """The clerks of a firm's town."""
    with reading(open_release()) as query:
        [row] = query("SELECT town_code FROM core.enterprise WHERE uscc = ? AND year = ?", uscc, YEAR)
    return f"town {row['town_code']}"


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"year=2024&step=list_fixed", "application/x-www-form-urlencoded", 415),
        (b'{"year": "2024"}', "text/plain; application/json", 415),
        (b"{}", "", 415),
        (b'{"document": "' + b"x" * 20_000 + b'"}', "application/json", 413),
        (b"[", "application/json", 422),
        (b'{"year": "\xed\xa0\x80"}', "application/json", 422),
        (b"{}", "application/json; charset=utf-8", 422),
        (json.dumps({"district": DISTRICT, "year": YEAR, "step": "list_fixed", "as": "city"}).encode(),
         "application/json", 422),
        (json.dumps({"district": DISTRICT, "year": YEAR, "step": "no_step"}).encode(), "application/json", 422),
        (json.dumps({"district": DISTRICT, "year": YEAR, "step": "list_fixed", "document": "a\u0000"}).encode(),
         "application/json", 422),
    ],
)  # fmt: skip
def test_what_is_no_decision_is_refused(api: TestClient, content: bytes, kind: str, status: int) -> None:
    for lang in ("zh", "en"):
        headers = {VIEWER: CLERK, "accept-language": lang, **({"content-type": kind} if kind else {})}
        answer = api.post("/procedure/step", content=content, headers=headers)
        assert_described("post", "/procedure/step", answer)
        assert (answer.status_code, answer.headers["content-language"]) == (status, lang), answer.text
        assert answer.headers["content-type"] == "application/problem+json"
    with journal.reading() as db:
        assert journal.entries(db, facts.STEP) == []


def test_another_site_cannot_decide_in_a_readers_name(api: TestClient) -> None:
    """Before it sends JSON to another site a browser asks whether it may; nothing answers that."""
    asked = {"origin": "https://elsewhere.example", "access-control-request-method": "POST"}
    answer = api.options("/procedure/step", headers={VIEWER: CLERK, **asked})
    assert answer.status_code == 405 and answer.headers["allow"] == "POST"
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert api.get("/procedure/step", headers={VIEWER: CLERK}).status_code == 405
