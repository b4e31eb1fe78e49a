"""What would raise a grade."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from portal.queries.grade import standing
from portal.queries.lift import lift
from portal.queries.release import reading
from tests.portal import card_release as made
from tests.portal.card_release import BOTTOM, EDGE_A, EVIL, GOOD, SAVED, VETOED
from warehouse.releases import Release, open_release


def test_indicators_are_ordered_by_missing_points(release: Release) -> None:
    with reading(release) as query:
        result = lift(query, GOOD, "2024")
    assert result
    assert [(i.indicator.code, i.points_missing) for i in result.indicators] == [
        ("I2", 10), ("I1", Decimal("2.25")), ("I5", 2), ("I4", Decimal("1.2")), ("I3", 0), ("I6", 0),
    ]  # fmt: skip
    assert [i.note.code for i in result.indicators if i.note] == ["group_average"]


@pytest.mark.parametrize(
    ("uscc", "following", "missing"),
    [
        # the lowest A is a refill; vetoed and protected firms do not define the lowest total
        (GOOD, "A", "9.75"), (EDGE_A, None, None), (BOTTOM, "C", "39.875"), (EVIL, "B", "20"),
        (SAVED, "B", "40"), (VETOED, "C", "-70"),
    ],
)  # fmt: skip
def test_points_to_the_next_grade(
    release: Release, uscc: str, following: str | None, missing: str | None
) -> None:
    with reading(release) as query:
        result = lift(query, uscc, "2024")
    assert result
    assert (result.next_grade.code if result.next_grade else None) == following
    assert result.points_missing == (Decimal(missing) if missing else None)


def test_a_withheld_report_is_named_with_its_permit_and_how_to_mend_it(cold_home: Path) -> None:
    permit = {"permit_class_code": "key", "permit_code": f"{GOOD}001P", "missing_feeds": ["gov_emission"]}
    made.write(
        cold_home,
        core__enterprise_year=[{**made._figures(GOOD, "2025"), **permit}],
        per_mu__population=[made._population(GOOD, "2025")],
        per_mu__enterprise_grade=made._grades("2025"),
        per_mu__indicator_value=[
            {**row, "note_code": "withheld_zero", "score": 0} if row["indicator_code"] == "I4" else row
            for row in made._indicators(GOOD, "2025")
        ],
    )
    with reading(open_release()) as query:
        before, result = lift(query, GOOD, "2024"), lift(query, GOOD, "2025")
    assert before and before.withheld == ()
    assert result
    told = "\n".join(result.withheld)
    assert f"{GOOD} 重点管理 {GOOD}001P" in told
    assert "主要污染物排放量" in told and "第二十二条" in told and "年度执行报告" in told
    assert "应报未报，计零分" in [i.note.zh for i in result.indicators if i.note]


def test_land_that_is_too_small_is_told_with_the_figures_of_the_work_list(cold_home: Path) -> None:
    made.write(
        cold_home,
        core__enterprise=[made._enterprise(GOOD, "2025")],
        per_mu__population=[
            {
                **made._population(GOOD, "2025"),
                "eval_status_code": "data_incomplete",
                "status_reasons": ["land_too_small:staff"],
            }
        ],
        per_mu__land_review=[
            {
                "uscc": GOOD, "year": "2025", "land_measure_code": "staff", "carried_amount": "689",
                "land_area_mu": "0.71", "least_land_mu": "2.067",
            }
        ],
    )  # fmt: skip
    with reading(open_release()) as query:
        stands = standing(query, GOOD, "2025")
    assert stands
    [reason] = stands.reasons
    assert reason == "用地不足以承载：用工人数 land too small 689 人，0.71 < 2.0670 亩 mu（待土地调查核实）"
