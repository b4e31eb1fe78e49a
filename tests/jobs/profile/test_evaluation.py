"""The evaluation rule: each fault is refused in one line."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from jobs.profile.rules.evaluation import evaluation, load
from schemas.errors import RejectedError
from warehouse.settings import CHECKOUT

SHIPPED = yaml.safe_load((CHECKOUT / "jobs/profile/rules" / "evaluation.yml").read_text(encoding="utf-8"))


def changed(path: str, value: Any) -> dict[str, Any]:
    """The shipped rule with one entry changed; None removes the entry."""
    rule: dict[str, Any] = copy.deepcopy(SHIPPED)
    *way, last = path.split(".")
    place = rule
    for part in way:
        place = place[part]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return rule


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("dimensions.scale.weight", 11, "weights of the dimensions sum to 101, not to 100"),
        ("dimensions.scale.indicators.output_wan_yuan.weight", 41, "weights of the indicators sum to 101"),
        ("dimensions.scale.indicators.outputs", {"weight": 1}, "unknown field outputs"),
        ("dimensions.scale.indicators.enterprise_name", {"weight": 1}, "enterprise_name is no number"),
        ("dimensions.scale.indicators.output_wan_yuan.better", "high", "better"),
        ("dimensions.scale.indicators.output_wan_yuan.weight", 0, "weight"),
        ("dimensions.digital", None, "dimensions are exactly"),
        (
            "dimensions.luck",
            {"weight": 1, "indicators": {"age_years": {"weight": 100}}},
            "dimensions are exactly",
        ),
        ("peers.levels", ["division", "size"], "city is the last one"),
        ("peers.levels", ["division", "division", "city"], "named once each"),
        ("peers.least", 1, "least"),
        ("scope", {"field": "nobody", "is": True}, "unknown field nobody"),
        ("least_dimension_weight", 0, "least_dimension_weight"),
        ("colour", "red", "colour"),
    ],
)
def test_an_invalid_rule_is_refused_in_one_line(tmp_path: Path, path: str, value: Any, said: str) -> None:
    file = tmp_path / "evaluation.yml"
    file.write_text(
        yaml.safe_dump(changed(path, value), allow_unicode=True, sort_keys=False), encoding="utf-8"
    )
    with pytest.raises(RejectedError) as caught:
        load(file)
    assert said in str(caught.value) and str(caught.value).startswith("evaluation.yml: ")
    assert "\n" not in str(caught.value)


def test_an_indicator_in_two_dimensions_is_refused(tmp_path: Path) -> None:
    rule = copy.deepcopy(SHIPPED)
    rule["dimensions"]["digital"]["indicators"] = {"output_wan_yuan": {"weight": 100}}
    file = tmp_path / "evaluation.yml"
    file.write_text(yaml.safe_dump(rule), encoding="utf-8")
    with pytest.raises(RejectedError, match="an indicator stands in one dimension"):
        load(file)


def test_the_shipped_rule_is_complete() -> None:
    rule = evaluation()
    assert sum(d.weight for d in rule.dimensions.values()) == 100
    assert len(rule.indicators) == sum(len(d["indicators"]) for d in SHIPPED["dimensions"].values())
    assert rule.fingerprint("2023") == rule.fingerprint("2024-12")
