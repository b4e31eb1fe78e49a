"""Nodes by year."""

from __future__ import annotations

from tests.jobs.chain.world import Results


def test_a_node_has_rows_in_its_years_only(golden: Results) -> None:
    years = {r["year"] for r in golden.rows["node"] if r["node_code"] == "TST-M03"}
    assert years == {"2024"}
    # the other eight of the nine nodes
    assert len([r for r in golden.rows["node"] if r["year"] == "2023"]) == 8


def test_a_node_row_repeats_the_model(golden: Results) -> None:
    row = golden.one("node", node_code="TST-M02", year="2024")
    assert row["fed_node_codes"] == ["TST-D01", "EXT-M01"] and row["substitute_node_codes"] == ["TST-M01"]
    assert (row["chain_code"], row["tier_code"], row["is_covered"]) == ("TST", "mid", True)
    assert not golden.one("node", node_code="TST-D02", year="2024")["is_covered"]
