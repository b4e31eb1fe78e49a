"""Tags: figures that give a tag, missing figures that do not, and rules valid in certain years."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from jobs.profile.rules.tags import load
from tests.jobs.profile.conftest import Golden
from tests.jobs.profile.golden import CASES, GRADED, GROWER, LEADER, MONTH, ORDERED, OTHER, WORLD
from tests.jobs.profile.world import run, tag
from warehouse.settings import CHECKOUT

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.mark.parametrize(
    ("uscc", "period", "given", "withheld"),
    [
        # output fell by a third, from 133.1 to 90; compound growth is below zero
        (GROWER, "2023", {"shrinking"}, {"fast_growth", "no_rd", "loss_two_years"}),
        # output rose by 10 %, but no figures exist for three years before
        (GROWER, "2022", set(), {"steady_growth", "fast_growth", "shrinking"}),
        (GRADED, "2023", {"grade_d", "grade_d_three_years"}, {"grade_a"}),
        (GRADED, "2022", {"grade_d"}, {"grade_d_three_years"}),
        (
            CASES,
            "2022",
            {"dishonest", "fatal_accident", "high_risk", "little_giant_national"},
            {"tax_evasion"},
        ),
        (
            CASES,
            "2023",
            {"little_giant_provincial"},
            {"dishonest", "fatal_accident", "little_giant_national"},
        ),
        # three quarters of the node and 60,000 万元; R&D is reported as zero
        (LEADER, "2023", {"chain_leader_candidate", "no_rd"}, {"several_nodes"}),
        # a quarter of the node with exactly 20,000 万元
        (OTHER, "2023", {"chain_leader_candidate"}, set()),
        (ORDERED, MONTH, {"order_slump"}, {"order_boom"}),
        ("LARGE", "2023", {"size_large", "above_scale"}, {"size_medium", "new_firm"}),
        ("NOT_KNOWN", "2023", {"above_scale"}, {"size_large", "size_medium", "size_small", "size_micro"}),
        ("BELOW", "2023", {"upgrade_candidate", "size_small"}, {"above_scale", "drop_risk"}),
    ],
)
def test_a_firm_has_the_tags_that_its_figures_give(
    golden: Golden, uscc: str, period: str, given: set[str], withheld: set[str]
) -> None:
    found = golden.tags(uscc, period)
    assert given <= found and not withheld & found


def test_a_tag_shows_the_figures_behind_it(golden: Golden) -> None:
    [row] = [r for r in golden.tag_rows if (r["uscc"], r["tag_code"]) == (LEADER, "chain_leader_candidate")]
    assert row["tag_kind_code"] == "chain"
    assert row["tag_evidence"] == [
        "main_chain_code=XTCX", "main_node_code=XTCX-M01", "node_output_share_pct=75", "node_output_wan_yuan=60000",
    ]  # fmt: skip
    [row] = [
        r for r in golden.tag_rows if (r["uscc"], r["tag_code"], r["period"]) == (CASES, "high_risk", "2022")
    ]
    assert row["tag_evidence"] == ["risk_reasons=listed_serious+fatal_accident"]


def test_a_rule_applies_only_in_its_years(spark: SparkSession, tmp_path: Path) -> None:
    tags = yaml.safe_load((CHECKOUT / "jobs/profile/rules" / "tags.yml").read_text(encoding="utf-8"))
    tags["above_scale"] |= {"valid_from": 2023, "valid_to": 2023}
    path = tmp_path / "tags.yml"
    path.write_text(yaml.safe_dump(tags, allow_unicode=True, sort_keys=False), encoding="utf-8")
    frame, _ = run(spark, WORLD, ["2022", "2023", "2024", MONTH])
    rows = tag(frame, load(path))
    assert {r["period"] for r in rows if r["tag_code"] == "above_scale"} == {"2023"}
    assert {r["period"] for r in rows if r["tag_code"] == "grade_d"} == {"2022", "2023"}
