"""An enterprise's positions in the industry chains, and the state of their nodes."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from portal.queries.release import Query, Row
from portal.queries.titles import Named

#: The node outside all chains.
OUT = "OUT"
#: Tables that the query needs.
NEEDS = ("chain.node_enterprise", "chain.node", "chain.gap")


@dataclass(frozen=True)
class Position:
    """A firm's position in a node of a chain: ``share`` is the firm's part in the node. OUT is outside all chains."""

    chain: Named
    node: Named
    tier: Named | None
    share: Decimal
    confidence: Decimal
    is_confirmed: bool
    reasons: tuple[Named, ...]
    override_reason: str | None
    state: Named | None
    state_reasons: tuple[Named, ...]

    @property
    def is_out(self) -> bool:
        return self.node.code == OUT


def positions(query: Query, uscc: str, year: str) -> tuple[Position, ...] | None:
    """The firm's positions, the largest share first and OUT last; ``None`` if the release has no chains."""
    if not query.tables.issuperset(NEEDS):
        return None
    rows = query(
        """FROM chain.node_enterprise WHERE uscc = ? AND year = ? AND position_share > 0
        ORDER BY node_code = 'OUT', position_share DESC, confidence DESC, node_code""",
        uscc, year,
    )  # fmt: skip
    nodes = _nodes(query, year)
    return tuple(_position(query, row | nodes.get(row["node_code"], {})) for row in rows)


def _nodes(query: Query, year: str) -> dict[str, dict[str, Any]]:
    """Node → its names and state in a year: the same for every firm, so they are asked for once."""
    rows = query(
        """SELECT n.node_code, n.node_name_zh, n.node_name_en, g.state_code, g.state_reasons
        FROM chain.node n LEFT JOIN chain.gap g ON g.node_code = n.node_code AND g.year = n.year WHERE n.year = ?""",
        year,
    )
    return {row["node_code"]: row for row in rows}


def _position(query: Query, row: Row) -> Position:
    titles, node = query.titles, row["node_code"]
    outside = Named(OUT, "链外", "Outside the chains")
    return Position(
        chain=outside if row["chain_code"] == OUT else titles("chain", row["chain_code"]),
        node=outside
        if node == OUT
        else Named(node, row.get("node_name_zh") or node, row.get("node_name_en") or node),
        tier=titles.maybe("chain_tier", row["tier_code"]),
        share=row["position_share"],
        confidence=row["confidence"],
        is_confirmed=row["is_confirmed"],
        reasons=tuple(titles("position_reason", code) for code in row["position_reasons"]),
        override_reason=row["override_reason"],
        state=titles.maybe("chain_state", row.get("state_code")),
        state_reasons=tuple(
            titles("state_reason", code) for code in row.get("state_reasons") or () if code != "no_rule_holds"
        ),
    )
