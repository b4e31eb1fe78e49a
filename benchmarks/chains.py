"""The chains' peer: DuckDB doing the work of the chains' tables.

It resolves the codes of the trades, sums trades by firm, side and product, and derives the firms' shares in the nodes
from class, products and sales. From these it computes flows between nodes; sums, growth, concentration and local supply
by node and by chain; and the best suppliers by product. It omits the evidence of purchases, honours and patents,
confidence, reasons, overrides, location quotients, the states of nodes, and firms' statements of last year in the
growth of a year. Its coverage of purchases divides sums, not figures of firms.
"""

from __future__ import annotations

from typing import Any

from benchmarks.peer import Asked, Peer, statement
from warehouse import duck

#: In order: later statements read the results of earlier ones, which are tables named with ``_`` instead of ``.``.
STATEMENTS = (
    "codes", "chain.trade", "chain.node_enterprise", "chain.supply_flow", "placed", "chain.node_metrics",
    "chain.chain_metrics", "chain.local_supplier",
)  # fmt: skip


def peer(asked: Asked) -> Peer:
    """The nodes' products and classes as tables, and the statements."""
    from jobs.chain.rules.frames import class_weights
    from jobs.chain.rules.models import load
    from jobs.chain.rules.policy import evidence_model

    nodes = load().valid(asked.year).nodes
    weights = class_weights(nodes, evidence_model().class_ranks)
    rules: dict[str, list[dict[str, Any]]] = {
        "product_of": [{"product_code": p, "node_code": n.code} for n in nodes for p in n.products],
        "class_of": [
            {"industry_code": c, "node_code": n, "weight": w}
            for c, of_class in weights.items()
            for n, w in of_class.items()
        ],
    }
    literals = {
        "year": duck.literal(asked.year),
        "month": duck.literal(asked.month),
        "before": duck.literal(str(int(asked.year) - 1)),
    }
    return rules, {name: statement(name, **literals) for name in STATEMENTS}
