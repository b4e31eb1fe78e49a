"""Flows between nodes."""

from __future__ import annotations

from tests.jobs.chain.world import Results


def test_a_purchase_goes_to_the_node_that_the_product_feeds(golden: Results) -> None:
    """The tailor has equal shares in EXT-M01 and TST-D01; cloth of TST-M01 feeds TST-D01: 300 local, 100 outside."""
    row = golden.one("supply_flow", seller_node_code="TST-M01", is_buyer_local=True)
    assert row["buyer_node_code"] == "TST-D01" and row["is_in_model"]
    assert (row["local_trade_wan_yuan"], row["outside_trade_wan_yuan"]) == (300, 100)
    assert (row["buyer_count"], row["trade_count"], row["buyer_chain_code"]) == (1, 2, "TST")


def test_a_purchase_outside_the_model_goes_to_the_largest_node(golden: Results) -> None:
    """Of nodes with equal shares, the first by code."""
    row = golden.one("supply_flow", seller_node_code="EXT-D01")
    assert row["buyer_node_code"] == "EXT-M01" and not row["is_in_model"]


def test_purchases_by_outside_buyers_have_their_own_rows(golden: Results) -> None:
    """Two unknown firms traded cloth for 5, and one of them bought yarn for 10."""
    rows = [r for r in golden.rows["supply_flow"] if not r["is_buyer_local"]]
    assert {(r["seller_node_code"], r["buyer_node_code"], r["buyer_count"]) for r in rows} == {
        ("TST-M01", "OUT", 0), ("TST-U01", "OUT", 0)
    }  # fmt: skip
    assert sum(r["trade_total_wan_yuan"] for r in rows) == 15
