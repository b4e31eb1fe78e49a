"""Rule files of the chains: each fault is one line that names the file."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel

from jobs.chain.rules.policy import HERE, EvidenceFile, Overrides, StateRules, Target
from schemas.definition import read_definition
from schemas.errors import RejectedError

FILES: dict[str, type[BaseModel]] = {
    "evidence.yml": EvidenceFile, "overrides.yml": Overrides, "state_rules.yml": StateRules, "targets.yml": Target,
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "old", "new", "says"),
    [
        ("evidence.yml", "weight: 0.45", "weight: 1.45", "less than or equal to 1"),
        ("evidence.yml", "  sales: 1\n", "  sales: 0\n", "shares.sales"),
        ("evidence.yml", "of_class_pct: 3", "of_class_pct: 60", "do not rise"),
        ("evidence.yml", "levels: [national]", "levels: [galactic]", "unknown levels galactic"),
        ("evidence.yml", "honour: little_giant", "honour: giant", "unknown honour giant"),
        ("evidence.yml", "  honour:\n    weight", "  honor:\n    weight", "kinds"),
        ("evidence.yml", "lead_output_wan_yuan", "leader_output", "lead_output_wan_yuan"),
        (
            "state_rules.yml",
            "field: cr1_pct",
            "field: cr2_pct",
            "unknown field cr2_pct; chain.gap does not have it",
        ),
        ("state_rules.yml", "proven_count, lt: 3}", "proven_count, lt: 3, gt: 1}", "one operator"),
        ("state_rules.yml", "- state: missing", "- state: gone", "rules.1.state"),
        ("state_rules.yml", "reason: few_firms", "reason: no_confirmed_firm", "given twice"),
        (
            "state_rules.yml",
            "why: none of the above",
            "why: none\n  when: {field: cr1_pct, gt: 1}",
            "the last rule",
        ),
        ("targets.yml", "base_year: 2020", "base_year: 2025", "before target_year"),
        ("targets.yml", "path: linear", "path: steep", "path"),
        ("overrides.yml", "overrides: []", "overrides: [", "not readable"),
        ("overrides.yml", "overrides: []", "- a", "not a mapping"),
        ("overrides.yml", "overrides: []", "overrides: [{uscc: A}]", "positions"),
    ],
)
def test_an_invalid_file_is_refused_in_one_line(
    name: str, old: str, new: str, says: str, tmp_path: Path
) -> None:
    text = (HERE / name).read_text(encoding="utf-8")
    read_definition(FILES[name], HERE / name, RejectedError)
    assert old in text
    (tmp_path / name).write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(RejectedError, match=says) as refused:
        read_definition(FILES[name], tmp_path / name, RejectedError)
    assert str(refused.value).startswith(f"{name}: ") and "\n" not in str(refused.value)
