"""Firms of a node 环节企业 that the viewer sees: who has a position in it, and who could supply its products."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from portal.queries.chains import titles_of
from portal.queries.paging import Order, page_of
from portal.queries.release import Query, Row
from portal.queries.titles import Named

#: Firms of a page.
PAGE = 50


@dataclass(frozen=True)
class Member:
    """A firm with a position in a node: the part of its revenue that belongs there, and the evidence."""

    uscc: str
    name: str
    district: Named
    share_pct: Decimal
    confidence_pct: Decimal
    is_confirmed: bool
    is_above_scale: bool
    is_champion: bool
    is_little_giant: bool
    reasons: tuple[Named, ...]


@dataclass(frozen=True)
class Members:
    """A page of a node's firms, the confirmed and surest first; the number of all, and where the next page begins."""

    rows: tuple[Member, ...]
    total: int
    confirmed: int
    following: str | None


@dataclass(frozen=True)
class Supplier:
    """A firm that could supply a product: rank in the city's list of the product, and the evidence."""

    product: Named
    rank: int
    uscc: str
    name: str
    district: Named
    evidence: tuple[Named, ...]
    grade: str | None
    risks: tuple[Named, ...]


_MEMBERS = """
    FROM chain.node_enterprise n LEFT JOIN core.enterprise e ON e.uscc = n.uscc AND e.year = n.year
    WHERE n.node_code = ? AND n.year = ? AND n.position_share > 0"""
#: Confirmed positions first, then by confidence; the key decides between equals.
_SUREST = Order("n.is_confirmed::INTEGER + n.confidence", "DECIMAL(24,6)", "n.uscc", is_descending=True)


def members(query: Query, node: str, year: str, after: str = "", limit: int = PAGE) -> Members:
    """A page of the node's firms that the viewer sees.

    Raises:
        UsageError: ``after`` is no place in the list.
    """
    rows = query(
        f"""SELECT n.*, e.enterprise_name, ({_SUREST.by}) AS _by, n.uscc AS _key {_MEMBERS}
        {f"AND {_SUREST.after(after)}" if after else ""} ORDER BY {_SUREST.sql} LIMIT {limit + 1}""",
        node, year,
    )  # fmt: skip
    [counted] = query(
        f"SELECT count(*) AS n, count(*) FILTER (n.is_confirmed) AS confirmed {_MEMBERS}", node, year
    )
    shown, following = page_of(rows, limit)
    return Members(
        tuple(_member(query, row) for row in shown), int(counted["n"]), int(counted["confirmed"]), following
    )


def all_members(query: Query, node: str, year: str) -> Iterator[Member]:
    """Every firm of the node that the viewer sees, for an export."""
    for row in query(f"SELECT n.*, e.enterprise_name {_MEMBERS} ORDER BY {_SUREST.sql}", node, year):
        yield _member(query, row)


def _member(query: Query, row: Row) -> Member:
    return Member(
        uscc=row["uscc"],
        name=row["enterprise_name"] or row["uscc"],
        district=query.titles("district", row["district_code"]),
        share_pct=100 * row["position_share"],
        confidence_pct=100 * row["confidence"],
        is_confirmed=row["is_confirmed"],
        is_above_scale=row["is_above_scale"],
        is_champion=row["is_champion"],
        is_little_giant=row["is_little_giant"],
        reasons=tuple(query.titles("position_reason", code) for code in row["position_reasons"]),
    )


def own_nodes(query: Query, uscc: str, chain: str, year: str) -> frozenset[str]:
    """The chain's nodes in which a firm has a position."""
    rows = query(
        """SELECT node_code FROM chain.node_enterprise
        WHERE uscc = ? AND chain_code = ? AND year = ? AND position_share > 0""",
        uscc, chain, year,
    )  # fmt: skip
    return frozenset(row["node_code"] for row in rows)


def suppliers(query: Query, node: str, year: str, most: int) -> tuple[Supplier, ...]:
    """For each product of the node the first firms that the viewer sees and that could supply it."""
    rows = query(
        f"""FROM chain.local_supplier WHERE node_code = ? AND year = ?
        QUALIFY row_number() OVER (PARTITION BY product_code ORDER BY supplier_rank, uscc) <= {most:d}
        ORDER BY product_code, supplier_rank, uscc""",
        node, year,
    )  # fmt: skip
    products = titles_of(query, "product", sorted({row["product_code"] for row in rows}))
    titles = query.titles
    return tuple(
        Supplier(
            product=products[row["product_code"]],
            rank=row["supplier_rank"],
            uscc=row["uscc"],
            name=row["enterprise_name"],
            district=titles("district", row["district_code"]),
            evidence=tuple(titles("supplier_evidence", code) for code in row["supplier_evidence"]),
            grade=row["final_grade"],
            risks=tuple(titles("risk_tag", code) for code in row["risk_tags"]),
        )
        for row in rows
    )
