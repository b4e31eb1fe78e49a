"""The path to the plan's target."""

from __future__ import annotations

from decimal import Decimal

from jobs.chain.rules.policy import target
from tests.jobs.chain.world import Results


def test_the_expected_output_rises_in_equal_steps_from_the_base_year(golden: Results) -> None:
    """Base 2023: TST 80,000 + 50,000 + 50,000 = 180,000 (weaver, odd, half a tailor), EXT 50,000; target 250,000.5.

    2024 is halfway: 230,000 + 20,000.5 / 2 = 240,000.25; output of 2024 is 400,000.
    """
    row = golden.one("target_progress", chain_code="ALL", year="2024")
    assert (row["target_wan_yuan"], row["expected_wan_yuan"]) == (Decimal("250000.5"), Decimal("240000.25"))
    assert row["output_wan_yuan"] == 400_000 and row["target_gap_wan_yuan"] == Decimal("159999.75")
    base = golden.one("target_progress", chain_code="ALL", year="2023")
    assert base["output_wan_yuan"] == base["expected_wan_yuan"] == 230_000


def test_a_chains_target_is_in_proportion_to_its_base_year(golden: Results) -> None:
    """TST has 180,000 of 230,000 in 2023, so 0.782609 of 250,000.5."""
    row = golden.one("target_progress", chain_code="TST", year="2024")
    assert row["target_wan_yuan"] == Decimal("195652.641305")


def test_the_shipped_target_is_that_of_the_plan() -> None:
    """五(二)1: 到2025年，10条标志性产业链总产值规模突破2万亿元; 2万亿元 is 20,000亿元, and 1亿元 is 10,000万元."""
    assert target().target_wan_yuan == 20_000 * 10_000 and target().target_year == 2025
