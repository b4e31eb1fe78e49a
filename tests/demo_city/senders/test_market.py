"""Trades that firms share, as drawn and as sent."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pytest

from demo_city.senders.market import Rows, trades
from demo_city.senders.products import revenue
from demo_city.world.city import City
from tests.demo_city.sender_files import valid_uscc
from tests.demo_city.senders.test_places import number, rows
from tests.demo_city.sent_city import Sent, at_scale
from tests.demo_city.world.test_chains import industrial, models


@pytest.fixture(scope="module")
def traded(city: City) -> Rows:
    return trades(city, 2024)


def _nodes_of(city: City) -> dict[int, set[str]]:
    roles = city.roles
    nodes: dict[int, set[str]] = defaultdict(set)
    for firm, node in zip(roles.firm.tolist(), roles.node.tolist(), strict=True):
        if node != roles.outside:
            nodes[firm].add(roles.nodes.codes[node])
    return nodes


def test_buyers_belong_to_nodes_that_the_product_feeds(city: City, traded: Rows) -> None:
    known = models()
    home = {p: code for code, node in known.items() for p in node["products"]}
    feeds = {code: {f["node"] for f in node.get("feeds") or ()} for code, node in known.items()}
    nodes, firms = _nodes_of(city), len(city.codes)
    counted: Counter[str] = Counter()
    for seller, buyer, goods in zip(
        traded.seller.tolist(), traded.buyer.tolist(), traded.product.tolist(), strict=True
    ):
        node = home.get(city.roles.products.codes[goods])
        counted["noise" if node is None else "chain"] += 1
        if node is None:
            continue
        if seller < firms:
            assert node in nodes[seller]
            counted["sold inside" if buyer < firms else "sold outside"] += 1
        if buyer < firms:
            assert nodes[buyer] & feeds[node]
            counted["bought inside" if seller < firms else "bought outside"] += 1
    total = len(traded)
    assert 0.8 * 100_000 < total < 1.02 * 100_000  # 2,000,000 x 0.05
    assert 0.06 < counted["noise"] / total < 0.1
    assert min(counted["sold inside"], counted["bought outside"], counted["sold outside"]) > 0.05 * total


def test_purchases_follow_the_cost_shares() -> None:
    city, known = at_scale(1.0), models()
    traded, codes = trades(city, 2024), list(known)
    nodes = _nodes_of(city)
    home = {p: n for n, node in enumerate(known.values()) for p in node["products"]}
    # only firms with a single node: all their purchases are for that node
    only = np.full(len(city.codes), -1)
    for firm, of in nodes.items():
        only[firm] = codes.index(next(iter(of))) if len(of) == 1 else -1
    start = np.array([home.get(code, -1) for code in city.roles.products.codes])[traded.product]
    inside = traded.buyer < len(city.codes)
    to = np.where(inside, only[np.where(inside, traded.buyer, 0)], -1)
    row = (start >= 0) & (to >= 0)
    bought = np.zeros((len(codes), len(codes)))
    np.add.at(bought, (start[row], to[row]), traded.amount[row])
    stated = np.zeros(bought.shape)
    for code, node in known.items():
        for fed in node.get("feeds") or ():
            stated[codes.index(code), codes.index(fed["node"])] = fed["cost_share_pct"]
    mixed = ((bought > 0).sum(axis=0) > 1) & (stated.sum(axis=0) > 0)
    assert mixed.sum() > 80
    # distance of a node's purchases from its model's cost shares: 0 equal, 1 no product in common
    off = (
        np.abs(bought / bought.sum(axis=0).clip(1e-9) - stated / stated.sum(axis=0).clip(1e-9)).sum(axis=0)
        / 2
    )
    assert np.average(off[mixed], weights=bought.sum(axis=0)[mixed]) < 0.25


def test_sales_are_a_part_of_a_twelfth_of_the_revenue(city: City, traded: Rows) -> None:
    q, firms = city.population, len(city.codes)
    earned = np.zeros(firms)
    sites = q.in_year(2024)
    earned[city.firms(sites, 2024)] = revenue(city, 2024)[sites] / 12
    own = traded.seller < firms
    sold = np.bincount(traded.seller[own], weights=traded.amount[own], minlength=firms)
    ratio = sold[sold > 0] / earned[sold > 0]
    assert ratio.min() > 0.399 and ratio.max() < 0.801
    inside = traded.buyer < firms
    bought = np.bincount(traded.buyer[inside], weights=traded.amount[inside], minlength=firms)
    assert np.percentile(bought[bought > 0] / earned[bought > 0], 99) < 1


def test_amounts_are_heavy_tailed(traded: Rows) -> None:
    amounts = np.sort(traded.amount)[::-1]
    assert amounts[: len(amounts) // 100].sum() > 0.3 * amounts.sum()
    assert amounts[len(amounts) // 2] < 0.1 * amounts.mean()


def test_codes_of_parties(sent: Sent) -> None:
    trades_sent = rows(sent, "trade_2024-12.csv")
    codes = [c for cells in trades_sent for c in (str(cells["销方代码"]), str(cells["购方代码"]))]
    lengths = Counter(map(len, codes))
    assert 0.015 < lengths[9] / len(codes) < 0.025
    full = {c for c in codes if len(c) == 18}
    registered = {
        str(c["tyshxydm"]) for y in range(2020, 2025) for c in rows(sent, f"business_registry_{y}.jsonl")
    }
    outside = full - registered
    assert sum(valid_uscc(c) for c in outside) >= len(outside) - 1  # one malformed code is planted
    places = Counter(c[2:6] for c in outside)
    assert len(places) > 15 and places["3302"] < 0.2 * len(outside)
    ours = {c[8:17] for c in registered}
    short = {c for c in codes if len(c) == 9}
    assert len(short & ours) > 0.3 * len(short)
    strange = [c for c in codes if len(c) == 15]
    assert strange and all(c.isdigit() for c in strange)


def test_some_rows_are_irregular(sent: Sent) -> None:
    trades_sent = rows(sent, "trade_2024-12.csv")
    itself = [c for c in trades_sent if c["销方代码"] == c["购方代码"]]
    zero = [c for c in trades_sent if number(c["金额(元)"]) == 0]
    assert 1 <= len(itself) <= 5 and 1 <= len(zero) <= 5


def test_at_least_one_side_is_in_the_city(city: City, traded: Rows) -> None:
    firms = len(city.codes)
    assert ((traded.seller < firms) | (traded.buyer < firms)).all()
    services = {code for code, node in models().items() if not industrial(node)}
    assert services and not any(services & nodes for nodes in _nodes_of(city).values())
