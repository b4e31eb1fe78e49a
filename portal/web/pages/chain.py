"""产业链 Chain: the ten chains, a chain as a graph and a table, and a node with the reasons of its state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from fastapi.responses import Response

from portal.access import views
from portal.queries import chains, city, node_firms, trade
from portal.queries.chain import OUT
from portal.queries.chains import Node, State
from portal.queries.release import Query as Asking
from portal.queries.titles import Named
from portal.queries.trade import Flow
from portal.web import chain_graph, state_rules
from portal.web.filters import After, Year
from portal.web.frame import Asked, Frame
from portal.web.pages.city import chain_row
from schemas.contract import contract
from schemas.errors import UsageError

router = APIRouter()

Code = Annotated[str, Query(max_length=20)]
#: Firms and suppliers of a product beside the graph; a node's own page has :data:`node_firms.PAGE` and more suppliers.
FIRMS_BESIDE, SUPPLIERS_BESIDE, SUPPLIERS = 8, 2, 10


@dataclass(frozen=True)
class Detail:
    """A node with all that is known of it, as far as the viewer sees it."""

    node: Node
    state: State | None
    mark: chain_graph.Mark | None
    rules: Sequence[Mapping[str, Any]]
    members: node_firms.Members
    suppliers: Mapping[str, Sequence[node_firms.Supplier]]
    inward: Sequence[Flow]
    outward: Sequence[Flow]
    is_own: bool


# --- pages ---------------------------------------------------------------------------------------------


@router.get("/chain")
def all_chains(frame: Asked, year: Year = "") -> Response:
    with frame.reading() as query:
        known = chains.years(query)
        if not known:
            return frame.render("nothing.html", nav="chain")
        year = _year(frame, known, year)
        official = sees_official(frame)
        states = city.chain_states(query, year) if official else []
        return frame.render(
            "chains.html",
            nav="chain",
            api_url=f"/api/v1/tables/chain.chain_metrics/rows?year={year}" if official else None,
            year=year,
            years=[(one, one) for one in known],
            is_official=official,
            rows=[chain_row(frame, one) for one in states],
            href=lambda row: frame.url(f"/chain/{row['code']}", year=year),
            target=city.target(query, year) if official else None,
            plain=[
                (frame.name(chain), n, frame.url(f"/chain/{chain.code}", year=year))
                for chain, n in chains.chains(query, year)
            ],
        )


@router.get("/chain/{code}")
def one_chain(frame: Asked, code: str, year: Year = "", node: Code = "") -> Response:
    with frame.reading() as query:
        known, year, nodes = nodes_of(frame, query, code, year)
        states = chains.states(query, code, year)
        flows = trade.flows(query, code, year)
        if node not in {one.node.code for one in nodes} and _is_of_another_year(query, code, node):
            node = ""
        chosen = found(frame, nodes, node) if node else None
        own = _own(frame, query, code, year)
        page = {
            "year": year,
            "years": [(one, one) for one in known],
            "code": code,
            "chain": frame.name(nodes[0].chain),
            "is_official": bool(states),
            "columns": _columns(frame, nodes, own),
            "detail": _detail(frame, query, chosen, year, is_beside=True) if chosen else None,
            **_words(frame, query, year),
        }
        if states:
            [totals] = [one for one in city.chain_states(query, year) if one.chain.code == code]
            page |= {
                "totals": totals,
                "nodes": [_node_row(frame, one, states[one.node.code]) for one in nodes],
                "node_href": lambda row: frame.url(f"/chain/{code}/node/{row['code']}", year=year),
                "chosen": node,
                "flows": flows,
                "marks": _legend(frame, query),
                "graph": chain_graph.option(
                    frame, nodes, states, flows, node, lambda one: frame.url(f"/chain/{code}", year=year, node=one)
                ),
            }  # fmt: skip
        return frame.render(
            "chain.html",
            nav="chain",
            api_url=f"/api/v1/tables/chain.gap/rows?year={year}&chain_code={code}" if states else None,
            **page,
        )


@router.get("/chain/{code}/node/{node}")
def one_node(frame: Asked, code: str, node: str, year: Year = "", after: After = "") -> Response:
    with frame.reading() as query:
        known, year, nodes = nodes_of(frame, query, code, year)
        detail = _detail(frame, query, found(frame, nodes, node), year, is_beside=False, after=after)
        following = detail.members.following
        return frame.render(
            "chain_node.html",
            nav="chain",
            api_url=f"/api/v1/tables/chain.gap/rows?year={year}&node_code={node}" if detail.state else None,
            year=year,
            years=[(one, one) for one in known],
            code=code,
            chain=frame.name(nodes[0].chain),
            is_official=detail.state is not None,
            detail=detail,
            first=frame.here(after=None) if after else None,
            following=frame.here(after=following) if following else None,
            **_words(frame, query, year),
        )


def _year(frame: Frame, known: Sequence[str], year: str) -> str:
    year = year or known[0]
    if year not in known:
        raise HTTPException(404, frame.t(f"没有{year}年的产业链", f"there are no chains of {year}"))
    return year


def nodes_of(
    frame: Frame, query: Asking, code: str, year: str
) -> tuple[Sequence[str], str, tuple[Node, ...]]:
    """The known years, the year that is shown, and the chain's nodes in it."""
    known = chains.years(query)
    if known:
        year = _year(frame, known, year)
        if nodes := chains.nodes(query, code, year):
            return known, year, nodes
    raise HTTPException(404, frame.t(f"没有产业链{code[:20]}", f"there is no chain {code[:20]}"))


def found(frame: Frame, nodes: Sequence[Node], code: str) -> Node:
    """The node with this code."""
    for node in nodes:
        if node.node.code == code:
            return node
    raise HTTPException(404, frame.t(f"这条产业链没有环节{code[:20]}", f"the chain has no node {code[:20]}"))


def _is_of_another_year(query: Asking, code: str, node: str) -> bool:
    """Whether the chain has the node in some year: who chooses another year keeps the page."""
    return node.startswith(f"{code}-") and query.titles.has("chain_node", node)


def sees_official(frame: Frame) -> bool:
    """Whether the viewer sees the figures of chains and nodes."""
    return views.sees_rows(contract("chain.gap"), frame.viewer.cut)


def _own(frame: Frame, query: Asking, code: str, year: str) -> frozenset[str]:
    """Nodes of the firm that looks at the page."""
    viewer = frame.viewer
    return (
        node_firms.own_nodes(query, viewer.scope, code, year) if viewer.role == "enterprise" else frozenset()
    )


# --- a chain -------------------------------------------------------------------------------------------


def _columns(
    frame: Frame, nodes: Sequence[Node], own: frozenset[str]
) -> list[tuple[str, list[Mapping[str, Any]]]]:
    """Nodes and products by tier, for readers without figures."""
    tiers: dict[str, list[Mapping[str, Any]]] = {}
    for one in nodes:
        tiers.setdefault(frame.name(one.tier), []).append(
            {
                "code": one.node.code,
                "name": frame.name(one.node),
                "products": frame.t("、", ", ").join(frame.name(product) for product in one.products),
                "is_own": one.node.code in own,
            }
        )
    return list(tiers.items())


def _node_row(frame: Frame, node: Node, state: State) -> dict[str, Any]:
    return {
        **vars(state),
        "code": node.node.code,
        "node": frame.name(node.node),
        "tier": frame.name(node.tier),
        "state": state.state,
        "mark": chain_graph.MARKS[state.state.code],
        "lead": frame.name(state.lead),
    }


def _legend(frame: Frame, query: Asking) -> list[tuple[str, chain_graph.Mark, str]]:
    return [
        (code, mark, frame.name(query.titles("chain_state", code)))
        for code, mark in chain_graph.MARKS.items()
    ]


def _words(frame: Frame, query: Asking, year: str) -> dict[str, Any]:
    """What the templates of a chain and of a node both say."""
    role = frame.viewer.role
    return {
        "why": {lack: state_rules.why(frame, lack) for lack in ("few_firms", "single_firm", "none")},
        "trade_months": trade.trade_months(query, year),
        "only_own_district": role in ("district", "analyst", "application") and bool(frame.viewer.scope),
        "sees_statistics": frame.viewer.may("statistics"),
        "member_href": lambda row: frame.url(f"/enterprise/{row.uscc}", year=year),
        "firm_href": lambda uscc: frame.url(f"/enterprise/{uscc}", year=year),
        "flow_end": lambda end, is_local: _end(frame, end, is_local),
        "flow_href": lambda end: _flow_href(frame, end, year),
    }


def _end(frame: Frame, end: Named, is_local: bool) -> str:
    """Where trade comes from or goes to."""
    if end.code != OUT:
        return frame.name(end)
    return frame.name(end) if is_local else frame.t("市外", "Outside the city")


def _flow_href(frame: Frame, end: Named, year: str) -> str | None:
    if end.code == OUT:
        return None
    return frame.url(f"/chain/{end.code.partition('-')[0]}/node/{end.code}", year=year)


# --- a node --------------------------------------------------------------------------------------------


def _detail(
    frame: Frame, query: Asking, node: Node, year: str, *, is_beside: bool, after: str = ""
) -> Detail:
    code = node.node.code
    state = chains.states(query, node.chain.code, year).get(code)
    try:
        members = node_firms.members(query, code, year, after, FIRMS_BESIDE if is_beside else node_firms.PAGE)
    except UsageError:
        raise HTTPException(422, frame.t("分页位置无效", "the place in the list is not valid")) from None
    suppliers: dict[str, list[node_firms.Supplier]] = {}
    for one in node_firms.suppliers(query, code, year, SUPPLIERS_BESIDE if is_beside else SUPPLIERS):
        suppliers.setdefault(frame.name(one.product), []).append(one)
    return Detail(
        node=node,
        state=state,
        mark=chain_graph.MARKS[state.state.code] if state else None,
        rules=[state_rules.in_words(frame, rule) for rule in chains.rules(query, code, year)],
        members=members,
        suppliers=suppliers,
        inward=trade.inward(query, code, year),
        outward=trade.outward(query, code, year),
        is_own=code in _own(frame, query, node.chain.code, year),
    )
