"""Evidence: for the city's offices and for a firm of its own rows; statistics and persons of others are not in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from starlette.testclient import TestClient

from schemas.contract import contracts
from tests.portal.api.oracle import FIRMS, Oracle
from tests.portal.api.serving import VIEWER

TABLE = "per_mu.enterprise_grade"


def walk(evidence: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield evidence
    for one in evidence["behind"]:
        yield from walk(one)


def address(row: dict[str, Any]) -> str:
    key = "&".join(f"{name}={row[name]}" for name in contracts()[TABLE].key)
    return f"/tables/{TABLE}/explain?{key}"


def statistics_in(evidence: dict[str, Any], besides: str) -> set[str]:
    """Statistics of other firms, with a value, in evidence."""
    found = set()
    for one in walk(evidence):
        secret = {c.name for c in contracts()[one["table"]].columns if c.sensitivity == "statistics"}
        for row in one["rows"]:
            if besides not in [row.get(name) for name in FIRMS]:
                found |= {f"{one['table']}.{name}" for name in secret if row.get(name) is not None}
    return found


def test_who_gets_evidence(api: TestClient, oracle: Oracle, viewers: list[str]) -> None:
    spec = contracts()[TABLE]
    grades = [row for row in oracle.whole(TABLE) if str(row["year"]) == "2024"]
    shown = next(row for row in grades if oracle.is_consented(spec, row))
    withheld = next(row for row in grades if not oracle.is_consented(spec, row))
    firm = f"enterprise {shown['uscc']}"
    for who in viewers:
        if who.startswith(("city", "enterprise")):
            continue
        refused = api.get(address(shown), headers={VIEWER: who})
        assert refused.status_code == 403, who
    assert api.get(address(withheld), headers={VIEWER: "city"}).json()["type"].endswith("statistics-withheld")
    assert api.get(address(withheld), headers={VIEWER: "city - statistics"}).status_code == 200
    assert api.get(address(withheld), headers={VIEWER: firm}).status_code == 404  # another firm's

    of_city = api.get(address(shown), headers={VIEWER: "city"}).json()
    assert of_city["arithmetic"] and statistics_in(of_city["evidence"], shown["uscc"]) == set()
    of_firm = api.get(address(shown), headers={VIEWER: firm}).json()
    assert of_firm["arithmetic"] == of_city["arithmetic"]
    sources = {one["table"] for one in walk(of_firm["evidence"]) if one["rows"]}
    assert {TABLE, "raw.gov_tax"} <= sources
    for one in walk(of_firm["evidence"]):
        for row in one["rows"]:
            named = [row.get(name) for name in FIRMS]
            assert shown["uscc"] in named or any(shown["uscc"] in v for v in named if isinstance(v, list))


def test_evidence_names_no_person(api: TestClient, oracle: Oracle) -> None:
    row = next(r for r in oracle.whole(TABLE) if r["final_grade"] == "A")
    text = api.get(address(row), headers={VIEWER: "city - statistics"}).text
    assert "corrected_by" not in text and "decided_by" not in text


def test_the_giants_behind_a_baseline_are_not_told_without_the_right(api: TestClient, oracle: Oracle) -> None:
    row = oracle.whole("per_mu.baseline")[0]
    key = "&".join(f"{name}={row[name]}" for name in contracts()["per_mu.baseline"].key)
    found = api.get(f"/tables/per_mu.baseline/explain?{key}", headers={VIEWER: "city"}).json()
    assert found["arithmetic"] == [] and statistics_in(found["evidence"], "nobody") == set()
