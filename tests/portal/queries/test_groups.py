"""Groups of a release: the arithmetic gives the published scores, and memberships those of the job."""

from __future__ import annotations

from dataclasses import astuple
from pathlib import Path

import pytest

from jobs.per_mu.steps.groups import explain_group, group_of, members_of, together
from portal.queries import groups
from portal.queries.explanation import explanation
from portal.queries.groups import Filters
from portal.queries.release import reading
from schemas.errors import UsageError
from warehouse.releases import open_release


@pytest.fixture(autouse=True)
def _home(built_home: Path) -> None:
    """The built city."""


def test_every_published_score_is_computed_again_from_the_members_figures() -> None:
    with reading(open_release()) as query:
        rows = query("SELECT * FROM per_mu.group_score ORDER BY year, group_code")
        assert len(rows) > 1
        for row in rows:
            members = members_of(query, row["group_code"], row["year"])
            assert len(members) == row["member_count"] and row["uscc"] in members
            assert {group_of(query, uscc, row["year"]) for uscc in members} == {row["group_code"]}
            units = query(
                "SELECT * FROM per_mu.unit WHERE year = ? AND uscc IN (SELECT unnest(?))",
                row["year"],
                list(members),
            )
            found = together(row, units, query)
            assert found is not None and found.score == row["indicator_score"]
            lines = explain_group(row, query)
            assert row["group_name"] in lines[0]
            assert not [line for line in lines if "≠" in line]


def test_a_group_is_explained_like_other_rows() -> None:
    release = open_release()
    with reading(release) as query:
        [row] = query(
            "SELECT group_code, year FROM per_mu.group_score ORDER BY year DESC, group_code LIMIT 1"
        )
    found = explanation(release, groups.TABLE, row)
    assert any(line.startswith("合并得分 score together = ") for line in found.arithmetic)
    assert {"per_mu.unit", "core.group_member"} <= {one.table for one in found.evidence.walk()}


def test_a_sheet_has_the_group_beside_its_members() -> None:
    with reading(open_release()) as query:
        [year, *_] = groups.years(query)
        page = groups.page(query, Filters(year))
        assert page.total == len(page.rows) == len(list(groups.all_rows(query, Filters(year))))
        for listed in page.rows:
            sheet = groups.sheet(query, listed.code, year)
            assert sheet is not None and sheet.group == listed
            assert (len(sheet.members), sheet.unseen, sheet.is_withheld) == (listed.member_count, 0, False)
            assert [one.is_lead for one in sheet.members] == [True] + [False] * (listed.member_count - 1)
            alone = [one.score for one in sheet.members if one.score is not None]
            assert (max(alone), min(alone)) == (listed.best, listed.least)
            assert sheet.figures["land_area_mu"] == sum(one.land_mu or 0 for one in sheet.members)
            assert sum(one.score or 0 for one in sheet.indicators) == listed.score
            assert [one.year for one in sheet.years] == sorted(groups.years(query))
            for member in sheet.members:
                found = groups.of_firm(query, member.uscc, year)
                assert found is not None and astuple(found) == astuple(listed)


def test_lists_are_filtered_and_ordered() -> None:
    with reading(open_release()) as query:
        [year, *_] = groups.years(query)
        everything = list(groups.all_rows(query, Filters(year, sort="-score")))
        scores = [one.score for one in everything if one.score is not None]
        assert scores == sorted(scores, reverse=True)
        one = everything[0]
        for filters in (
            Filters(year, name=one.code.lower()),
            Filters(year, district=one.district.code, grade=one.grade or "", name=(one.name or "")[:4]),
        ):
            assert one.code in [row.code for row in groups.all_rows(query, filters)]
        assert groups.page(query, Filters(year, name="no such group")).total == 0
        with pytest.raises(UsageError, match="colour"):
            groups.page(query, Filters(year, sort="colour"))
        assert groups.sheet(query, "JT0", year) is None
        [alone] = query(
            """SELECT min(uscc) AS uscc FROM per_mu.unit WHERE year = ?
            AND uscc NOT IN (SELECT uscc FROM core.group_member UNION SELECT controller_uscc FROM core.group_member)""",
            year,
        )
        assert groups.of_firm(query, alone["uscc"], year) is None
