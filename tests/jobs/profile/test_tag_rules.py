"""The language of the tag rules: each fault is refused in one line, and valid rules are parsed exactly."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from jobs.profile.rules.tags import PROFILE, load, tag_rules
from jobs.rules.condition import Condition, Several, Than, conditions, parse_node
from schemas.contract import code_list, contract
from schemas.errors import RejectedError
from warehouse.settings import CHECKOUT

SHIPPED = yaml.safe_load((CHECKOUT / "jobs/profile/rules" / "tags.yml").read_text(encoding="utf-8"))


def refused(folder: Path, changes: dict[str, Any]) -> str:
    """The message that refuses the shipped rules with some tags changed; None removes a tag."""
    tags = {**SHIPPED, **changes}
    path = folder / "tags.yml"
    text = yaml.safe_dump(
        {k: v for k, v in tags.items() if v is not None}, allow_unicode=True, sort_keys=False
    )
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RejectedError) as caught:
        load(path)
    said = str(caught.value)
    assert "\n" not in said and said.startswith("tags.yml")
    return said


def rule(**when: Any) -> dict[str, Any]:
    return {"kind": "scale", "when": when, "evidence": ["is_above_scale"]}


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ({"field": "outputs", "gt": 1}, "unknown field outputs"),
        ({"field": "final_grade", "is": "E"}, "final_grade: unknown code E; see schemas/codes/grade.csv"),
        ({"field": "case_codes", "contains": "murder"}, "unknown code murder; see schemas/codes/penalty.csv"),
        ({"field": "final_grade", "gt": 1}, "gt compares numbers, the field is string"),
        ({"field": "output_wan_yuan", "is": 1}, "is is for texts and truth values"),
        ({"field": "output_wan_yuan", "gt": "many"}, "'many' is no number"),
        ({"field": "output_wan_yuan", "gt": True}, "True is no number"),
        ({"field": "output_wan_yuan", "above": 1}, "unknown operator above"),
        ({"field": "output_wan_yuan", "gt": 1, "lt": 2}, "one operator"),
        ({"field": "output_wan_yuan", "gt": {"than": "enterprise_name"}}, "enterprise_name is no number"),
        ({"field": "output_wan_yuan", "gt": {"than": "nothing"}}, "unknown field nothing"),
        ({"field": "output_wan_yuan", "gt": {"factor": 2}}, "another field is given as"),
        ({"field": "is_above_scale", "is": "yes"}, "neither true nor false"),
        ({"field": "grade_history", "contains": "2023=D"}, "contains is for growth_notes, case_codes"),
        ({"field": "list_code", "in": []}, "in takes a list"),
        ({"field": "list_code", "known": False}, "known takes true"),
        ({"all": []}, "all stands alone and has a list"),
        ({"any": [{"field": "age_years", "lt": 3}], "field": "age_years"}, "any stands alone"),
        ({"all": ["age_years < 3"]}, "a condition is a mapping"),
    ],
)
def test_an_invalid_condition_is_refused_in_one_line(tmp_path: Path, when: dict[str, Any], said: str) -> None:
    line = refused(tmp_path, {"new_firm": rule(**when)})
    assert said in line and "new_firm" in line


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"nonsense": rule(field="age_years", lt=3)}, "nonsense: Value error, it has no title"),
        ({"new_firm": {**rule(field="age_years", lt=3), "kind": "odd"}}, "unknown kind odd"),
        ({"new_firm": {**rule(field="age_years", lt=3), "evidence": ["born"]}}, "unknown field born"),
        ({"new_firm": {**rule(field="age_years", lt=3), "evidence": []}}, "evidence"),
        ({"new_firm": {**rule(field="age_years", lt=3), "colour": "red"}}, "colour"),
        (
            {"new_firm": {**rule(field="age_years", lt=3), "valid_from": 2024, "valid_to": 2020}},
            "valid_from is after valid_to",
        ),
        ({"new_firm": "age_years < 3"}, "not a mapping"),
        ({"new_firm": None}, "no rule for new_firm"),
    ],
)
def test_an_invalid_tag_is_refused_in_one_line(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    assert said in refused(tmp_path, changes)


def test_a_file_that_is_not_yaml_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "tags.yml"
    path.write_text("a: [", encoding="utf-8")
    with pytest.raises(RejectedError, match=r"^tags\.yml: not readable as YAML") as caught:
        load(path)
    assert "\n" not in str(caught.value)


def test_every_title_has_a_rule_and_every_rule_a_title() -> None:
    tags = tag_rules().tags
    assert [t.code for t in tags] == list(SHIPPED) and {t.code for t in tags} == set(code_list("tag"))
    assert len(tags) >= 30 and {t.kind for t in tags} == set(code_list("tag_kind"))


def test_a_rule_is_read_with_exact_numbers() -> None:
    node = parse_node(
        {
            "all": [
                {"field": "rd_ratio_pct", "ge": Decimal("0.1")},
                {"any": [{"field": "power_kwh", "lt": {"than": "land_area_mu", "factor": 500}}]},
            ]
        },
        contract(PROFILE),
    )
    assert isinstance(node, Several) and node.how == "all"
    assert list(conditions(node)) == [
        Condition("rd_ratio_pct", "ge", Decimal("0.1")),
        Condition("power_kwh", "lt", Than("land_area_mu", Decimal(500))),
    ]


def test_the_fingerprint_of_a_year_covers_the_tags_valid_in_it(tmp_path: Path) -> None:
    tags = {**SHIPPED, "new_firm": {**SHIPPED["new_firm"], "valid_from": 2023}}
    path = tmp_path / "tags.yml"
    path.write_text(yaml.safe_dump(tags, allow_unicode=True, sort_keys=False), encoding="utf-8")
    rules = load(path)
    assert rules.fingerprint("2022") != tag_rules().fingerprint("2022")
    assert rules.fingerprint("2023") == rules.fingerprint("2024-12") != rules.fingerprint("2022")
