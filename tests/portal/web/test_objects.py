"""Pages of objects beyond enterprises: lists, sheets, and who sees what."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.portal.web.clients import CITY, STATISTICS, clients, district, firm, rows

KINDS = (
    "parcel", "zone", "industrial_area", "area_part", "small_park", "building", "service_firm", "service_complex",
)  # fmt: skip


@pytest.fixture
def ask(built_home: Path) -> Iterator[Any]:
    with clients() as asking:
        yield asking


def shown(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_list_and_sheets_in_both_languages(ask: Any, kind: str) -> None:
    [of] = rows(
        "SELECT min(object_code) AS code FROM per_mu.object_unit WHERE object_kind_code = ? AND year = '2024'",
        kind,
    )
    for lang in ("zh", "en"):
        page = ask(CITY, f"/{lang}/objects?kind={kind}&year=2024")
        assert page.status_code == 200 and 'id="results"' in page.text
        assert ask(CITY, f"/{lang}/objects/{kind}/{of['code']}?year=2024").status_code == 200
    assert ask(CITY, f"/zh/objects/export.csv?kind={kind}&year=2024").status_code == 200


def test_an_unknown_kind_or_object_is_told_in_a_line(ask: Any) -> None:
    assert ask(CITY, "/zh/objects?kind=moon").status_code == 404
    assert ask(CITY, "/zh/objects/zone/330282K99?year=2024").status_code == 404
    assert ask(CITY, "/zh/objects?kind=zone&sort=colour").status_code == 422


def test_who_sees_no_object_is_told_so(ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.queries.objects.years", lambda _: [])
    assert ask(CITY, "/zh/objects").status_code == 200
    answer = ask(CITY, "/zh/objects/export.csv")
    assert answer.status_code == 404 and "没有您可以查看的评价对象" in answer.text


def test_a_district_sees_its_objects_and_a_firm_their_grades_only(ask: Any) -> None:
    [own, other] = rows(
        """SELECT district_code, min(object_code) AS code FROM per_mu.object_grade
        WHERE object_kind_code = 'parcel' AND year = '2024' GROUP BY 1 ORDER BY 1 LIMIT 2"""
    )
    viewer = district(own["district_code"])
    assert ask(viewer, f"/zh/objects/parcel/{own['code']}?year=2024").status_code == 200
    assert ask(viewer, f"/zh/objects/parcel/{other['code']}?year=2024").status_code == 404
    [someone] = rows(
        "SELECT min(uscc) AS uscc FROM core.enterprise WHERE year = '2024' AND district_code = ?",
        own["district_code"],
    )
    sheet = ask(firm(someone["uscc"]), f"/zh/objects/parcel/{own['code']}?year=2024")
    users = rows("SELECT uscc FROM per_mu.parcel_figure WHERE parcel_id = ? AND year = '2024'", own["code"])
    assert sheet.status_code == 200
    neighbours = [u["uscc"] for u in users if u["uscc"] != someone["uscc"]]
    assert not [code for code in neighbours if code in sheet.text]


def test_statistics_of_fewer_than_three_firms_are_withheld(ask: Any) -> None:
    [one] = rows(
        """SELECT object_code AS code FROM per_mu.object_unit WHERE object_kind_code = 'parcel' AND year = '2024'
        AND reporting_firm_count BETWEEN 1 AND 2 AND value_added_wan_yuan IS NOT NULL ORDER BY 1 LIMIT 1"""
    )
    address = f"/zh/objects/parcel/{one['code']}?year=2024"
    assert "不足三家企业" in ask(CITY, address).text
    assert "不足三家企业" not in ask(STATISTICS, address).text
