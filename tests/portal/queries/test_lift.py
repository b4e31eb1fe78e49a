"""What would raise a grade."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from portal.queries.grade import standing
from portal.queries.lift import lift
from portal.queries.release import reading
from tests.portal import card_release as made
from tests.portal.card_release import BOTTOM, EDGE_A, EVIL, GOOD, SAVED, TENANT, VETOED
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
        # GOOD needs more than EDGE_A, which got A by refill: it has the same tax per mu, and equals get the worse grade
        (GOOD, "A", "9.750001"),
        (EDGE_A, None, None),
        # SAVED is D by its rank, so BOTTOM must pass EVIL, which has 60 and no more tax per mu
        (BOTTOM, "C", "39.875001"),
        # B has two seats for firms without a veto; REFILLED has the second one with 80
        (EVIL, "B", "20.000001"),
        (SAVED, "B", "40.000001"),
        (VETOED, "C", None),
    ],
)
def test_points_to_the_next_grade(
    release: Release, uscc: str, following: str | None, missing: str | None
) -> None:
    with reading(release) as query:
        result = lift(query, uscc, "2024")
    assert result and result.is_recomputed
    assert (result.next_grade.code if result.next_grade else None) == following
    assert result.points_missing == (Decimal(missing) if missing else None)


def test_routes_are_smallest_first_and_enough(release: Release) -> None:
    """GOOD needs 9.750001 points, in figures rounded up to four digits."""
    with reading(release) as query:
        result = lift(query, GOOD, "2024")
    assert result
    assert [(s.title.zh, s.change.by, s.change.by_pct, s.change.indicators) for (s,) in result.routes] == [
        # I2 10, I3 25 and I5 8 grow together: 43 x = 9.750001, x = 0.226745, and 3960 x = 897.9
        ("工业增加值", Decimal("898"), Decimal("22.7"), ("I2", "I3", "I5")),
        # I1 27.75 and I2 10 grow together by 1 / (1 - y): y = 9.750001 / 47.500001, and 99 y = 20.33
        ("用地面积", Decimal("-20.33"), Decimal("-20.5"), ("I1", "I2")),
        # 1.5 points for each of tax per mu: 9.750001 / 1.5 × 99 = 643.5
        ("税收实际贡献", Decimal("643.6"), Decimal("35.1"), ("I1",)),
        # I3 alone: y = 9.750001 / 34.750001, and 792 y = 222.3
        ("综合能耗（等价值）", Decimal("-222.3"), Decimal("-28.1"), ("I3",)),
        # 500 points for a share of one: 9.750001 / 500 × 10000 = 195.0
        ("研发费用", Decimal("195.1"), Decimal("57.6"), ("I6",)),
    ]


def test_a_vetoed_firm_is_held_and_would_have_had_another_grade(release: Release) -> None:
    with reading(release) as query:
        result = lift(query, VETOED, "2024")
    assert result and result.is_held_by_veto and result.routes == ()
    assert result.without_veto and result.without_veto.code == "A"
    [veto] = result.vetoes
    assert (veto.event_date, veto.document) == (date(2024, 5, 6), "甬罚〔2024〕1号")


def test_a_firm_that_inherits_its_grade_has_the_holders_routes(release: Release) -> None:
    with reading(release) as query:
        own, holders = lift(query, TENANT, "2024"), lift(query, GOOD, "2024")
    assert own and holders and own.routes == holders.routes and own.points_missing == holders.points_missing


def test_no_route_is_named_where_the_rule_does_not_give_the_published_grade(cold_home: Path) -> None:
    """SAVED's protection is recorded for 2024 only; without it the list of 2023 cannot be computed again."""
    made.write(cold_home)
    with reading(open_release()) as query:
        result = lift(query, SAVED, "2023")
    assert result and not result.is_recomputed
    assert (result.routes, result.points_missing, result.last_total) == ((), None, Decimal(80))


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
    [one] = result.withheld
    told = "\n".join(one.lines())
    assert f"{GOOD} 重点管理 {GOOD}001P" in told and one.firms_en.startswith(f"{GOOD} Key")
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
    assert reason.zh == "用地不足以承载：用工人数 689 人，0.71 < 2.0670 亩（待土地调查核实）"
    assert reason.en == "land too small: 689 people, 0.71 < 2.0670 mu (a land survey will tell)"
