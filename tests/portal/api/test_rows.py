"""Filters, orders and pages, compared with the same done in plain Python on the whole table."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.built_city import BuiltCity
from tests.portal.api.oracle import Oracle
from tests.portal.api.publishing import remove, take_over
from tests.portal.api.serving import VIEWER, client_of
from warehouse.settings import settings

ALL = {VIEWER: "city - statistics"}
GRADES = "/tables/per_mu.enterprise_grade"
KEY = ("uscc", "year", "evaluation_version")
Row = dict[str, Any]


def exact(answer: Any) -> Any:
    """An answer's JSON with its numbers as they were written."""
    return json.loads(answer.content, parse_float=Decimal)


def keys(rows: list[Row]) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in KEY) for row in rows]


@pytest.mark.parametrize(
    ("query", "is_met"),
    [
        ("year=2024&final_grade=in.A,B", lambda r: r["year"] == 2024 and r["final_grade"] in ("A", "B")),
        ("total_score=gte.60&total_score=lt.70.5", lambda r: r["total_score"] is not None
            and Decimal(60) <= r["total_score"] < Decimal("70.5")),
        ("enterprise_name=contains.科技", lambda r: "科技" in r["enterprise_name"]),
        ("enterprise_name=starts.宁波", lambda r: r["enterprise_name"].startswith("宁波")),
        ("town_code=is.null", lambda r: r["town_code"] is None),
        ("grade_reasons=not.null&is_tie=true", lambda r: r["grade_reasons"] is not None and r["is_tie"]),
        ("final_grade=ne.A&year=gt.2022", lambda r: r["final_grade"] not in ("A", None) and r["year"] > 2022),
        ("enterprise_name=' OR 1=1 --", lambda r: False),
    ],
)  # fmt: skip
def test_filters_keep_the_rows_that_meet_them(
    api: TestClient, oracle: Oracle, query: str, is_met: Callable[[Row], bool]
) -> None:
    expected = sorted(keys([row for row in oracle.whole("per_mu.enterprise_grade") if is_met(row)]))
    answer = exact(api.get(f"{GRADES}/rows?{query}&limit=10000", headers=ALL))
    assert keys(answer["rows"]) == expected and answer["next"] is None
    assert exact(api.get(f"{GRADES}/count?{query}", headers=ALL))["count"] == len(expected)


def test_decimals_are_exact_and_a_row_is_that_of_the_release(api: TestClient, oracle: Oracle) -> None:
    row = max(oracle.whole("per_mu.enterprise_grade"), key=lambda r: r["total_score"] or 0)
    query = "&".join(f"{name}={row[name]}" for name in KEY)
    answer = exact(api.get(f"{GRADES}/row?{query}", headers=ALL))
    assert answer["row"] == row
    part = exact(api.get(f"{GRADES}/row?{query}&select=total_score,uscc", headers=ALL))["row"]
    assert part == {"total_score": row["total_score"], "uscc": row["uscc"]}


@pytest.mark.parametrize("order", ["", "-total_score", "town_code,-year", "-town_code,total_score"])
def test_pages_together_are_the_whole_in_its_order(api: TestClient, oracle: Oracle, order: str) -> None:
    rows = oracle.whole("per_mu.enterprise_grade")
    terms = [(name.lstrip("-"), name.startswith("-")) for name in order.split(",") if name]
    expected = list(rows)
    for name, down in [*((k, False) for k in reversed(KEY)), *reversed(terms)]:
        known = sorted((r for r in expected if r[name] is not None), key=lambda r: r[name], reverse=down)
        expected = known + [r for r in expected if r[name] is None]  # missing values come last
    found: list[Row] = []
    address = f"/api/v1{GRADES}/rows?limit=97" + (f"&order={order}" if order else "")
    while address:
        answer = api.get(f"http://api{address}", headers=ALL).json()
        found += answer["rows"]
        address = answer["next"]
    assert keys(found) == keys(expected)


def test_pages_stay_on_their_release_until_it_is_gone(built_copy: Path, second: BuiltCity) -> None:
    with client_of() as api:
        first = api.get(f"{GRADES}/rows?limit=50", headers=ALL).json()
        whole = api.get(f"{GRADES}/rows?limit=10000", headers=ALL).json()
        take_over(2, second.home)
        found, address = list(first["rows"]), first["next"]
        while address:
            answer = api.get(f"http://api{address}", headers=ALL).json()
            assert answer["release"] == 1
            found += answer["rows"]
            address = answer["next"]
        assert found == whole["rows"]
        latest = api.get(f"{GRADES}/rows?limit=10000", headers=ALL).json()
        assert latest["release"] == 2 and latest["rows"] != whole["rows"]
        kept = api.get(f"/releases/1{GRADES}/rows?limit=10000", headers=ALL).json()
        assert kept == {**whole, "release": 1}
        remove(1)
        for gone in (first["next"], f"/api/v1/releases/1{GRADES}/count"):
            refused = api.get(f"http://api{gone}", headers=ALL)
            assert (refused.status_code, refused.json()["kept"]) == (410, [2])
        assert not any((settings().home / "portal").rglob("*.parquet"))


def test_a_cursor_of_another_list_is_refused(api: TestClient) -> None:
    given = api.get(f"{GRADES}/rows?limit=1", headers=ALL).json()["next"].split("cursor=")[1]
    for path in (
        "/tables/core.enterprise/rows?",
        f"{GRADES}/rows?order=-year&",
        f"/releases/7{GRADES}/rows?",
    ):
        answer = api.get(f"{path}cursor={given}", headers=ALL)
        assert (answer.status_code, answer.json()["type"]) == (422, "/api/v1/problems/wrong-cursor"), path
    assert api.get(f"{GRADES}/rows?cursor=abc", headers=ALL).status_code == 422


def test_an_unchanged_answer_is_not_sent_again_and_says_what_it_depends_on(api: TestClient) -> None:
    first = api.get(f"{GRADES}/rows?limit=2", headers=ALL)
    again = api.get(f"{GRADES}/rows?limit=2", headers={**ALL, "if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    for other in ({VIEWER: "city"}, {**ALL, "accept": "text/csv"}, {**ALL, "accept-language": "en"}):
        answer = api.get(f"{GRADES}/rows?limit=2", headers={**other, "if-none-match": first.headers["etag"]})
        assert answer.status_code == 200 and answer.headers["etag"] != first.headers["etag"]
    assert {"Accept", "Accept-Language", "Authorization", "Cookie"} <= set(first.headers["vary"].split(", "))


def test_head_has_the_headers_alone(api: TestClient) -> None:
    for form in ("application/json", "text/csv", "application/vnd.apache.parquet"):
        answer = api.head(f"{GRADES}/rows", headers={**ALL, "accept": form})
        assert (answer.status_code, answer.content) == (200, b"") and answer.headers[
            "content-type"
        ].startswith(form)
