"""Bad input: the right status and one helpful sentence, in both languages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from portal.accounts.errors import ExpiredTokenError
from portal.web.app import create_app
from tests.portal.api.serving import VIEWER, client_of
from warehouse.settings import settings

GRADES = "/tables/per_mu.enterprise_grade"
CASES = [
    ("/nothing", 404, "openapi.json", "openapi.json"),
    ("/tables/a%0Ab/rows", 404, "openapi.json", "openapi.json"),
    ("/releases/99", 404, "没有这个发布", "no such release"),
    ("/releases/99999999999999999999", 404, "没有这个发布", "no such release"),
    (f"/releases/{'9' * 5000}", 404, "没有这个地址", "no such address"),
    ("/tables/per_mu.enterprise_grades/rows", 404, "没有表", "has no table"),
    (f"{GRADES}/rows?yeer=2024", 422, "相近的有 year", "similar: year"),
    (f"{GRADES}/rows?year=abc", 422, "应为整数", "whole number"),
    (f"{GRADES}/rows?total_score=gte.x", 422, "应为数", "it takes number"),
    (f"{GRADES}/rows?total_score=contains.6", 422, "只用于文本", "for texts"),
    (f"{GRADES}/rows?year=in.2024,x", 422, "应为整数", "whole number"),
    (f"{GRADES}/rows?is_tie=gt.true", 422, "true 或 false", "true or false"),
    (f"{GRADES}/rows?grade_reasons=gt.a", 422, "列表", "a list has no other filter"),
    (f"{GRADES}/rows?limit=0", 422, "正整数", "from 1 on"),
    (f"{GRADES}/rows?limit=999999", 422, "最多 10000 行", "at most 10000 rows"),
    (f"{GRADES}/rows?limit=9999999999999", 422, "正整数", "from 1 on"),
    (f"{GRADES}/rows?order=grade_reasons", 422, "单值", "single values"),
    (f"{GRADES}/row?uscc=1", 422, "缺少主键列", "is missing"),
    (f"{GRADES}/row?uscc=1&year=2024&evaluation_version=1&final_grade=A", 422, "不是主键列", "no column of the key"),
    (f"{GRADES}/row?uscc=1&year=2024&evaluation_version=1", 404, "没有这一行", "no such row"),
    (f"{GRADES}/changes?from=1", 422, "to", "to"),
    (f"{GRADES}/changes?from=1&to=9", 404, "没有这个发布", "no such release"),
    (f"{GRADES}/rows?{'&'.join(['year=2024'] * 51)}", 422, "最多 50 个", "at most 50 filters"),
    (f"{GRADES}/rows?enterprise_name=eq.{'x' * 201}", 422, "文本", "text"),
    (f"{GRADES}/rows?enterprise_name=eq.%00", 422, "文本", "text"),
    (f"{GRADES}/rows?enterprise_name=eq.{'x' * 8001}", 414, "地址最长", "at most 8000 bytes"),
    ("/codes/grad", 404, "没有代码表", "no code list"),
    ("/search?q=", 422, "字符", "characters"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "status", "zh", "en"), CASES)
def test_bad_input_is_told_in_the_readers_language(
    api: TestClient, path: str, status: int, zh: str, en: str
) -> None:
    for lang, said in (("zh-CN,zh;q=0.9,en;q=0.8", zh), ("en-GB,en;q=0.9,zh;q=0.5", en), ("fr", zh)):
        answer = api.get(path, headers={VIEWER: "city", "accept-language": lang})
        document = answer.json()
        assert (answer.status_code, document["status"]) == (status, status), answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert said in document["detail"] and "\n" not in document["detail"]
        assert str(settings().home) not in answer.text and "Traceback" not in answer.text


def test_other_methods_are_refused(api: TestClient) -> None:
    answer = api.post(f"{GRADES}/rows", headers={"accept-language": "en"})
    assert (answer.status_code, set(answer.headers["allow"].split(", "))) == (405, {"GET", "HEAD"})
    assert "does not take this method" in answer.json()["detail"]


def test_a_token_that_does_not_hold_is_refused(built_home: Path) -> None:
    assert built_home

    def refuse(_: Any) -> Any:
        raise ExpiredTokenError("ranking", "2025-01-01")

    with TestClient(create_app(refuse, "a secret of tests"), base_url="http://api/api/v1") as api:
        answer = api.get("/tables", headers={"accept-language": "en"})
    assert answer.status_code == 401 and answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["detail"].startswith("the token ranking expired on 2025-01-01")


def test_a_home_without_a_release_says_so(cold_home: Path) -> None:
    assert cold_home
    with client_of() as api:
        answer = api.get("/tables")
    assert answer.status_code == 409 and "还没有任何发布" in answer.json()["detail"]


# --- limits ----------------------------------------------------------------------------------------------


def limited(monkeypatch: pytest.MonkeyPatch, **limits: object) -> None:
    for name, value in limits.items():
        monkeypatch.setenv(f"BRAIN_{name.upper()}", str(value))
    settings.cache_clear()


def test_requests_of_a_minute_are_limited_by_account(
    built_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited(monkeypatch, api_visitor_requests_per_minute=3, api_requests_per_minute=5)
    with client_of() as api:
        assert [api.get("/releases").status_code for _ in range(4)] == [200, 200, 200, 429]
        refused = api.get("/releases")
        assert 1 <= int(refused.headers["retry-after"]) <= 20
        assert [api.get("/releases", headers={VIEWER: "city"}).status_code for _ in range(6)][-2:] == [
            200,
            429,
        ]
        assert api.get("/releases", headers={VIEWER: "analyst"}).status_code == 200


def test_a_query_that_takes_too_long_is_interrupted(
    built_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited(monkeypatch, api_query_seconds=0.001)
    with client_of() as api:
        answer = api.get("/tables/profile.enterprise_profile/rows?limit=10000", headers={VIEWER: "city"})
        assert (answer.status_code, answer.json()["type"]) == (503, "/api/v1/problems/timeout")


def test_a_full_disk_is_told(built_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("portal.api.formats.NamedTemporaryFile", full)
    with client_of() as api:
        answer = api.get(
            "/tables/core.zone/rows", headers={VIEWER: "city", "accept": "application/vnd.apache.parquet"}
        )
    assert answer.status_code == 507 and "磁盘" in answer.json()["detail"]
