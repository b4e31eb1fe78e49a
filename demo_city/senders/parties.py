"""The two sides of a trade (购销双方): firms of the city, and their trading partners outside."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from demo_city.senders.products import revenue
from demo_city.world.chains import is_industrial
from demo_city.world.city import City
from demo_city.world.draws import Bools, Floats, Ints, stream
from demo_city.world.identity import credit_codes
from demo_city.world.population import ABOVE
from demo_city.world.roles import WHOLE

#: GB/T 2260 codes of the partners' places: other cities.
_PLACES = (
    "310115", "320583", "330106", "330327", "330482", "330683", "331004", "340104", "350206", "370211",
    "440306", "441900", "440604", "420115", "510107", "120116", "210213", "320205", "360111", "430104",
)  # fmt: skip
#: First serial number of firms outside; the city's own are smaller at every scale.
_OUTSIDE_SERIAL = 20_000_000
#: Codes in no list: half look like codes of the city, half are old registration numbers of 15 digits.
STRANGERS = 12

#: Firms outside the city per node at scale 1, and the minimum.
_SUPPLIERS, _FEWEST_SUPPLIERS = 400, 60


def suppliers(city: City) -> int:
    """Number of firms outside that trade each node's products."""
    root = float(np.sqrt(min(city.population.scale, 1.0)))
    return max(_FEWEST_SUPPLIERS, round(_SUPPLIERS * root))


def parties(city: City) -> pa.Array:
    """Codes of all parties: the city's firms, then firms outside by node, then a few unknown codes."""
    count = suppliers(city) * (len(city.roles.nodes) + 1)
    serial = _OUTSIDE_SERIAL + np.arange(count)
    places = [*_PLACES, "330212", "330203"]
    place = np.arange(count) * 7 % len(_PLACES)
    industrial = np.append(city.roles.nodes.is_industrial, True)
    service = ~industrial[np.arange(count) // suppliers(city)] & (np.arange(count) % 5 < 3)
    place[service] = len(_PLACES) + np.arange(count)[service] % 2
    outside = credit_codes("91", places, place, serial, city.population.seed)
    serial = _OUTSIDE_SERIAL + count + np.arange(STRANGERS // 2)
    strange = credit_codes("91", ["330212"], np.zeros_like(serial), serial, city.population.seed)
    old = [f"3302{n:02d}000{n * 7919:06d}" for n in range(STRANGERS - len(strange))]
    return pa.concat_arrays([city.codes, pa.array(outside), pa.array(strange), pa.array(old)])


def local_shares(city: City) -> Floats:
    """Planted share of each node's products that local buyers buy in the city."""
    market, chains, gaps = city.p.market, city.roles.nodes, city.p.chain_gaps
    low, high = np.array([market.local_share[n].range for n in _bands(city)]).T
    share: Floats = stream(city.population.seed, "local-shares").uniform(low, high)
    share[chains.positions(gaps.weak)] = market.weak_local_share
    share[chains.positions(gaps.missing)] = 0
    share[~chains.is_industrial] = 0
    rounded: Floats = np.round(share, 4)
    return rounded


def _bands(city: City) -> list[int]:
    """Position of each node's band of local shares: by its code, else by its first industrial class, else the last."""
    bands, chains = city.p.market.local_share, city.roles.nodes
    of_node = {node: n for n, band in enumerate(bands) for node in band.nodes}
    chains.positions(of_node)
    of_class = {code: n for n, band in enumerate(bands) for code in band.classes}
    main = [next(filter(is_industrial, classes), "") for classes in chains.classes]
    return [
        of_node.get(node, of_class.get(code, len(bands) - 1))
        for node, code in zip(chains.codes, main, strict=True)
    ]


def is_outside(city: City, party: Ints) -> Bools:
    """Whether a party of a trade is a firm outside the city."""
    return party >= len(city.population.firm_site)


@dataclass(frozen=True)
class Sides:
    """Sellers' lines and buyers' roles of the firms in the directory, with their sizes."""

    #: Roles by node: firm, and the cumulative weight of its purchase frequency.
    buyer: Ints
    reached: Floats
    #: Yearly revenue of the firms in each node, 万元.
    worth: Floats
    #: Bounds of each node's roles: node n has ``start[n]`` to ``start[n + 1]``.
    start: Ints
    #: Lines: firm, node, product, sales of the month that invoices cover (万元).
    line_firm: Ints
    line_node: Ints
    line_product: Ints
    sales: Floats
    #: Revenue of each firm, 万元 a year; 0 outside the directory.
    revenue: Floats


#: Exponent of a firm's size in its purchase frequency.
_OFTEN = 0.45


def sides_of(city: City, year: int, rng: np.random.Generator) -> Sides:
    """Sellers and buyers of a year, with their sales and revenue."""
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
    return Sides(
        buyer=roles.firm[order],
        reached=np.concatenate([[0.0], np.cumsum(bought**_OFTEN)]),
        worth=sums(roles.node[order], bought, roles.outside + 1),
        start=np.searchsorted(roles.node[order], np.arange(roles.outside + 2)),
        line_firm=roles.line_firm[line],
        line_node=roles.line_node[line],
        line_product=roles.line_product[line],
        sales=seen[roles.line_firm[line]] * roles.line_share[line] / WHOLE,
        revenue=worth,
    )


def sums(group: Ints, values: Floats, groups: int) -> Floats:
    """Sum of the values of each group."""
    totals: Floats = np.bincount(group, weights=values, minlength=groups).astype(np.float64)
    return totals


def demand_of(city: City, sides: Sides) -> Floats:
    """Purchases of each edge's buyers in the month, 万元, whether or not invoices cover them."""
    market, chains = city.p.market, city.roles.nodes
    return np.array(
        [sides.worth[to] / 12 * market.material_share * share / 100 for _, to, share in chains.edges],
        dtype=np.float64,
    )


def buyers_of(sides: Sides, node: Ints, rng: np.random.Generator) -> Ints:
    """A firm for each entry of ``node``; larger firms are likelier."""
    low, high = sides.reached[sides.start[node]], sides.reached[sides.start[node + 1]]
    aim = low + (high - low) * rng.random(len(node))
    role = np.searchsorted(sides.reached, aim, side="right") - 1
    return sides.buyer[np.clip(role, sides.start[node], sides.start[node + 1] - 1)]


def outsiders(city: City, node: Ints, rng: np.random.Generator) -> Ints:
    """A firm outside that trades the node's products; a few firms have most of the trade."""
    each = suppliers(city)
    number = np.minimum((each * rng.random(len(node)) ** 1.7).astype(np.int64), each - 1)
    return len(city.population.firm_site) + node * each + number


def size_of(city: City, sides: Sides, party: Ints) -> Floats:
    """Size of a party, by which its trades are larger or smaller; yearly revenue in 万元 for the city's firms."""
    outside = 3000.0 / (1 + (party - len(sides.revenue)) % suppliers(city) / 10)
    inside = sides.revenue[np.minimum(party, len(sides.revenue) - 1)]
    size: Floats = np.where(party < len(sides.revenue), inside, outside)
    return np.maximum(size, 1.0)


def anybody(sides: Sides, count: int, rng: np.random.Generator) -> Ints:
    """Random firms of the city; larger firms are likelier."""
    aim = rng.random(count) * sides.reached[-1]
    at = np.clip(np.searchsorted(sides.reached, aim, side="right") - 1, 0, len(sides.buyer) - 1)
    firms: Ints = sides.buyer[at]
    return firms
