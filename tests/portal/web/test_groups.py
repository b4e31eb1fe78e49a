"""Pages of groups evaluated together: list, sheet, the way to them, and who sees what."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.portal.web.clients import CITY, STATISTICS, clients, district, firm, rows


@pytest.fixture
def ask(built_home: Path) -> Iterator[Any]:
    with clients() as asking:
        yield asking


def shown(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text))


def largest() -> dict[str, Any]:
    """The group of 2024 with most members, which lie in several districts."""
    [row] = rows(
        "SELECT * FROM per_mu.group_score WHERE year = '2024' ORDER BY member_count DESC, group_code LIMIT 1"
    )
    return row


def members(group: dict[str, Any]) -> list[dict[str, Any]]:
    """Members by the city's sheet: code and district."""
    return rows(
        """SELECT DISTINCT u.uscc, u.district_code, e.enterprise_name AS name FROM per_mu.unit u
        JOIN core.enterprise e USING (uscc, year)
        WHERE u.year = '2024' AND u.uscc IN (
            SELECT uscc FROM core.group_member WHERE group_code = $1
            UNION SELECT controller_uscc FROM core.group_member WHERE group_code = $1)
        ORDER BY 1""",
        group["group_code"],
    )


def test_a_list_and_a_sheet_in_both_languages(ask: Any) -> None:
    group = largest()
    code, score = group["group_code"], f"{group['indicator_score']:.2f}"
    for lang, title, together in (
        ("zh", "混合型集团", "合并"),
        ("en", "Groups evaluated together", "Together"),
    ):
        objects = ask(CITY, f"/{lang}/objects?kind=zone&year=2024")
        assert f'href="/{lang}/objects/groups?year=2024"' in objects.text
        page = ask(CITY, f"/{lang}/objects/groups?year=2024")
        assert page.status_code == 200 and 'id="results"' in page.text
        assert title in page.text and group["group_name"] in page.text
        sheet = ask(CITY, f"/{lang}/objects/group/{code}?year=2024")
        assert sheet.status_code == 200
        text = shown(sheet)
        assert group["group_name"] in text and together in text and score in text
        for member in members(group):
            assert f"/{lang}/enterprise/{member['uscc']}?year=2024" in sheet.text
            assert member["name"] in text
        assert f"/{lang}/objects/group/{code}?year=2023" in sheet.text
    export = ask(CITY, "/zh/objects/groups/export.csv?year=2024")
    assert export.status_code == 200 and code in export.text


def test_the_arithmetic_stands_beside_each_indicator(ask: Any) -> None:
    group = largest()
    text = shown(ask(STATISTICS, f"/zh/objects/group/{group['group_code']}?year=2024"))
    assert text.count("÷ 基准") == 2
    evidence = ask(
        STATISTICS,
        f"/zh/evidence/per_mu.group_score?group_code={group['group_code']}&year=2024&column=indicator_score",
    )
    assert evidence.status_code == 200 and "合并得分 score together" in shown(evidence)
    assert "≠" not in evidence.text


def test_what_does_not_exist_is_told_in_a_line(ask: Any) -> None:
    assert ask(CITY, "/zh/objects/group/JT0?year=2024").status_code == 404
    assert ask(CITY, "/zh/objects/group/JT0?year=1999").status_code == 404
    assert ask(CITY, "/zh/objects/groups?year=1999").status_code == 404
    assert ask(CITY, "/zh/objects/groups?sort=colour").status_code == 422
    assert ask(CITY, "/zh/objects/groups/export.csv?sort=colour").status_code == 422


def test_a_district_sees_the_groups_led_from_it_and_its_own_members(ask: Any) -> None:
    group = largest()
    address = f"/zh/objects/group/{group['group_code']}?year=2024"
    of = members(group)
    own = [one for one in of if one["district_code"] == group["district_code"]]
    others = [one for one in of if one["district_code"] != group["district_code"]]
    assert own and others
    sheet = ask(district(group["district_code"]), address)
    assert sheet.status_code == 200
    for one in own:
        assert one["uscc"] in sheet.text
    for one in others:
        assert one["uscc"] not in sheet.text and one["name"] not in sheet.text
    assert f"另有 {len(others)} 家成员不在您可查看的范围内" in shown(sheet)
    # a sum less its own part would tell the others' figures
    assert "合并数据为全体成员之和" in sheet.text and "÷ 基准" not in sheet.text
    evidence = ask(
        district(group["district_code"]),
        f"/zh/evidence/per_mu.group_score?group_code={group['group_code']}&year=2024&column=indicator_score",
    )
    assert evidence.status_code == 200
    for one in others:
        assert one["uscc"] not in evidence.text and one["name"] not in evidence.text
    elsewhere = district(others[0]["district_code"])
    assert ask(elsewhere, address).status_code == 404
    assert group["group_code"] not in ask(elsewhere, "/zh/objects?year=2024").text


def test_a_member_leads_to_its_group(ask: Any) -> None:
    group = largest()
    link = f"/objects/group/{group['group_code']}?year=2024"
    for one in members(group):
        assert link in ask(CITY, f"/zh/enterprise/{one['uscc']}?year=2024").text
        page = ask(firm(one["uscc"]), f"/zh/enterprise/{one['uscc']}?year=2024")
        assert page.status_code == 200
        # the lead has the group's row, the other members have none
        assert (link in page.text) == (one["uscc"] == group["uscc"])
        sheet = ask(firm(one["uscc"]), f"/zh{link}")
        assert sheet.status_code == (200 if one["uscc"] == group["uscc"] else 404)
        if sheet.status_code == 200:
            assert not [other for other in members(group) if other != one and other["uscc"] in sheet.text]
    [alone] = rows(
        """SELECT min(uscc) AS uscc FROM per_mu.unit WHERE year = '2024' AND uscc NOT IN (
            SELECT uscc FROM core.group_member UNION SELECT controller_uscc FROM core.group_member)"""
    )
    assert "/objects/group/" not in ask(CITY, f"/zh/enterprise/{alone['uscc']}?year=2024").text
