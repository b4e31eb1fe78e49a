"""Trades between the demo city's firms (企业间购销): invoices that firms share with the service platform.

Firms sell their own products; buyers are firms of the nodes that the product feeds. Products that the city does not
make are bought from outside.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from demo_city.cells import amounts, take
from demo_city.frame import Frame
from demo_city.senders.months import period_of
from demo_city.senders.parties import (
    STRANGERS,
    Sides,
    anybody,
    buyers_of,
    demand_of,
    is_outside,
    local_shares,
    outsiders,
    parties,
    sides_of,
    size_of,
    sums,
)
from demo_city.world.city import City
from demo_city.world.draws import Bools, Floats, Ints, shares_to_counts, stream
from schemas.contract import feed

#: The only month with trades: a flow model needs one month, and that is two million rows.
TRADES_YEAR, TRADES_MONTH = 2024, 12


@dataclass(frozen=True)
class Rows:
    """Rows of trade: positions of seller and buyer in :func:`parties`, and of the product; amounts in 万元."""

    seller: Ints
    buyer: Ints
    product: Ints
    amount: Floats

    def __len__(self) -> int:
        return len(self.seller)


def trade(city: City, year: int, month: int) -> Frame:
    """Trades of the month. A firm's sales are a twelfth of its revenue times the share that its invoices cover."""
    contract, market = feed("ent_trade"), city.p.market
    codes = parties(city)
    rng = stream(city.population.seed, "trade-codes")
    known = len(codes) - STRANGERS
    rows = _with_odd_rows(city, trades(city, year), known, rng)
    both = pa.concat_arrays([codes, pc.utf8_slice_codeunits(codes, 8, 17)])
    columns = {}
    for name, side in (("seller_code", rows.seller), ("buyer_code", rows.buyer)):
        short = (rng.random(len(rows)) < market.organisation_code_share) & (side < known)
        columns[name] = take(both, side + short * len(codes))
    columns["product_code"] = take(city.roles.products.codes, rows.product)
    cents = np.ceil(rows.amount * 1e6).astype(np.int64)
    columns["trade_wan_yuan"] = amounts(contract, "trade_wan_yuan", cents, "元", 2)
    return Frame(contract, period_of(year, month), "", columns)


#: Irregular rows of each kind per million rows, and the minimum.
_ODD, _FEWEST_ODD = 60, 3


def _with_odd_rows(city: City, rows: Rows, known: int, rng: np.random.Generator) -> Rows:
    """Make some rows irregular, in place: unknown sellers, unknown buyers, zero amounts, firms that invoice themselves.

    These are the largest arrays of the city, so they are not copied.
    """
    count = max(_FEWEST_ODD, len(rows) * _ODD // 10**6)
    odd = rng.choice(len(rows), 3 * count, replace=False)
    seller, buyer, amount = rows.seller, rows.buyer, rows.amount
    seller[odd[:count]] = known + rng.integers(0, STRANGERS, count)
    buyer[odd[count : 2 * count]] = known + rng.integers(0, STRANGERS, count)
    amount[odd[2 * count :]] = 0
    itself = rng.choice(np.flatnonzero(~is_outside(city, seller)), count, replace=False)
    buyer[itself] = seller[itself]
    return _merged(city, Rows(seller, buyer, rows.product, amount))


def trades(city: City, year: int) -> Rows:
    """All rows of the month, one for each seller, buyer and product."""
    market, q = city.p.market, city.population
    rng = stream(q.seed, f"trades-{year}")
    sides = sides_of(city, year, rng)
    total = max(2000, round(market.trades * q.scale))
    chain = np.flatnonzero(sides.line_node < city.roles.outside)
    other = np.flatnonzero(sides.line_node == city.roles.outside)
    demand = demand_of(city, sides)
    noise = round(total * market.noise_share)
    sold = _merged(city, _sales(city, sides, chain, round(total * 0.65), demand, rng))
    stray = _merged(city, _stray_sales(city, sides, other, round(noise * 0.8), rng))
    bought = _merged(city, _purchases(city, sides, demand, sold, rng, total - len(sold) - noise))
    strange = _merged(city, _stray_purchases(city, sides, noise - len(stray), rng))
    parts = [sold, stray, bought, strange]
    names = ("seller", "buyer", "product", "amount")
    return Rows(*(np.concatenate([getattr(rows, name) for rows in parts]) for name in names))


def _merged(city: City, rows: Rows) -> Rows:
    """Merge rows of the same seller, buyer and product."""
    parties, goods = 1 << 22, len(city.roles.products)
    key, back = np.unique((rows.seller * parties + rows.buyer) * goods + rows.product, return_inverse=True)
    total: Floats = np.bincount(back, weights=rows.amount).astype(np.float64)
    pair, product = np.divmod(key, goods)
    seller, buyer = np.divmod(pair, parties)
    return Rows(seller, buyer, product, total)


def _spread(values: Floats, total: Floats, group: Ints) -> Floats:
    """Scale the values of each group to its total."""
    sums = np.bincount(group, weights=values, minlength=len(total))
    scaled: Floats = values * (total / np.maximum(sums, 1e-12))[group]
    return scaled


#: Largest amount of one trade, as a share of the buyer's monthly revenue.
_MOST_AT_ONCE = 0.4


def _capped(sides: Sides, buyer: Ints, amount: Floats, group: Ints, may_take: Bools) -> Floats:
    """Cap amounts by the buyer's size; the excess goes to rows of the group with ``may_take``, if it has any."""
    known = buyer < len(sides.revenue)
    most = np.where(known, sides.revenue[np.where(known, buyer, 0)] / 12 * _MOST_AT_ONCE, np.inf)
    capped = np.minimum(amount, most)
    excess = np.bincount(group, weights=amount - capped)
    weight = np.where(may_take & (capped < most), capped, 0.0)
    taken = np.bincount(group, weights=weight)
    more = weight / np.maximum(taken, 1e-12)[group] * excess[group]
    final: Floats = np.where(taken[group] > 0, capped + more, amount)
    return final


def _rows_of(weights: Floats, total: int) -> Ints:
    """Number of rows of each line: one each, the others in proportion to the weights."""
    if total <= len(weights):
        return np.ones(len(weights), dtype=np.int64)
    return 1 + shares_to_counts(weights, total - len(weights))


#: Exponent of the buyer's size in the amount of a trade, and the spread of its logarithm for buyers of one size.
_MUCH, _SPREAD = 0.75, 1.15


def _sales(city: City, sides: Sides, line: Ints, rows: int, demand: Floats, rng: np.random.Generator) -> Rows:
    """Sales of chain lines to local buyers of the nodes that they feed, the rest to firms outside."""
    chains = city.roles.nodes
    node, sales = sides.line_node[line], sides.sales[line]
    at = np.repeat(np.arange(len(line)), _rows_of(np.maximum(sales, 1e-6) ** 0.55, rows))
    of = node[at]
    chance = _local_chance(city, demand, sums(node, sales, len(chains)))
    # local rows are more frequent, and smaller, than their share of the sales
    often = chance**0.4
    is_local = rng.random(len(at)) < often[of]
    # the few sellers of a product that the city lacks have a buyer here, however few rows they have
    weak = np.isin(of, chains.positions(city.p.chain_gaps.weak)) & (chance[of] > 0)
    is_local |= weak & (np.diff(at, prepend=-1) > 0) & (np.diff(at, append=len(line)) == 0)
    buyer = outsiders(city, of, rng)
    to = _next_nodes(city, demand, of[is_local], rng)
    buyer[is_local] = buyers_of(sides, to, rng)
    itself = buyer == sides.line_firm[line][at]
    buyer[itself] = outsiders(city, of[itself], rng)
    weight = np.exp(_SPREAD * rng.standard_normal(len(at))) * size_of(city, sides, buyer) ** _MUCH
    part = np.where(is_local, chance[of], 1 - chance[of])
    both = 2 * at + is_local
    alone = np.bincount(both, minlength=2 * len(line)).reshape(-1, 2) == 0
    part = np.where(alone[at, 1 - is_local.astype(np.int64)], 1.0, part)
    held = np.bincount(both, weights=weight, minlength=2 * len(line))
    amount = _capped(sides, buyer, weight / held[both] * part * sales[at], at, ~is_local | itself)
    return Rows(sides.line_firm[line][at], buyer, sides.line_product[line][at], amount)


def _local_chance(city: City, demand: Floats, supply: Floats) -> Floats:
    """Share of each node's sales that go to local buyers: limited by their need for local products."""
    chains = city.roles.nodes
    start = np.array([e[0] for e in chains.edges])
    needed = np.bincount(start, weights=demand, minlength=len(chains))
    wanted = needed * local_shares(city) * city.p.market.purchase_coverage
    chance: Floats = np.clip(wanted / np.maximum(supply, 1e-9), 0, 0.92)
    return chance


def _next_nodes(city: City, demand: Floats, node: Ints, rng: np.random.Generator) -> Ints:
    """For each entry of ``node`` a node that it feeds, drawn by the demand of that node's firms."""
    edges = city.roles.nodes.edges
    order = np.argsort([e[0] for e in edges], kind="stable")
    start, to = np.array([edges[n][0] for n in order]), np.array([edges[n][1] for n in order])
    reached = np.concatenate([[0.0], np.cumsum(demand[order])])
    first = np.searchsorted(start, np.arange(len(city.roles.nodes) + 1))
    low, high = reached[first[node]], reached[first[node + 1]]
    aim = low + (high - low) * rng.random(len(node))
    edge = np.clip(np.searchsorted(reached, aim, side="right") - 1, first[node], first[node + 1] - 1)
    fed: Ints = to[edge]
    return fed


def _purchases(
    city: City, sides: Sides, demand: Floats, local: Rows, rng: np.random.Generator, rows: int
) -> Rows:
    """Purchases from outside, so large that the local share of each node's products is the planted share."""
    chains = city.roles.nodes
    start = np.array([e[0] for e in chains.edges])
    outside = _bought_outside(city, sides, demand, local)
    edge = np.flatnonzero(outside > 0)
    at = np.repeat(np.arange(len(edge)), _rows_of(outside[edge] ** 0.6, rows))
    to = np.array([e[1] for e in chains.edges])[edge][at]
    node = start[edge][at]
    buyer, seller = buyers_of(sides, to, rng), outsiders(city, node, rng)
    width = max(map(len, chains.products))
    position = {code: n for n, code in enumerate(city.roles.products.codes)}
    table = np.array([([position[c] for c in codes] * width)[:width] for codes in chains.products])
    product = table[
        node, (rng.random(len(node)) * np.array([len(c) for c in chains.products])[node]).astype(int)
    ]
    weight = np.exp(_SPREAD * rng.standard_normal(len(at))) * size_of(city, sides, buyer) ** _MUCH
    amount = _capped(sides, buyer, _spread(weight, outside[edge], at), at, np.ones(len(at), dtype=bool))
    return Rows(seller, buyer, product, amount)


def _bought_outside(city: City, sides: Sides, demand: Floats, local: Rows) -> Floats:
    """Purchases of each edge from outside, 万元; without local sales, all that invoices may cover."""
    chains, roles = city.roles.nodes, city.roles
    share = local_shares(city)
    home = np.full(len(roles.products), -1)
    for n, codes in enumerate(chains.products):
        home[np.isin(roles.products.codes, codes)] = n
    inside = local.buyer < len(sides.revenue)
    sold = np.bincount(home[local.product[inside]], weights=local.amount[inside], minlength=len(chains))
    start = np.array([e[0] for e in chains.edges])
    needed = np.bincount(start, weights=demand, minlength=len(chains))
    seen = needed * city.p.market.purchase_coverage
    rest = np.where(sold > 0, sold * (1 - share) / np.maximum(share, 1e-9), seen)
    lacking = chains.positions((*city.p.chain_gaps.missing, *city.p.chain_gaps.weak))
    rest[lacking] = np.maximum(rest, seen - sold)[lacking]
    outside: Floats = rest[start] * demand / np.maximum(needed, 1e-9)[start]
    return outside


def _stray_sales(city: City, sides: Sides, line: Ints, rows: int, rng: np.random.Generator) -> Rows:
    """Sales of products outside all chains to any buyer; a third of the rows, with small amounts, are local."""
    sales = sides.sales[line]
    count = _rows_of(np.maximum(sales, 1e-6) ** 0.55, rows)
    if len(line) > rows:
        line = np.sort(rng.choice(line, rows, replace=False))
        sales, count = sides.sales[line], np.ones(rows, dtype=np.int64)
    at = np.repeat(np.arange(len(line)), count)
    buyer = outsiders(city, np.full(len(at), city.roles.outside), rng)
    inside = rng.random(len(at)) < 1 / 3
    buyer[inside] = anybody(sides, int(inside.sum()), rng)
    itself = buyer == sides.line_firm[line][at]
    buyer[itself] = outsiders(city, np.full(int(itself.sum()), city.roles.outside), rng)
    weight = np.exp(_SPREAD * rng.standard_normal(len(at))) * size_of(city, sides, buyer) ** _MUCH
    weight = np.where(inside & ~itself, 0.2, 1.0) * weight
    amount = _capped(sides, buyer, _spread(weight, sales, at), at, ~inside | itself)
    return Rows(sides.line_firm[line][at], buyer, sides.line_product[line][at], amount)


def _stray_purchases(city: City, sides: Sides, rows: int, rng: np.random.Generator) -> Rows:
    """Purchases of packaging, stationery, scrap and services from outside, in small amounts."""
    rows = max(rows, 20)
    buyer = anybody(sides, rows, rng)
    seller = outsiders(city, np.full(rows, city.roles.outside), rng)
    product = rng.choice(city.roles.products.noise, rows)
    amount = 0.005 * sides.revenue[buyer] ** _MUCH * np.exp(rng.standard_normal(rows))
    return Rows(seller, buyer, product, amount)
