"""A district's year from the list to its execution, by the pages of a running server."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
from docx import Document

from ingest.ways.landing import ingest
from pipeline.publish import publish
from pipeline.run import run_tables
from portal.access.viewer import VISITOR, Viewer
from portal.accounts import verification
from portal.queries.procedure import chain, changed_grades
from portal.queries.release import reading
from portal.web.app import create_app
from tests.portal.browser.serving import serving
from tests.portal.procedure.standing_city import CLERK, DISTRICT, YEAR, firms, on
from warehouse.releases import open_release


@contextmanager
def served(*viewers: Viewer) -> Iterator[dict[str, httpx.Client]]:
    """A server on a port of its own, and a client for each viewer, known by a header."""
    known = {viewer.name: viewer for viewer in viewers}
    app = create_app(lambda request: known.get(request.headers.get("x-viewer", ""), VISITOR), "s" * 40)
    with ExitStack() as stack:
        address = stack.enter_context(serving(app))
        yield {
            name: stack.enter_context(
                httpx.Client(base_url=address, headers={"x-viewer": name}, timeout=60, follow_redirects=True)
            )
            for name in known
        }


PAGE = f"/zh/procedure?year={YEAR}&district={DISTRICT}"


def send(client: httpx.Client, form: str, **fields: str) -> httpx.Response:
    """Load the page and send one of its forms."""
    page = client.get(PAGE)
    assert f"/zh/procedure/{form}" in page.text, f"the page has no form {form}"
    token = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert token
    data = {"csrf_token": token[1], "year": YEAR, "district": DISTRICT, **fields}
    return client.post(f"/zh/procedure/{form}", data=data)


def step(client: httpx.Client, code: str, **fields: str) -> None:
    answer = send(client, "step", step=code, **fields)
    assert answer.status_code == 200, re.findall(r'role="alert">([^<]*)', answer.text)


def released() -> int:
    """What was decided in a new release."""
    report = ingest()
    assert not report.rejected and not report.held
    run_tables()
    return publish().release.number


def test_a_year_is_walked_from_the_list_to_its_execution(built_copy: Path) -> None:
    on("2025-04-21")
    accepted, refused, silent = firms(3)
    owners = [Viewer(f"firm-{uscc}", "enterprise", uscc) for uscc in (accepted, refused)]
    with served(CLERK, *owners) as clients:
        clerk, *both = clients.values()
        until_sheets(clerk, both, accepted, refused)
        on_notice(clerk, both, accepted, refused)
        adjusted = until_execution(clerk, accepted)
        assert confirmed() == {accepted: "confirmed", refused: "confirmed", silent: "silent"}
        check_tables(adjusted)
        correct(clerk)
    actions = [entry.action for entry in verification.entries() if entry.action.startswith("procedure.")]
    assert actions.count("procedure.step") == 12 and "procedure.decide" in actions


def until_sheets(clerk: httpx.Client, both: list[httpx.Client], accepted: str, refused: str) -> None:
    """From the list to the initial grades."""
    winner, loser = both
    step(clerk, "list_fixed", document="名单1号")
    on("2025-05-26")
    step(clerk, "land_publicity", document="用地1号", days="5")
    early = send(clerk, "step", step="data_gathered")
    assert (early.status_code, "期满后方可" in early.text) == (409, True)
    on("2025-06-05")  # 端午 is from 31 May to 2 June: the notice ended on 30 May
    step(clerk, "data_gathered")
    step(clerk, "sheets_offered", days="5")
    assert send(winner, "confirm", uscc=accepted).status_code == 200
    assert send(loser, "confirm", uscc=accepted).status_code == 403
    assert send(loser, "confirm", uscc=refused).status_code == 200
    on("2025-07-01")
    step(clerk, "initial_graded")


def on_notice(clerk: httpx.Client, both: list[httpx.Client], accepted: str, refused: str) -> None:
    """The public notice, one objection that is accepted, and one that is refused."""
    winner, loser = both
    step(clerk, "publicity", document="公示1号", days="7")
    notice = clerk.get(f"/zh/procedure/notice.docx?year={YEAR}&district={DISTRICT}&telephone=0574-00000000")
    words = "\n".join(p.text for p in Document(io.BytesIO(notice.content)).paragraphs)
    assert "关于慈溪市2024年度工业企业亩均效益综合评价结果的公示" in words
    assert "2025年7月1日至2025年7月9日（7个工作日）" in words and "0574-00000000" in words
    figure = {"kind": "figure", "indicator": "I1", "claimed": "12.5", "evidence": "完税证明"}
    assert send(winner, "object", uscc=accepted, **figure).status_code == 200
    assert send(loser, "object", uscc=refused, kind="grade", evidence="排名有误").status_code == 200
    on("2025-07-10")
    late = send(loser, "object", uscc=refused, kind="grade", evidence="再次提出")
    assert (late.status_code, "“公示”为 2025-07-01 – 2025-07-09" in late.text) == (409, True)
    undecided = send(clerk, "step", step="joint_meeting", document="会纪1号")
    assert (undecided.status_code, "2 件异议未处理" in undecided.text) == (409, True)
    decide(clerk, "YP2024000001", "accepted", "与税务数据一致", value="12.5")
    decide(clerk, "YP2024000002", "refused", "名次无误")


def until_execution(clerk: httpx.Client, accepted: str) -> str:
    """From the joint meeting to the execution; the firm whose grade was adjusted."""
    step(clerk, "joint_meeting", document="会纪1号")
    adjusted = next(uscc for uscc in firms(9, grade="D") + firms(9, grade="C") if uscc != accepted)
    fields = {"grade": "B", "reason": "major_project", "text": "在建", "document": "会纪1号"}
    assert send(clerk, "adjust", uscc=adjusted, **fields).status_code == 200
    step(clerk, "final", document="定档1号")
    unreleased = send(clerk, "step", step="published", document="发布1号")
    assert (unreleased.status_code, "尚未纳入定档决定" in unreleased.text) == (409, True)
    assert released() == 2
    step(clerk, "published", document="发布1号")
    step(clerk, "executed")
    assert "已决定，未入版本" in clerk.get(PAGE).text
    # after publication an adjustment is a correction, which waits for a further version
    [later] = firms(1, grade="A")
    fields |= {"uscc": later, "reason": "adverse_event", "text": "事后查实"}
    assert send(clerk, "adjust", **fields).status_code == 200
    assert released() == 3
    assert "各步骤均已完成" in clerk.get(PAGE).text
    return adjusted


def check_tables(adjusted: str) -> None:
    """What the last release says of all that was decided."""
    with reading(open_release()) as query:
        steps = chain(query, DISTRICT, YEAR)
        states = query(
            "SELECT objection_code, objection_state_code AS s FROM per_mu.objection WHERE year = ?", YEAR
        )
        [changed] = changed_grades(query, DISTRICT, YEAR)
        [moved] = query(
            "SELECT final_grade, grade_reasons FROM per_mu.enterprise_grade WHERE uscc = ? AND year = ?",
            adjusted, YEAR,
        )  # fmt: skip
    assert all(row.state == "done" and not row.is_pending for row in steps)
    assert str(steps[-1].window_start) == "2025-08-01"
    assert {row["objection_code"]: row["s"] for row in states} == {
        "YP2024000001": "accepted_pending", "YP2024000002": "refused",
    }  # fmt: skip
    assert (changed.published, changed.computed, changed.cause.code) == ("A", "B", "decision")
    assert results() == {"final", "correction_pending"}
    assert (moved["final_grade"], "manual:major_project" in moved["grade_reasons"]) == ("B", True)


def correct(clerk: httpx.Client) -> None:
    """A further version of the published list, which needs a reason."""
    assert "待更正发布" in clerk.get(PAGE).text
    without = send(clerk, "step", step="published", document="发布2号", reason=" ")
    assert (without.status_code, "须写明理由" in without.text) == (422, True)
    step(clerk, "published", document="发布2号", reason="事后查实的负面事项")
    step(clerk, "executed")
    assert released() == 4
    assert results() == {"corrected"}
    with reading(open_release()) as query:
        assert changed_grades(query, DISTRICT, YEAR) == []
        assert [row.version for row in chain(query, DISTRICT, YEAR)][-2:] == [2, 2]
        [first] = query("SELECT min(final_grade) AS a FROM per_mu.publication WHERE evaluation_version = 1")
        assert first["a"] == "A"


def results() -> set[str]:
    """States of the district's results."""
    with reading(open_release()) as query:
        rows = query(
            "SELECT DISTINCT status_code FROM per_mu.enterprise_grade "
            "WHERE year = ? AND district_code = ?", YEAR, DISTRICT,
        )  # fmt: skip
    return {row["status_code"] for row in rows}


def decide(client: httpx.Client, code: str, decision: str, reason: str, value: str = "") -> Any:
    answer = send(client, "decide", objection=code, decision=decision, reason=reason, value=value)
    assert answer.status_code == 200, re.findall(r'role="alert">([^<]*)', answer.text)


def confirmed() -> dict[str, str]:
    with reading(open_release()) as query:
        rows = query(
            "SELECT uscc, confirmation_state_code AS state FROM per_mu.confirmation WHERE year = ? AND uscc IN "
            "(SELECT unnest(?))", YEAR, firms(3),
        )  # fmt: skip
    return {row["uscc"]: row["state"] for row in rows}
