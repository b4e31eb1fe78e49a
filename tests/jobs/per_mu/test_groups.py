"""The arithmetic of a group's score, from rows alone; sums and points in comments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import pytest

from jobs.per_mu.rules.models import RuleSet
from jobs.per_mu.rules.reading import load_rule_book
from jobs.per_mu.steps.groups import FIGURES, Together, explain_group, together

PLACE = {"year": "2023", "district_code": "330282", "ranking_group": "all"}
RULES = load_rule_book().for_("330282", "2023")


def unit(uscc: str, **figures: int) -> dict[str, Any]:
    known = {name: Decimal(figures[name]) if name in figures else None for name in FIGURES}
    return {**PLACE, **known, "uscc": uscc, "withheld_figures": []}


class Release:
    """A release of few rows: ``query(sql)`` gives those of the table that the statement names first."""

    def __init__(self, rows: Mapping[str, Sequence[Mapping[str, Any]]], rules: RuleSet = RULES) -> None:
        self.rows = {"release.rule_set": [{"content": rules.model_dump_json()}], **rows}

    def __call__(self, sql: str, *_: Any) -> Sequence[Mapping[str, Any]]:
        return next((rows for name, rows in self.rows.items() if f"FROM {name} " in sql), [])


def release(
    baselines: Mapping[str, str], typical: Mapping[str, Sequence[str]] | None = None, rules: RuleSet = RULES
) -> Release:
    return Release(
        {
            "per_mu.baseline": [
                {"indicator_code": code, "value": Decimal(value), "worst_value": None}
                for code, value in baselines.items()
            ],
            "per_mu.indicator_value": [
                {"indicator_code": code, "scores": [Decimal(score) for score in scores]}
                for code, scores in (typical or {}).items()
            ],
        },
        rules,
    )


def scored(list_code: str, units: Sequence[Mapping[str, Any]], query: Release) -> Together:
    group = {**PLACE, "uscc": units[0]["uscc"], "list_code": list_code, "rule_set_id": RULES.id}
    found = together(group, units, query)
    assert found is not None
    return found


def by_code(found: Together) -> dict[str, tuple[Any, str | None]]:
    return {row["indicator_code"]: (row["score"], row["note_code"]) for row in found.indicators}


def test_members_are_scored_by_their_sum() -> None:
    units = [
        unit("a", land_area_mu=10, tax_contribution_wan_yuan=50, power_kwh=1_000_000),
        unit("b", land_area_mu=10, tax_contribution_wan_yuan=150, power_kwh=1_000_000),
    ]
    found = scored("below_scale_ge3", units, release({"I1": "10", "I7": "0.2"}))
    assert found.figures["tax_contribution_wan_yuan"] == 200
    assert found.figures["emission_t"] is None
    # 200 on 20 mu is the baseline of 10: 50 points; 200 万元 for 200 万kWh: 1 / 0.2 x 50, capped at 75
    assert by_code(found) == {"I1": (50, None), "I7": (75, "capped")}
    assert found.score == 125


@pytest.mark.parametrize(
    ("policy", "points"),
    [("group_median", Decimal(70)), ("group_average", Decimal("66.25")), ("zero", Decimal(0))],
)
def test_a_missing_value_scores_as_for_the_units_of_the_list(policy: str, points: Decimal) -> None:
    document = RULES.model_dump(mode="json")
    document["lists"]["below_scale_ge3"]["indicators"]["I7"]["missing"] = policy
    rules = RuleSet.model_validate(document)
    units = [unit(code, land_area_mu=10, tax_contribution_wan_yuan=100) for code in "ab"]
    # the middle of 50, 70, 70 and 75; their mean is 265 / 4
    query = release({"I1": "10", "I7": "0.2"}, {"I7": ["50", "70", "70", "75"], "I1": ["1"]}, rules)
    score, note = by_code(scored("below_scale_ge3", units, query))["I7"]
    assert score == points
    assert note == ("missing_zero" if policy == "zero" else policy)


def test_losses_withheld_figures_and_lists_without_a_baseline() -> None:
    lost = unit(
        "a", land_area_mu=10, tax_contribution_wan_yuan=100, value_added_wan_yuan=-50, energy_tce=10,
        employees_average=10, rd_expense_wan_yuan=1, revenue_wan_yuan=100,
    )  # fmt: skip
    withheld = {**unit("b", land_area_mu=10, emission_t=5), "withheld_figures": ["emission_t"]}
    found = by_code(scored("above_scale", [lost, withheld], release({"I1": "5", "I2": "10", "I3": "1"})))
    assert found["I1"] == (30, None)
    assert found["I2"] == (0, "negative_zero")
    assert found["I4"] == (0, "withheld_zero")
    untold = by_code(scored("above_scale", [lost, unit("b", land_area_mu=10)], release({"I4": "10"})))
    assert untold["I4"] == (0, "negative_zero")
    assert found["I6"] == (0, "no_baseline")


def test_a_release_without_its_rules_has_no_arithmetic() -> None:
    group = {**PLACE, "uscc": "a", "list_code": "tenant", "rule_set_id": RULES.id, "group_code": "G1"}
    query = Release({"release.rule_set": []})
    assert together(group, [unit("a"), unit("b")], query) is None
    assert explain_group(group, query) == []
