"""The chains' peer does the work of the chains' tables."""

from __future__ import annotations

from pathlib import Path

from tests.benchmarks.small_city import made


def test_sums_and_concentration_of_a_node(tmp_path: Path) -> None:
    """甲 declares the product and sells it to 乙. 乙 is in the node by its class and also buys from outside."""
    trade = {"product_code": "P1", "period": "2024-12"}
    query = made(
        "chain",
        tmp_path,
        {
            "core.enterprise": [{"uscc": u, "year": "2024", "industry_code": "3670"} for u in ("甲", "乙")],
            "core.enterprise_identifier": [
                {"identifier": "old", "uscc": "甲", "year": "2020", "is_disputed": False},
                {"identifier": "contested", "uscc": "甲", "year": "2020", "is_disputed": True},
            ],
            "core.enterprise_year": [
                {"uscc": u, "year": y, "output_wan_yuan": o}
                for u, y, o in (("甲", "2024", 300), ("甲", "2023", 200), ("乙", "2024", 100))
            ],
            "raw.ent_product": [
                {"uscc": "甲", "period": "2024", "product_code": "P1", "revenue_share_pct": 100}
            ],
            "raw.ent_trade": [
                {**trade, "seller_code": "old", "buyer_code": "乙", "trade_wan_yuan": 60},
                {**trade, "seller_code": "contested", "buyer_code": "乙", "trade_wan_yuan": 40},
            ],
        },
        product_of=[{"product_code": "P1", "node_code": "GDMJ-M01"}],
        class_of=[{"industry_code": "3670", "node_code": "GDMJ-M01", "weight": 1}],
    )
    [node] = query("FROM chain_node_metrics WHERE period = '2024'")
    figures = {
        k: round(float(node[k]), 6) for k in ("output", "cr1", "hhi", "growth_pct", "local_supply_pct")
    }
    assert figures == {"output": 400, "cr1": 75, "hhi": 6250, "growth_pct": 50, "local_supply_pct": 60}
    assert (node["firms"], node["lead"], node["chain_code"]) == (2, "甲", "GDMJ")
    [chain] = query("FROM chain_chain_metrics WHERE period = '2024'")
    assert (chain["firms"], float(chain["output"])) == (2, 400)
    assert query("SELECT uscc, amount FROM chain_local_supplier") == [{"uscc": "甲", "amount": 60}]
