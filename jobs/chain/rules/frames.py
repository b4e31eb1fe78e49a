"""Chain models as small tables, joined by product, class or node, so that one query plan serves every year.

Each row holds from ``from_year`` to ``to_year``; a job joins by code and by ``holds()``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import ROUND_HALF_UP, Decimal

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.chain.rules.models import ChainModels, Node
from jobs.chain.rules.policy import OUT, ClassRanks, Honour, Override, part_of_one
from jobs.columns.rows import literal_table
from schemas.contract import code_list

MICRO = Decimal("0.000001")

_ALWAYS = "9999"


def holds(year: str) -> Column:
    """The model's row holds in the year."""
    return (F.col(year) >= F.col("from_year")) & (F.col(year) <= F.col("to_year"))


def segments(models: ChainModels) -> Iterator[tuple[str, str, tuple[Node, ...]]]:
    """Spans of years in which the same nodes hold, each with its nodes."""
    parts = [part for chain in models.chains for part in (chain, *chain.nodes)]
    starts = sorted({p.valid_from for p in parts} | {p.valid_to + 1 for p in parts if p.valid_to})
    for start, following in zip(starts, [*starts[1:], None], strict=True):
        if nodes := models.valid(start).nodes:
            yield str(start), str(following - 1) if following else _ALWAYS, nodes


def node_frame(session: SparkSession, models: ChainModels) -> DataFrame:
    """One row per node, with its data in the model."""
    rows = (
        (
            start, end, n.chain_code, n.code, n.title.zh, n.title.en, n.tier, n.parent, list(n.classes),
            list(n.products), list(n.substitutes), [f.node for f in n.feeds], n.is_covered,
        )
        for start, end, nodes in segments(models)
        for n in nodes
    )  # fmt: skip
    return literal_table(
        session,
        rows,
        """from_year string, to_year string, chain_code string, node_code string, node_name_zh string,
        node_name_en string, tier_code string, parent_node_code string, industry_classes array<string>,
        product_codes array<string>, substitute_node_codes array<string>, fed_node_codes array<string>,
        is_covered boolean""",
    )


def place_frame(session: SparkSession, models: ChainModels) -> DataFrame:
    """Chain and tier of a node; OUT among them."""
    rows = [*((n.code, n.chain_code, n.tier) for n in models.nodes), (OUT, OUT, None)]
    return literal_table(session, rows, "node_code string, chain_code string, tier_code string")


def product_frame(session: SparkSession, models: ChainModels) -> DataFrame:
    """One row per product that has a node: this node, and the nodes that it feeds."""
    rows = (
        (start, end, p, n.code, [f.node for f in n.feeds])
        for start, end, nodes in segments(models)
        for n in nodes
        for p in n.products
    )
    return literal_table(
        session,
        rows,
        "from_year string, to_year string, product_code string, node_code string, fed_node_codes array<string>",
    )


def name_frame(session: SparkSession) -> DataFrame:
    """One row per name that only one product of the list has: the product's code."""
    codes: dict[str, list[str]] = {}
    for code, titles in code_list("product").items():
        codes.setdefault(titles["zh"], []).append(code)
    rows = ((name, found[0]) for name, found in codes.items() if len(found) == 1)
    return literal_table(session, rows, "product_name string, named_code string")


def class_frame(session: SparkSession, models: ChainModels, ranks: ClassRanks) -> DataFrame:
    """One row per class and node in which its firms may be, OUT among them, with weight and product names.

    ``is_sole``: the class has one node and no product outside, so that the class alone determines a firm's node.
    """
    names = code_list("product")
    rows = []
    for start, end, nodes in segments(models):
        found = class_weights(nodes, ranks)
        words = {n.code: [names[p]["zh"] for p in n.products if p in names] for n in nodes}
        for industry, weights in found.items():
            sole = len(weights) == 1
            rows += [(start, end, industry, n, w, sole, words.get(n, [])) for n, w in weights.items()]
    return literal_table(
        session,
        rows,
        """from_year string, to_year string, industry_code string, node_code string, class_weight int,
        is_sole boolean, words array<string>""",
    )


def class_weights(nodes: Iterable[Node], ranks: ClassRanks) -> dict[str, dict[str, int]]:
    """Class → node → weight, by the rank of the class among the node's classes."""
    found: dict[str, dict[str, int]] = {}
    at_home = set()
    for node in nodes:
        at_home |= set(node.products)
        for place, industry in enumerate(node.classes):
            weight = ranks.weights[min(place, len(ranks.weights) - 1)]
            found.setdefault(industry, {})[node.code] = weight
    for product, entry in code_list("product").items():
        industry = entry["industry_class"]
        if product not in at_home and industry in found:
            found[industry][OUT] = ranks.outside
    return found


def division_frame(session: SparkSession, models: ChainModels) -> DataFrame:
    """One row per node and division of its classes."""
    rows = {
        (start, end, n.code, industry[:2])
        for start, end, nodes in segments(models)
        for n in nodes
        for industry in n.classes
    }
    return literal_table(
        session,
        sorted(rows),
        "from_year string, to_year string, node_code string, industry_division_code string",
    )


def edge_frame(session: SparkSession, models: ChainModels) -> DataFrame:
    """One row per edge, with the supplier's part of the node's purchases; the parts of a node sum to 1."""
    rows = []
    for start, end, nodes in segments(models):
        there = {n.code for n in nodes}
        edges = [(n.code, f.node, f.cost_share_pct) for n in nodes for f in n.feeds if f.node in there]
        totals: dict[str, Decimal] = {}
        for _, buyer, share in edges:
            totals[buyer] = totals.get(buyer, Decimal(0)) + share
        rows += [
            (start, end, seller, buyer, (Decimal(share) / totals[buyer]).quantize(MICRO, ROUND_HALF_UP))
            for seller, buyer, share in edges
        ]
    return literal_table(
        session,
        rows,
        """from_year string, to_year string, seller_node_code string, node_code string,
        recipe_part decimal(9,6)""",
    )


def override_frame(session: SparkSession, overrides: Iterable[Override]) -> DataFrame:
    """One row per override and node, with its part of the firm."""
    rows = (
        (
            str(o.from_year), str(o.to_year or _ALWAYS), o.uscc, node, part_of_one(share),
            f"{o.reason}（{o.document}）",
        )
        for o in overrides
        for node, share in o.positions.items()
    )  # fmt: skip
    return literal_table(
        session,
        rows,
        """from_year string, to_year string, uscc string, node_code string, override_part decimal(9,6),
        override_reason string""",
    )


def is_honour(given: Honour) -> Column:
    """The event is the honour at one of its levels."""
    return (
        (F.col("event_kind_code") == "honour")
        & (F.col("event_code") == given.honour)
        & F.col("level_code").isin(list(given.levels))
    )
