"""Nodes by year."""

from __future__ import annotations

from tests.jobs.chain.world import Results


def test_a_node_is_there_in_its_years(golden: Results) -> None:
    years = {r["year"] for r in golden.rows["node"] if r["node_code"] == "TST-M03"}
    assert years == {"2024"}
    # what feeds a node that is not there yet feeds it not
    assert len([r for r in golden.rows["node"] if r["year"] == "2023"]) == 8


def test_a_node_says_what_the_model_says(golden: Results) -> None:
    row = golden.one("node", node_code="TST-M02", year="2024")
    assert row["fed_node_codes"] == ["TST-D01", "EXT-M01"] and row["substitute_node_codes"] == ["TST-M01"]
    assert (row["chain_code"], row["tier_code"], row["is_covered"]) == ("TST", "mid", True)
    assert not golden.one("node", node_code="TST-D02", year="2024")["is_covered"]
