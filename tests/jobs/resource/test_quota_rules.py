"""Rules of quotas: what is refused, and what a standard allows."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from jobs.resource.rules.quotas import FILE, load, quota_rules
from schemas.errors import RejectedError


def changed(tmp_path: Path, part: str, name: str, value: Any) -> Path:
    given = quota_rules().given.model_dump(mode="json")
    given[part][name] = value
    path = tmp_path / FILE
    path.write_text(yaml.safe_dump(given, allow_unicode=True), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("part", "name", "value", "words"),
    [
        ("energy", "class_b_tce", 60_000, "class_b_tce must be below class_a_tce"),
        ("energy", "warning_pct", [90, 100, 50], "must fall"),
        ("energy", "reduction_by_division", {"99": 3}, "unknown division 99"),
        ("energy", "unknown", 1, "unknown"),
        ("emission", "price_yuan", {"cod": 4000}, "each code of pollutant.csv"),
        ("carbon", "carbon_bounds", [2, 1], "carbon_bounds must rise"),
        ("carbon", "least_firms", 2, "least_firms"),
    ],
)
def test_a_wrong_rule_is_told_in_one_line(
    tmp_path: Path, part: str, name: str, value: Any, words: str
) -> None:
    with pytest.raises(RejectedError) as refused:
        load(changed(tmp_path, part, name, value))
    assert words in str(refused.value) and "\n" not in str(refused.value)


def test_a_standard_falls_by_the_same_rate_every_year() -> None:
    # 0.968 squared is 0.937024
    assert [quota_rules().energy.remaining("34", years) for years in (0, 1, 2)] == [
        Decimal(1), Decimal("0.968"), Decimal("0.937024"),
    ]  # fmt: skip


def test_every_assumption_has_its_reason_in_both_languages() -> None:
    notes = quota_rules().given.assumptions
    assert len(notes) >= 12 and all(note.why and note.why_zh for note in notes)
