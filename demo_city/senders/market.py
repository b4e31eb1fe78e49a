"""What the demo city's firms make and trade (企业产品、企业间购销), as they tell the service platform.

Products are declared by choice, with the slips of people who fill in forms: neighbouring codes, shares that do
not add up, round numbers. Trades are the invoices that firms share: sellers sell what they make, buyers are the
firms of the nodes that their product feeds, and what the city does not make is bought from outside.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from demo_city.delivery import Frame, amounts, decimals, take
from demo_city.senders.months import period_of
from demo_city.world.chains import WHOLE, Roles
from demo_city.world.city import City
from demo_city.world.draws import Bools, Floats, Ints, shares_to_counts, stream
from demo_city.world.identity import credit_codes
from demo_city.world.population import ABOVE
from schemas.contract import feed

#: The month of which trades are sent: one month is what a model of flows needs, and two million rows.
TRADES_YEAR, TRADES_MONTH = 2024, 12
_UNITS = {"17": "万米", "18": "万件", "25": "吨", "26": "吨", "28": "吨", "29": "吨", "31": "吨", "32": "吨"}


def revenue(city: City, year: int) -> Floats:
    """Revenue of each site's firm, 万元."""
    figures, q = city.year(year), city.population
    above = q.status[year] == ABOVE
    found: Floats = np.where(above, figures.money["revenue"] / 10, figures.declared / 1e6)
    return np.maximum(found, 1.0)


# --- ent_product -----------------------------------------------------------------------------------------


def product(city: City, year: int) -> Frame:
    """Products of the firms that declare any: who does stays the same from year to year."""
    contract, q, roles = feed("ent_product"), city.population, city.roles
    rng = stream(q.seed, f"products-{year}")
    sites = q.in_year(year)
    firms = city.firms(sites, year)
    line = np.flatnonzero(declaring(city, year)[roles.line_firm])
    firm, made = roles.line_firm[line], roles.line_product[line]
    said = _mistaken(city, firm, made, rng)
    amount = np.zeros(len(q.firm_site))
    amount[firms] = revenue(city, year)[sites]
    amount = amount[firm] * roles.line_share[line] / WHOLE
    capacity = np.rint(amount * np.exp(rng.normal(0.2, 0.3, len(line))) / 0.6).astype(np.int64) + 1
    blank = rng.random((2, len(line))) < [[0.02], [0.2]]
    units = list(dict.fromkeys(["台", *_UNITS.values()]))
    unit_of = np.array([units.index(_UNITS.get(code[:2], "台")) for code in roles.products.codes])
    return Frame(
        contract,
        str(year),
        "",
        {
            "uscc": take(city.codes, firm),
            "product_code": take(roles.products.codes, said),
            "product_name": take(roles.products.names, made),
            "revenue_share_pct": decimals(_told_shares(roles, line, rng), 2, blank[0]),
            "capacity_amount": decimals(capacity, 0, blank[1]),
            "capacity_unit": take(units, np.where(blank[1], -1, unit_of[made])),
        },
    )


def declaring(city: City, year: int) -> Bools:
    """Firms that declare their products; below scale only those that belong to a chain."""
    q, roles, share = city.population, city.roles, city.p.market.declaring_share
    sites = q.in_year(year)
    firms = city.firms(sites, year)
    willing = stream(q.seed, "declaring").random(len(q.firm_site))[firms]
    in_chain = np.zeros(len(q.firm_site), dtype=bool)
    in_chain[roles.firm[roles.node != roles.outside]] = True
    below = np.where(in_chain[firms], share.below, 0.0)
    tells = np.zeros(len(q.firm_site), dtype=bool)
    tells[firms[willing < np.where(q.status[year][sites] == ABOVE, share.above, below)]] = True
    return tells


def _mistaken(city: City, firm: Ints, made: Ints, rng: np.random.Generator) -> Ints:
    """Codes as they are typed: a few are those of a neighbouring product, never one the firm has already."""
    goods = city.roles.products
    slip = (rng.random(len(made)) < city.p.market.neighbour_code_share) & (goods.neighbour[made] != made)
    said = np.where(slip, goods.neighbour[made], made)
    _, back, count = np.unique(firm * len(goods) + said, return_inverse=True, return_counts=True)
    return np.where(slip & (count[back] > 1), made, said)


def _told_shares(roles: Roles, line: Ints, rng: np.random.Generator) -> Ints:
    """Shares as firms say them: to a percent, two of five to five percent, of one in twenty they do not add up."""
    firm = roles.line_firm[line]
    share = roles.line_share[line]
    habit = rng.random((2, int(firm.max(initial=0)) + 1))[:, firm]
    off = np.exp(rng.normal(0, 0.15, len(line)))
    share = np.where(habit[1] < 0.05, share * off, share)
    step = np.where(habit[0] < 0.4, 500, np.where(habit[0] < 0.9, 100, 1))
    told: Ints = np.clip(np.rint(share / step) * step, 1, WHOLE).astype(np.int64)
    return told


# --- ent_trade -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rows:
    """Rows of trade: positions of seller and buyer among :func:`_parties`, and of the product; amounts in 万元."""

    seller: Ints
    buyer: Ints
    product: Ints
    amount: Floats

    def __len__(self) -> int:
        return len(self.seller)


#: A firm buys as often as its size to this power, and as much at a time as its size to the other.
_OFTEN, _MUCH = 0.45, 0.75


@dataclass(frozen=True)
class _Sides:
    """Sellers' lines and buyers' roles of the firms in the directory, and what they amount to in the month."""

    #: Roles by node: firm, and the running total of how often they buy.
    buyer: Ints
    reached: Floats
    #: Yearly revenue that the firms have in each node, 万元.
    worth: Floats
    #: Bounds of each node's roles, so that node n has ``start[n]`` to ``start[n + 1]``.
    start: Ints
    #: Lines: firm, node, product, sales of the month that the platform sees (万元).
    line_firm: Ints
    line_node: Ints
    line_product: Ints
    sales: Floats
    #: Revenue of each firm, 万元 a year; 0 outside the directory.
    revenue: Floats


def trade(city: City, year: int, month: int) -> Frame:
    """Trades of the month. Sales of a firm are its revenue's twelfth times the share that its invoices cover."""
    contract, market = feed("ent_trade"), city.p.market
    codes = parties(city)
    rng = stream(city.population.seed, "trade-codes")
    known = len(codes) - _STRANGERS
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


def local_shares(city: City) -> Floats:
    """Planted share of each node's products that the city's buyers buy in the city."""
    market, chains, gaps = city.p.market, city.roles.nodes, city.p.chain_gaps
    share = stream(city.population.seed, "local-shares").uniform(*market.local_share, len(chains))
    share[chains.positions(gaps.weak)] = market.weak_local_share
    share[chains.positions(gaps.missing)] = 0
    share[~chains.is_industrial] = 0
    return np.round(share, 4)


#: Firms outside the directory: for each node so many suppliers and buyers at scale 1, and at least.
_SUPPLIERS, _FEWEST_SUPPLIERS = 400, 60
#: GB/T 2260 codes of the places they are in: other cities, and for services Ningbo itself.
_PLACES = (
    "310115", "320583", "330106", "330327", "330482", "330683", "331004", "340104", "350206", "370211",
    "440306", "441900", "440604", "420115", "510107", "120116", "210213", "320205", "360111", "430104",
)  # fmt: skip
#: Serial numbers from here on are outside the city's, whatever its scale.
_OUTSIDE_SERIAL = 20_000_000


def _suppliers(city: City) -> int:
    """Firms outside that deal in each node's products."""
    root = float(np.sqrt(min(city.population.scale, 1.0)))
    return max(_FEWEST_SUPPLIERS, round(_SUPPLIERS * root))


def parties(city: City) -> pa.Array:
    """Credit codes: the city's firms, then those outside, node by node, then a few that nobody knows."""
    count = _suppliers(city) * (len(city.roles.nodes) + 1)
    serial = _OUTSIDE_SERIAL + np.arange(count)
    places = [*_PLACES, "330212", "330203"]
    place = np.arange(count) * 7 % len(_PLACES)
    industrial = np.append(city.roles.nodes.is_industrial, True)
    service = ~industrial[np.arange(count) // _suppliers(city)] & (np.arange(count) % 5 < 3)
    place[service] = len(_PLACES) + np.arange(count)[service] % 2
    outside = credit_codes("91", places, place, serial, city.population.seed)
    serial = _OUTSIDE_SERIAL + count + np.arange(_STRANGERS // 2)
    strange = credit_codes("91", ["330212"], np.zeros_like(serial), serial, city.population.seed)
    old = [f"3302{n:02d}000{n * 7919:06d}" for n in range(_STRANGERS - len(strange))]
    return pa.concat_arrays([city.codes, pa.array(outside), pa.array(strange), pa.array(old)])


#: Codes that no list knows: half look like the city's own, half are old registration numbers of 15 digits.
_STRANGERS = 12
#: Odd rows of each kind, of a million, and at least.
_ODD, _FEWEST_ODD = 60, 3


def _with_odd_rows(city: City, rows: Rows, known: int, rng: np.random.Generator) -> Rows:
    """Some rows name a firm that nobody knows, some amount to nothing, some firms invoice themselves."""
    count = max(_FEWEST_ODD, len(rows) * _ODD // 10**6)
    odd = rng.choice(len(rows), 3 * count, replace=False)
    seller, buyer, amount = rows.seller.copy(), rows.buyer.copy(), rows.amount.copy()
    seller[odd[:count]] = known + rng.integers(0, _STRANGERS, count)
    buyer[odd[count : 2 * count]] = known + rng.integers(0, _STRANGERS, count)
    amount[odd[2 * count :]] = 0
    itself = rng.choice(np.flatnonzero(~is_outside(city, seller)), count, replace=False)
    buyer[itself] = seller[itself]
    return _merged(city, Rows(seller, buyer, rows.product, amount))


def trades(city: City, year: int) -> Rows:
    """All rows of the month; each seller, buyer and product once."""
    market, q = city.p.market, city.population
    rng = stream(q.seed, f"trades-{year}")
    sides = _sides(city, year, rng)
    total = max(2000, round(market.trades * q.scale))
    chain = np.flatnonzero(sides.line_node < city.roles.outside)
    other = np.flatnonzero(sides.line_node == city.roles.outside)
    demand = _demand(city, sides)
    noise = round(total * market.noise_share)
    sold = _merged(city, _sales(city, sides, chain, round(total * 0.65), demand, rng))
    stray = _merged(city, _stray_sales(city, sides, other, round(noise * 0.8), rng))
    bought = _merged(city, _purchases(city, sides, demand, sold, rng, total - len(sold) - noise))
    strange = _merged(city, _stray_purchases(city, sides, noise - len(stray), rng))
    found = [sold, stray, bought, strange]
    names = ("seller", "buyer", "product", "amount")
    return Rows(*(np.concatenate([getattr(rows, name) for rows in found]) for name in names))


def _merged(city: City, rows: Rows) -> Rows:
    """Rows of the same seller, buyer and product are one."""
    parties, goods = 1 << 22, len(city.roles.products)
    key, back = np.unique((rows.seller * parties + rows.buyer) * goods + rows.product, return_inverse=True)
    total: Floats = np.bincount(back, weights=rows.amount).astype(np.float64)
    pair, product = np.divmod(key, goods)
    seller, buyer = np.divmod(pair, parties)
    return Rows(seller, buyer, product, total)


def _sides(city: City, year: int, rng: np.random.Generator) -> _Sides:
    roles, q, market = city.roles, city.population, city.p.market
    sites = q.in_year(year)
    firms = city.firms(sites, year)
    worth = np.zeros(len(q.firm_site))
    worth[firms] = revenue(city, year)[sites]
    above = np.zeros(len(worth), dtype=bool)
    above[firms] = q.status[year][sites] == ABOVE
    planted = np.isin(roles.node, roles.nodes.positions(city.p.chain_gaps.all))
    shares = rng.random(len(worth)) < np.where(above, market.trading_share.above, market.trading_share.below)
    shares[roles.firm[planted]] = True
    seen = worth / 12 * rng.uniform(*market.coverage, len(worth))
    present = np.flatnonzero(worth[roles.firm] > 0)
    order = present[np.argsort(roles.node[present], kind="stable")]
    bought = worth[roles.firm[order]] * roles.share[order] / WHOLE
    line = np.flatnonzero(shares[roles.line_firm] & (worth[roles.line_firm] > 0))
    return _Sides(
        buyer=roles.firm[order],
        reached=np.concatenate([[0.0], np.cumsum(bought**_OFTEN)]),
        worth=_sums(roles.node[order], bought, roles.outside + 1),
        start=np.searchsorted(roles.node[order], np.arange(roles.outside + 2)),
        line_firm=roles.line_firm[line],
        line_node=roles.line_node[line],
        line_product=roles.line_product[line],
        sales=seen[roles.line_firm[line]] * roles.line_share[line] / WHOLE,
        revenue=worth,
    )


def _sums(group: Ints, values: Floats, groups: int) -> Floats:
    """Sum of the values of each group."""
    found: Floats = np.bincount(group, weights=values, minlength=groups).astype(np.float64)
    return found


def _demand(city: City, sides: _Sides) -> Floats:
    """What the buyers of each edge buy in the month, 万元, seen or not."""
    market, chains = city.p.market, city.roles.nodes
    return np.array(
        [sides.worth[to] / 12 * market.material_share * share / 100 for _, to, share in chains.edges],
        dtype=np.float64,
    )


def _buyers(sides: _Sides, node: Ints, rng: np.random.Generator) -> Ints:
    """A firm of each node, likelier the larger it is."""
    low, high = sides.reached[sides.start[node]], sides.reached[sides.start[node + 1]]
    aim = low + (high - low) * rng.random(len(node))
    found = np.searchsorted(sides.reached, aim, side="right") - 1
    return sides.buyer[np.clip(found, sides.start[node], sides.start[node + 1] - 1)]


def _outsiders(city: City, node: Ints, rng: np.random.Generator) -> Ints:
    """A firm outside that deals in the node's products: a few of them have most of the trade."""
    each = _suppliers(city)
    number = np.minimum((each * rng.random(len(node)) ** 1.7).astype(np.int64), each - 1)
    return len(city.population.firm_site) + node * each + number


def _size(city: City, sides: _Sides, party: Ints) -> Floats:
    """Size by which a trade with the party is larger or smaller."""
    outside = 3000.0 / (1 + (party - len(sides.revenue)) % _suppliers(city) / 10)
    inside = sides.revenue[np.minimum(party, len(sides.revenue) - 1)]
    found: Floats = np.where(party < len(sides.revenue), inside, outside)
    return np.maximum(found, 1.0)


def _spread(values: Floats, total: Floats, group: Ints) -> Floats:
    """Scale values so that those of each group add up to its total."""
    sums = np.bincount(group, weights=values, minlength=len(total))
    found: Floats = values * (total / np.maximum(sums, 1e-12))[group]
    return found


#: Most that one trade is, of the buyer's revenue in a month.
_MOST_AT_ONCE = 0.4


def _capped(sides: _Sides, buyer: Ints, amount: Floats, group: Ints, may_take: Bools) -> Floats:
    """No firm of the city buys far beyond its size at once; the rest goes to other rows of the group, if any may."""
    known = buyer < len(sides.revenue)
    most = np.where(known, sides.revenue[np.where(known, buyer, 0)] / 12 * _MOST_AT_ONCE, np.inf)
    less = np.minimum(amount, most)
    lost = np.bincount(group, weights=amount - less)
    weight = np.where(may_take & (less < most), less, 0.0)
    taken = np.bincount(group, weights=weight)
    more = weight / np.maximum(taken, 1e-12)[group] * lost[group]
    found: Floats = np.where(taken[group] > 0, less + more, amount)
    return found


def _rows_of(weights: Floats, total: int) -> Ints:
    """How many rows each line has: one, and the others by weight."""
    if total <= len(weights):
        return np.ones(len(weights), dtype=np.int64)
    return 1 + shares_to_counts(weights, total - len(weights))


def _sales(
    city: City, sides: _Sides, line: Ints, rows: int, demand: Floats, rng: np.random.Generator
) -> Rows:
    """What chain lines sell: to buyers of the nodes that they feed, the rest to firms outside."""
    chains = city.roles.nodes
    node, sales = sides.line_node[line], sides.sales[line]
    at = np.repeat(np.arange(len(line)), _rows_of(np.maximum(sales, 1e-6) ** 0.55, rows))
    of = node[at]
    chance = _local_chance(city, demand, _sums(node, sales, len(chains)))
    # local rows are more, and smaller, than their share of the sales
    often = chance**0.4
    is_local = rng.random(len(at)) < often[of]
    buyer = _outsiders(city, of, rng)
    to = _next_nodes(city, demand, of[is_local], rng)
    buyer[is_local] = _buyers(sides, to, rng)
    itself = buyer == sides.line_firm[line][at]
    buyer[itself] = _outsiders(city, of[itself], rng)
    weight = np.exp(0.9 * rng.standard_normal(len(at))) * _size(city, sides, buyer) ** _MUCH
    part = np.where(is_local, chance[of], 1 - chance[of])
    both = 2 * at + is_local
    alone = np.bincount(both, minlength=2 * len(line)).reshape(-1, 2) == 0
    part = np.where(alone[at, 1 - is_local.astype(np.int64)], 1.0, part)
    held = np.bincount(both, weights=weight, minlength=2 * len(line))
    amount = _capped(sides, buyer, weight / held[both] * part * sales[at], at, ~is_local | itself)
    return Rows(sides.line_firm[line][at], buyer, sides.line_product[line][at], amount)


def _local_chance(city: City, demand: Floats, supply: Floats) -> Floats:
    """Share of each node's sales that go to buyers of the city: no more than they need of the city's making."""
    chains = city.roles.nodes
    start = np.array([e[0] for e in chains.edges])
    needed = np.bincount(start, weights=demand, minlength=len(chains))
    wanted = needed * local_shares(city) * city.p.market.purchase_coverage
    found: Floats = np.clip(wanted / np.maximum(supply, 1e-9), 0, 0.92)
    return found


def _next_nodes(city: City, demand: Floats, node: Ints, rng: np.random.Generator) -> Ints:
    """A node that each of ``node`` feeds, by what its firms buy."""
    edges = city.roles.nodes.edges
    order = np.argsort([e[0] for e in edges], kind="stable")
    start, to = np.array([edges[n][0] for n in order]), np.array([edges[n][1] for n in order])
    reached = np.concatenate([[0.0], np.cumsum(demand[order])])
    first = np.searchsorted(start, np.arange(len(city.roles.nodes) + 1))
    low, high = reached[first[node]], reached[first[node + 1]]
    aim = low + (high - low) * rng.random(len(node))
    found = np.clip(np.searchsorted(reached, aim, side="right") - 1, first[node], first[node + 1] - 1)
    fed: Ints = to[found]
    return fed


def _purchases(
    city: City, sides: _Sides, demand: Floats, local: Rows, rng: np.random.Generator, rows: int
) -> Rows:
    """What buyers of the nodes buy outside: so much that the city's own share is the planted one."""
    chains = city.roles.nodes
    start = np.array([e[0] for e in chains.edges])
    outside = _bought_outside(city, sides, demand, local)
    edge = np.flatnonzero(outside > 0)
    at = np.repeat(np.arange(len(edge)), _rows_of(outside[edge] ** 0.6, rows))
    to = np.array([e[1] for e in chains.edges])[edge][at]
    node = start[edge][at]
    buyer, seller = _buyers(sides, to, rng), _outsiders(city, node, rng)
    width = max(map(len, chains.products))
    position = {code: n for n, code in enumerate(city.roles.products.codes)}
    table = np.array([([position[c] for c in codes] * width)[:width] for codes in chains.products])
    product = table[
        node, (rng.random(len(node)) * np.array([len(c) for c in chains.products])[node]).astype(int)
    ]
    weight = np.exp(0.9 * rng.standard_normal(len(at))) * _size(city, sides, buyer) ** _MUCH
    amount = _capped(sides, buyer, _spread(weight, outside[edge], at), at, np.ones(len(at), dtype=bool))
    return Rows(seller, buyer, product, amount)


def _bought_outside(city: City, sides: _Sides, demand: Floats, local: Rows) -> Floats:
    """What each edge buys outside, 万元. Where the city sells nothing, all that may be seen."""
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
    found: Floats = rest[start] * demand / np.maximum(needed, 1e-9)[start]
    return found


def _stray_sales(city: City, sides: _Sides, line: Ints, rows: int, rng: np.random.Generator) -> Rows:
    """What is in no chain is sold to anybody: a third of the rows, small ones, in the city."""
    sales = sides.sales[line]
    count = _rows_of(np.maximum(sales, 1e-6) ** 0.55, rows)
    if len(line) > rows:
        line = np.sort(rng.choice(line, rows, replace=False))
        sales, count = sides.sales[line], np.ones(rows, dtype=np.int64)
    at = np.repeat(np.arange(len(line)), count)
    buyer = _outsiders(city, np.full(len(at), city.roles.outside), rng)
    inside = rng.random(len(at)) < 1 / 3
    buyer[inside] = _anybody(sides, int(inside.sum()), rng)
    itself = buyer == sides.line_firm[line][at]
    buyer[itself] = _outsiders(city, np.full(int(itself.sum()), city.roles.outside), rng)
    weight = np.exp(0.9 * rng.standard_normal(len(at))) * _size(city, sides, buyer) ** _MUCH
    weight = np.where(inside & ~itself, 0.2, 1.0) * weight
    amount = _capped(sides, buyer, _spread(weight, sales, at), at, ~inside | itself)
    return Rows(sides.line_firm[line][at], buyer, sides.line_product[line][at], amount)


def _anybody(sides: _Sides, count: int, rng: np.random.Generator) -> Ints:
    """Firms of the city, likelier the larger they are."""
    aim = rng.random(count) * sides.reached[-1]
    at = np.clip(np.searchsorted(sides.reached, aim, side="right") - 1, 0, len(sides.buyer) - 1)
    found: Ints = sides.buyer[at]
    return found


def _stray_purchases(city: City, sides: _Sides, rows: int, rng: np.random.Generator) -> Rows:
    """Packaging, stationery, scrap and services from outside: small amounts."""
    rows = max(rows, 20)
    buyer = _anybody(sides, rows, rng)
    seller = _outsiders(city, np.full(rows, city.roles.outside), rng)
    product = rng.choice(city.roles.products.noise, rows)
    amount = 0.005 * sides.revenue[buyer] ** _MUCH * np.exp(rng.standard_normal(rows))
    return Rows(seller, buyer, product, amount)


# --- the truth -------------------------------------------------------------------------------------------


def positions(city: City, years: tuple[int, ...]) -> pa.Table:
    """What each firm of the directory truly makes: year, uscc, node_code (OUT: in no chain), share_pct."""
    roles, q = city.roles, city.population
    tables = []
    for year in years:
        there = np.zeros(len(q.firm_site), dtype=bool)
        there[city.firms(q.in_year(year), year)] = True
        row = np.flatnonzero(there[roles.firm])
        columns = {
            "year": take([str(year)], np.zeros(len(row), dtype=np.int64)),
            "uscc": take(city.codes, roles.firm[row]),
            "node_code": take([*roles.nodes.codes, "OUT"], roles.node[row]),
            "share_pct": decimals(roles.share[row], 2),
        }
        tables.append(pa.table(columns))
    return pa.concat_tables(tables)


def gaps(city: City) -> dict[str, object]:
    """The planted gaps, and the planted share of each node's products that is bought in the city, in percent."""
    planted = city.p.chain_gaps
    share = local_shares(city)
    return {
        "missing": sorted(planted.missing),
        "weak": sorted(planted.weak),
        "single_point": sorted(planted.single_point),
        "local_share_pct": {
            code: round(100 * value, 2)
            for code, value in zip(city.roles.nodes.codes, share.tolist(), strict=True)
        },
    }


def is_outside(city: City, party: Ints) -> Bools:
    """Whether a party of a trade is a firm outside the city."""
    return party >= len(city.population.firm_site)
