"""The chains 产业链 as pages show them: nodes, their states, and the reasons of a state.

``chain.node`` is public, the figures of nodes are for offices.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from portal.queries.release import Query, Row
from portal.queries.titles import Named
from schemas.contract import contract

#: Why a figure is missing: fewer firms than a sum needs, a single firm's statistics, or nobody reported it.
Lack = Literal["few_firms", "single_firm", "none"]


@dataclass(frozen=True)
class Node:
    """A node of the year's model."""

    node: Named
    chain: Named
    tier: Named
    products: tuple[Named, ...]
    classes: tuple[Named, ...]
    substitutes: tuple[Named, ...]
    #: Nodes that buy its products, by the model.
    feeds: tuple[Named, ...]


@dataclass(frozen=True)
class State:
    """A node's state with the figures behind it; ``lacks`` says why one is missing."""

    code: str
    state: Named
    reasons: tuple[str, ...]
    firms: int
    proven: int
    above_scale: int
    output_wan_yuan: Decimal | None
    output_growth_pct: Decimal | None
    local_supply_pct: Decimal | None
    purchase_coverage_pct: Decimal | None
    cr1_pct: Decimal | None
    #: Firm with the largest output.
    lead: Named | None
    specialised_district: Named | None
    lacks: Mapping[str, Lack] = field(default_factory=dict)


@dataclass(frozen=True)
class Clause:
    """A condition of a rule, with the node's figure; ``operand`` is a number, a truth value or another figure."""

    figure: Named
    unit: str
    op: str
    operand: Decimal | bool | Named | None
    #: What another figure is multiplied by.
    factor: Decimal
    value: Any
    lack: Lack | None


@dataclass(frozen=True)
class Rule:
    """A rule of states: every group must hold, and of a group one clause. ``holds`` is what the release says."""

    state: Named
    reason: Named
    groups: tuple[tuple[Clause, ...], ...]
    holds: bool
    decides: bool


def years(query: Query) -> list[str]:
    """Years with a model, the latest first; none if the release has no chains."""
    if "chain.node" not in query.tables:
        return []
    return [row["year"] for row in query("SELECT DISTINCT year FROM chain.node ORDER BY year DESC")]


def chains(query: Query, year: str) -> list[tuple[Named, int]]:
    """The chains with their numbers of nodes."""
    rows = query(
        "SELECT chain_code, count(*) AS n FROM chain.node WHERE year = ? GROUP BY ALL ORDER BY ALL", year
    )
    return [(query.titles("chain", row["chain_code"]), int(row["n"])) for row in rows]


# --- nodes ---------------------------------------------------------------------------------------------


def nodes(query: Query, chain: str, year: str) -> tuple[Node, ...]:
    """The chain's nodes, upstream first; none if there is no such chain in the year."""
    rows = query(
        """FROM chain.node WHERE chain_code = ? AND year = ?
        ORDER BY list_position(['up', 'mid', 'down'], tier_code), node_code""",
        chain, year,
    )  # fmt: skip
    products = titles_of(query, "product", [code for row in rows for code in row["product_codes"]])
    classes = titles_of(query, "industry_class", [code for row in rows for code in row["industry_classes"]])
    return tuple(
        Node(
            node=Named(row["node_code"], row["node_name_zh"], row["node_name_en"]),
            chain=query.titles("chain", row["chain_code"]),
            tier=query.titles("chain_tier", row["tier_code"]),
            products=tuple(products[code] for code in row["product_codes"]),
            classes=tuple(classes[code] for code in row["industry_classes"]),
            substitutes=tuple(node_title(query, code) for code in row["substitute_node_codes"]),
            feeds=tuple(node_title(query, code) for code in row["fed_node_codes"]),
        )
        for row in rows
    )


def titles_of(query: Query, name: str, codes: Sequence[str]) -> dict[str, Named]:
    """Titles of a few codes of a long list."""
    rows = query(
        "SELECT code, zh, en FROM release.code WHERE list = ? AND list_contains(?, code)", name, list(codes)
    )
    known = {row["code"]: Named(row["code"], row["zh"], row["en"] or row["zh"]) for row in rows}
    return {code: known.get(code, Named(code, code, code)) for code in codes}


def node_title(query: Query, code: str) -> Named:
    """A node, or OUT for what is outside all chains."""
    return query.titles("chain_node", code)


def states(query: Query, chain: str, year: str) -> dict[str, State]:
    """The states of the chain's nodes by the nodes' codes; empty for viewers without official tables."""
    rows = query("FROM chain.gap WHERE chain_code = ? AND year = ?", chain, year)
    names = _firm_names(query, [row["lead_uscc"] for row in rows if row["lead_uscc"]], year)
    return {row["node_code"]: _state(query, row, names) for row in rows}


def _state(query: Query, row: Row, names: Mapping[str, str]) -> State:
    lead = row["lead_uscc"]
    shown = (
        "output_wan_yuan", "output_growth_pct", "local_supply_pct", "purchase_coverage_pct", "cr1_pct", "lead_uscc",
    )  # fmt: skip
    return State(
        code=row["node_code"],
        state=query.titles("chain_state", row["state_code"]),
        reasons=tuple(row["state_reasons"]),
        firms=row["firm_count"],
        proven=row["proven_count"],
        above_scale=row["above_scale_count"],
        output_wan_yuan=row["output_wan_yuan"],
        output_growth_pct=row["output_growth_pct"],
        local_supply_pct=row["local_supply_pct"],
        purchase_coverage_pct=row["purchase_coverage_pct"],
        cr1_pct=row["cr1_pct"],
        lead=Named(lead, names.get(lead, lead), names.get(lead, lead)) if lead else None,
        specialised_district=query.titles.maybe("district", row["specialised_district_code"]),
        lacks={name: _lack(row, name) for name in shown if row[name] is None},
    )


def _lack(row: Row, column: str) -> Lack:
    """Why a row of ``chain.gap`` lacks a figure: from the contract, and the number of firms that report."""
    spec = contract("chain.gap").column(column)
    counted = spec.disclosed.counted_by if spec.disclosed else None
    if counted:
        firms = row.get(counted)
        return "few_firms" if firms and firms < (spec.disclosed.least_firms or 0) else "none"  # type: ignore[union-attr]
    return "single_firm" if spec.sensitivity == "statistics" and row.get("reporting_count") else "none"


def _firm_names(query: Query, codes: Sequence[str], year: str) -> dict[str, str]:
    if not codes:
        return {}
    rows = query(
        "SELECT uscc, enterprise_name FROM core.enterprise WHERE year = ? AND list_contains(?, uscc)", year, list(codes)
    )  # fmt: skip
    return {row["uscc"]: row["enterprise_name"] for row in rows}


# --- why a state ---------------------------------------------------------------------------------------


def rules(query: Query, node: str, year: str) -> tuple[Rule, ...]:
    """The rules of states in their order, with the node's figures; none if the release does not have the rules."""
    rows = query("FROM chain.gap WHERE node_code = ? AND year = ?", node, year)
    books = query("SELECT content FROM release.rule_set WHERE rule_set_id = 'chain-states'")
    if not rows or not books:
        return ()
    [row] = rows
    return tuple(_rule(query, row, given) for given in json.loads(books[0]["content"])["rules"])


def _rule(query: Query, row: Row, given: Mapping[str, Any]) -> Rule:
    reasons = row["state_reasons"]
    return Rule(
        state=query.titles("chain_state", given["state"]),
        reason=query.titles("state_reason", given["reason"]),
        groups=tuple(tuple(_clause(query, row, part) for part in group) for group in _groups(given["when"])),
        holds=given["reason"] in reasons,
        decides=bool(reasons) and given["reason"] == reasons[0],
    )


def _groups(when: Mapping[str, Any] | None) -> Iterator[Sequence[Mapping[str, Any]]]:
    """Groups of conditions: of each group one must hold.

    >>> a, b, c = ({"field": name} for name in "abc")
    >>> list(_groups({"how": "all", "parts": [a, {"how": "any", "parts": [b, c]}]}))
    [[{'field': 'a'}], [{'field': 'b'}, {'field': 'c'}]]
    """
    if when is None:
        return
    if "field" in when:
        yield [when]
    elif when["how"] == "all":
        for part in when["parts"]:
            yield from _groups(part)
    else:
        yield [one for part in when["parts"] for group in _groups(part) for one in group]


def _clause(query: Query, row: Row, given: Mapping[str, Any]) -> Clause:
    name, operand = given["field"], given["operand"]
    value, factor = row.get(name), Decimal(1)
    if isinstance(operand, Mapping):
        factor, operand = Decimal(operand["factor"]), _figure(query, operand["field"])
    elif isinstance(operand, str):
        operand = Decimal(operand)
    return Clause(
        figure=_figure(query, name),
        unit=query.dictionary.column(name).unit,
        op=given["op"],
        operand=operand,
        factor=factor,
        value=value,
        lack=_lack(row, name) if value is None else None,
    )


def _figure(query: Query, name: str) -> Named:
    return query.dictionary.column(name).title
