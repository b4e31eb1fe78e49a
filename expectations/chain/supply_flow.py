"""Suite 环节供需流向: the flows cover every trade once."""

from __future__ import annotations

from expectations.gate.suite import Check, Suite

_KEY = "seller_node_code, buyer_node_code, product_code, is_buyer_local, month"

SUITE = Suite(
    "chain.supply_flow",
    (
        Check(
            "total_is_sum",
            "市内加市外等于总额",
            "Local and outside supply sum to the total",
            f"SELECT {_KEY} FROM {{table}} WHERE local_trade_wan_yuan + outside_trade_wan_yuan <> trade_total_wan_yuan",
        ),
        Check(
            "trades_complete",
            "流向合计等于购销",
            "The flows of a product and month sum to its purchases",
            """SELECT coalesce(f.product_code, t.product_code) AS product_code, coalesce(f.month, t.month) AS month
            FROM (SELECT product_code, month, sum(trade_total_wan_yuan) AS amount, sum(trade_count) AS trades
                FROM {table} GROUP BY ALL) f
            FULL JOIN (SELECT product_code, month, sum(trade_total_wan_yuan) AS amount, sum(trade_count) AS trades
                FROM chain.trade WHERE trade_side_code = 'purchase' GROUP BY ALL) t
            ON t.product_code = f.product_code AND t.month = f.month
            WHERE f.amount IS DISTINCT FROM t.amount OR f.trades IS DISTINCT FROM t.trades""",
        ),
        Check(
            "product_of_node",
            "产品属于供方环节",
            "The seller's node is the node of the product",
            f"""SELECT {_KEY} FROM {{table}} f LEFT JOIN (
                SELECT node_code, year, unnest(product_codes) AS product FROM chain.node) n
            ON n.product = f.product_code AND n.year = f.year
            WHERE f.seller_node_code <> coalesce(n.node_code, 'OUT')""",
        ),
        Check(
            "outside_buyers_have_no_node",
            "市外需方没有环节",
            "Buyers from outside are in no node and are not counted",
            f"SELECT {_KEY} FROM {{table}} WHERE NOT is_buyer_local AND (buyer_node_code <> 'OUT' OR buyer_count <> 0)",
        ),
        Check(
            "edge_of_model",
            "模型内供需与模型一致",
            "A flow is marked as in the model exactly if it is an edge of the model",
            f"""SELECT {_KEY} FROM {{table}} f
            LEFT JOIN chain.node n ON n.node_code = f.seller_node_code AND n.year = f.year
            WHERE f.is_in_model <> coalesce(list_contains(n.fed_node_codes, f.buyer_node_code), false)""",
        ),
    ),
    may_be_empty=True,
)
