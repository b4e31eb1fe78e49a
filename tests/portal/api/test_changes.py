"""Changes between two releases, compared with both files read whole and compared in plain Python."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from ingest.register.today import today
from portal.queries import comparison
from portal.queries.comparison import Comparison
from schemas.contract import PROVENANCE, contract, published_contracts
from tests.portal.api.conftest import viewers_of
from tests.portal.api.oracle import Oracle
from tests.portal.api.serving import VIEWER, client_of, viewer_of
from warehouse.releases import open_release

LINES = "application/x-ndjson"


@pytest.fixture
def api(two_releases: Path) -> Iterator[TestClient]:
    assert two_releases
    with client_of() as client:
        yield client


@pytest.fixture
def oracles(two_releases: Path) -> Iterator[tuple[Oracle, Oracle]]:
    assert two_releases
    found = tuple(Oracle(open_release(number).file, today().day) for number in (1, 2))
    yield found[0], found[1]
    for one in found:
        one.close()


def expected(oracles: tuple[Oracle, Oracle], who: str, table: str) -> dict[tuple[Any, ...], str]:
    """Key → what became of the row, as the viewer sees it in both releases."""
    spec, viewer = contract(table), viewer_of(who)
    old, new = (
        {
            tuple(row[name] for name in spec.key): {n: v for n, v in row.items() if n not in PROVENANCE}
            for row in oracle.rows(viewer, table)
        }
        for oracle in oracles
    )
    came = dict.fromkeys(new.keys() - old.keys(), "came")
    went = dict.fromkeys(old.keys() - new.keys(), "went")
    return {**came, **went, **{key: "changed" for key in old.keys() & new.keys() if old[key] != new[key]}}


def lines(api: TestClient, who: str, table: str, between: str = "from=1&to=2") -> list[dict[str, Any]]:
    answer = api.get(f"/tables/{table}/changes?{between}", headers={VIEWER: who, "accept": LINES})
    assert answer.status_code == 200, answer.text
    return [json.loads(line, parse_float=Decimal) for line in answer.text.splitlines()]


def test_changes_are_those_of_the_files_as_each_role_sees_them(
    api: TestClient, oracles: tuple[Oracle, Oracle]
) -> None:
    district = next(who for who in viewers_of(open_release(1).file) if who.startswith("district"))
    counts: dict[str, int] = {}
    for who in ("city - statistics", "city", district):
        for table in ("per_mu.enterprise_grade", "per_mu.unit", "per_mu.baseline", "core.enterprise_year"):
            found = {tuple(one["key"].values()): one["kind"] for one in lines(api, who, table)}
            assert found == expected(oracles, who, table), f"{who}: {table}"
            counts[who] = counts.get(who, 0) + len(found)
    assert counts["city - statistics"] >= counts["city"] > 0


def test_one_corrected_tax_changes_the_figures_of_one_firm(api: TestClient) -> None:
    [change] = lines(api, "city - statistics", "core.enterprise_year")
    assert change["kind"] == "changed" and "tax_vat_wan_yuan" in change["columns"]
    old, new = (Decimal(str(change[side]["tax_vat_wan_yuan"])) for side in ("old", "new"))
    assert new == pytest.approx(old * Decimal("1.1"), abs=Decimal("0.01"))
    assert all((change["old"][n] != change["new"][n]) == (n in change["columns"]) for n in change["old"])
    assert not PROVENANCE & set(change["old"])
    [back] = lines(api, "city - statistics", "core.enterprise_year", "from=2&to=1")
    assert (back["old"], back["new"]) == (change["new"], change["old"])


def test_pages_of_changes_together_are_all(api: TestClient) -> None:
    whole = lines(api, "city - statistics", "per_mu.enterprise_grade")
    found: list[dict[str, Any]] = []
    address = "/api/v1/tables/per_mu.enterprise_grade/changes?from=1&to=2&limit=1"
    while address:
        answer = json.loads(
            api.get(f"http://api{address}", headers={VIEWER: "city - statistics"}).content,
            parse_float=Decimal,
        )
        assert len(answer["changes"]) <= 1
        found += answer["changes"]
        address = answer["next"]
    assert found == whole and len(whole) > 1


def test_equal_periods_are_not_read(api: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only tax of 2022 was corrected."""
    made: list[tuple[str, ...] | None] = []
    kept = Comparison._where

    def where(found: Comparison) -> str:
        made.append(found.periods)
        return kept(found)

    monkeypatch.setattr(Comparison, "_where", where)
    assert lines(api, "city", "core.enterprise_year") and lines(api, "city", "core.parcel") == []
    assert set(made) == {("2022",), ()}


def test_a_table_with_another_meaning_is_not_compared(
    api: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison, "_version", lambda release, _: release.number)
    answer = api.get("/tables/core.parcel/changes?from=1&to=2", headers={VIEWER: "city"})
    assert (answer.status_code, answer.json()["type"]) == (422, "/api/v1/problems/not-comparable")


def test_every_table_answers(api: TestClient) -> None:
    for spec in published_contracts():
        answer = api.get(f"/tables/{spec.name}/changes?from=1&to=2", headers={VIEWER: "city"})
        assert answer.status_code == 200 and answer.json()["key"] == list(spec.key)
