"""The path to the plan's target."""

from __future__ import annotations

from decimal import Decimal

from jobs.chain.rules.policy import target
from tests.jobs.chain.world import Results


def test_the_expected_output_rises_in_equal_steps_from_the_base_year(golden: Results) -> None:
    """Base 2023: TST 80,000 + 50,000 + 50,000 = 180,000 (weaver, odd, half a tailor); its target is 195,652.641304.

    2024 is halfway: 180,000 + 15,652.641304 / 2 = 187,826.320652; output of 2024 is 300,000.
    """
    row = golden.one("target_progress", chain_code="TST", year="2024")
    assert row["expected_wan_yuan"] == Decimal("187826.320652")
    assert row["output_wan_yuan"] == 300_000 and row["target_gap_wan_yuan"] == Decimal("112173.679348")
    base = golden.one("target_progress", chain_code="TST", year="2023")
    assert base["output_wan_yuan"] == base["expected_wan_yuan"] == 180_000


def test_a_chains_target_is_in_proportion_to_its_base_year_and_the_targets_add_up(golden: Results) -> None:
    """EXT comes first and has 50,000 of 230,000 in 2023: 0.217391 × 250,000.5 = 54,347.858696, TST has the rest."""
    rows = [r for r in golden.rows["target_progress"] if r["year"] == "2024"]
    targets = {r["chain_code"]: r["target_wan_yuan"] for r in rows}
    assert targets == {"EXT": Decimal("54347.858696"), "TST": Decimal("195652.641304")}
    assert sum(targets.values()) == Decimal("250000.5")


def test_the_shipped_target_is_that_of_the_plan() -> None:
    """五(二)1: 到2025年，10条标志性产业链总产值规模突破2万亿元; 2万亿元 is 20,000亿元, and 1亿元 is 10,000万元."""
    assert target().target_wan_yuan == 20_000 * 10_000 and target().target_year == 2025
