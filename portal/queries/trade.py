"""Trade between the nodes of the chains 供需流向: amounts of a year, in 万元."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from portal.queries.chains import node_title
from portal.queries.release import Query
from portal.queries.titles import Named


@dataclass(frozen=True)
class Flow:
    """Trade of a year from node to node: from local sellers and from others. OUT is no node of a chain."""

    seller: Named
    buyer: Named
    is_buyer_local: bool
    is_in_model: bool
    local_wan_yuan: Decimal
    outside_wan_yuan: Decimal
    total_wan_yuan: Decimal


_FLOWS = """
    SELECT seller_node_code, buyer_node_code, is_buyer_local, bool_or(is_in_model) AS is_in_model,
        sum(local_trade_wan_yuan) AS local_wan_yuan, sum(outside_trade_wan_yuan) AS outside_wan_yuan,
        sum(trade_total_wan_yuan) AS total_wan_yuan
    FROM chain.supply_flow WHERE year = ? AND {0} GROUP BY ALL
    ORDER BY total_wan_yuan DESC, seller_node_code, buyer_node_code, is_buyer_local"""


def flows(query: Query, chain: str, year: str) -> tuple[Flow, ...]:
    """The trade between the chain's own nodes, the largest first."""
    return _flows(query, year, "seller_chain_code = ? AND buyer_chain_code = ?", chain, chain)


def inward(query: Query, node: str, year: str) -> tuple[Flow, ...]:
    """What the node's firms buy, by the sellers' nodes."""
    return _flows(query, year, "buyer_node_code = ?", node)


def outward(query: Query, node: str, year: str) -> tuple[Flow, ...]:
    """Who buys the node's products, by the buyers' nodes."""
    return _flows(query, year, "seller_node_code = ?", node)


def _flows(query: Query, year: str, condition: str, *values: str) -> tuple[Flow, ...]:
    return tuple(
        Flow(
            node_title(query, row["seller_node_code"]),
            node_title(query, row["buyer_node_code"]),
            row["is_buyer_local"],
            row["is_in_model"],
            row["local_wan_yuan"],
            row["outside_wan_yuan"],
            row["total_wan_yuan"],
        )
        for row in query(_FLOWS.format(condition), year, *values)
    )


def trade_months(query: Query, year: str) -> int:
    """Months of the year with trades, which the trade of all nodes covers; 0 for viewers without official tables."""
    [row] = query("SELECT count(DISTINCT month) AS n FROM chain.supply_flow WHERE year = ?", year)
    return int(row["n"])
