"""per_mu.group_score: two firms together, beside each alone; arithmetic in comments."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from jobs.per_mu.group_score import group_score
from jobs.per_mu.rules.reading import rule_book
from tests.frames import frame

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

PLACE = {"year": "2023", "district_code": "330282", "list_code": "below_scale_ge3", "ranking_group": "all"}


def unit(uscc: str, tax: int, power: int | None = 1_000_000) -> dict[str, Any]:
    return {
        **PLACE, "uscc": uscc, "land_area_mu": "10", "tax_contribution_wan_yuan": tax, "power_kwh": power,
        "withheld_figures": [], "member_count": 1, "figures_as_of": "2023",
    }  # fmt: skip


def member(uscc: str, group: str, **more: Any) -> dict[str, Any]:
    return {
        "uscc": uscc, "group_code": group, "group_name": group, "controller_uscc": "b", "year": "2022",
        "valid_from_date": date(2022, 1, 1), **more,
    }  # fmt: skip


def test_a_group_is_scored_by_the_sum_of_its_members(spark: SparkSession) -> None:
    scores = {"a": 100, "b": 150, "x": 130, "c": 90, "d": 80}
    grades = {"a": "C", "b": "A", "x": "B", "c": "C", "d": "D"}
    values = [
        {**PLACE, "uscc": uscc, "indicator_code": "I7", "score": score, "is_missing": False}
        for uscc, score in {"a": 75, "b": 75, "x": 40}.items()
    ]
    rows = group_score(
        frame(
            spark, "per_mu.unit",
            [unit("a", 50), unit("b", 150), unit("x", 9), unit("c", 100, None), unit("d", 100, None), unit("e", 1)],
        ),
        frame(
            spark, "per_mu.baseline",
            [{**PLACE, "indicator_code": "I1", "value": "10"}, {**PLACE, "indicator_code": "I7", "value": "0.2"}],
        ),
        frame(spark, "per_mu.indicator_value", values),
        frame(
            spark, "per_mu.enterprise_grade",
            [
                {**PLACE, "uscc": uscc, "indicator_score": score, "initial_grade": grades[uscc],
                 "evaluation_version": 1, "rank_in_list": 1, "list_size": 5}
                for uscc, score in scores.items()
            ],
        ),
        frame(
            spark, "core.group_member",
            [
                # the controller b belongs to the group; z is not graded
                member("a", "G1"), member("c", "G2", controller_uscc="z"), member("d", "G2", controller_uscc="z"),
                # a member alone is no group, and one that has left is none of it
                member("x", "G3", controller_uscc="y"), member("e", "G1", valid_to_date=date(2023, 6, 1)),
            ],
        ),
        rule_book(),
    ).collect()  # fmt: skip
    found = {r["group_code"]: r for r in rows}
    assert set(found) == {"G1", "G2"}
    first, second = found["G1"], found["G2"]
    # tax 200 on 20 mu is the baseline of 10: 50 points; 200 万元 for 200 万kWh: 1 / 0.2 x 50, capped at 75
    assert first["indicator_score"] == 125
    assert (first["uscc"], first["member_count"]) == ("b", 2)
    assert (first["best_member_score"], first["least_member_score"]) == (150, 100)
    # b and x are higher; of the others a is best
    assert (first["rank_beside"], first["grade_beside"], first["list_size"]) == (3, "C", 5)
    # tax 200 on 20 mu: 50 points; no electricity: the median of 40, 75 and 75
    assert second["indicator_score"] == 125 and second["uscc"] == "c"
