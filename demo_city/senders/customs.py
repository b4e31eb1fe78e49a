"""Imports and exports of the demo city's firms (进出口), by month as customs records them.

A firm's yearly exports are its export value in the statistics plus or minus 8 %: customs counts at the border,
statistics at the factory. Imports are products of nodes whose supply in the city is insufficient. Commodity codes are
real tariff codes that fit the division; each firm's commodities and partner countries are made up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from demo_city.cells import amounts, take, words
from demo_city.frame import Frame
from demo_city.senders.months import period_of, reached
from demo_city.senders.parties import local_shares
from demo_city.senders.products import revenue
from demo_city.world.city import City
from demo_city.world.draws import Floats, Ints, stream
from demo_city.world.population import ABOVE
from demo_city.world.roles import WHOLE
from schemas.contract import feed

#: Commodities by division: code and yuan per kilogram.
_COMMODITIES = {
    "13": (("16055400", 45), ("03074310", 30)), "14": (("20058000", 12), ("19059000", 22)), "15": (("22030000", 8),),
    "16": (("24022000", 90),),
    "17": (("52084100", 60), ("54075200", 55), ("60063200", 50)),
    "18": (("61091000", 130), ("62034290", 120), ("61103000", 110), ("62046200", 125)),
    "19": (("64029900", 90), ("42022100", 100)), "20": (("44123900", 9),), "21": (("94036099", 18), ("94017900", 25)),
    "22": (("48192000", 14),), "23": (("49119910", 40),), "24": (("96081000", 70), ("95030089", 50), ("95069119", 24)),
    "25": (("27101923", 5), ("27101229", 5)),
    "26": (("39021000", 9), ("39033010", 12), ("29025000", 8), ("29291030", 15), ("38249999", 18)),
    "27": (("30049090", 200), ("29419090", 300)), "28": (("54024700", 11), ("55032000", 9)),
    "29": (("39269090", 28), ("40169390", 45), ("39239000", 20), ("40111000", 22)),
    "30": (("70072190", 12), ("69149000", 10)), "31": (("72193500", 14), ("73063090", 9)),
    "32": (("74111019", 68), ("74091110", 66), ("76061259", 24), ("28053019", 420)),
    "33": (("73181590", 18), ("73269090", 22), ("82055900", 30), ("83024100", 26)),
    "34": (("84818040", 60), ("84821020", 42), ("84137091", 48), ("84834090", 70)),
    "35": (("84771010", 75), ("84807190", 130), ("84522110", 90), ("84862090", 900)),
    "36": (("87083099", 42), ("87082990", 45), ("87088010", 38), ("87089999", 50), ("87032342", 70)),
    "37": (("87120030", 55), ("87141090", 60)),
    "38": (("84151021", 42), ("85166050", 38), ("85011099", 95), ("85076000", 130), ("85444929", 72)),
    "39": (("85051110", 320), ("85423119", 4000), ("85258913", 450), ("85340090", 260)),
    "40": (("90029090", 700), ("90318090", 520), ("90268090", 240)),
    "41": (("96170090", 35), ("66019100", 30)),
}  # fmt: skip
#: Commodity of divisions without an entry above.
_ELSEWHERE = (("39269090", 28),)
#: Export markets and countries of origin by weight. Assumed.
_MARKETS = {
    "USA": 19, "DEU": 8, "JPN": 6, "GBR": 5, "VNM": 6, "IDN": 4, "MEX": 5, "RUS": 5, "IND": 5, "KOR": 4, "AUS": 4,
    "NLD": 4, "POL": 3, "ITA": 3, "BRA": 4, "ARE": 4, "THA": 3, "TUR": 2, "SAU": 2, "ZAF": 2, "CHL": 1, "ESP": 3,
}  # fmt: skip
_ORIGINS = {
    "JPN": 26,
    "KOR": 17,
    "DEU": 16,
    "USA": 11,
    "TWN": 12,
    "MYS": 5,
    "SGP": 4,
    "FRA": 3,
    "ITA": 3,
    "SAU": 3,
}
#: Share of purchases outside the city that come from abroad, and share of inputs imported directly. Assumed.
_FROM_ABROAD, _IMPORTING = 0.25, 0.3


@dataclass(frozen=True)
class _Flows:
    """A year's flows: site, commodity, partner, direction (0 export, 1 import), yearly value in 0.01 元, 元 per kg."""

    site: Ints
    commodity: Ints
    partner: Ints
    direction: Ints
    value: Ints
    price: Floats


def customs(city: City, year: int, month: int) -> Frame:
    """A row for each firm, commodity, direction and partner country: value and weight in the month."""
    contract, flows = feed("gov_customs"), _flows(city, year)
    before, after = reached(city, "customs", year, month)
    low = np.rint(flows.value * before[flows.site]).astype(np.int64)
    value = np.rint(flows.value * after[flows.site]).astype(np.int64) - low
    row = np.flatnonzero(value > 0)
    flows_site, value = flows.site[row], value[row]
    grams = np.rint(value * 10 / flows.price[row]).astype(np.int64)  # 0.01 元 / (元 per kilogram)
    codes, _, partners = _tables()
    return Frame(
        contract,
        period_of(year, month),
        "",
        {
            "uscc": city.uscc(flows_site, year),
            "hs_code": take(codes, flows.commodity[row]),
            "trade_direction_code": words(
                contract, "trade_direction_code", ["export", "import"], flows.direction[row]
            ),
            "partner_country_code": take(partners, flows.partner[row]),
            "customs_value_wan_yuan": amounts(contract, "customs_value_wan_yuan", value, "元", 2),
            "net_weight_t": amounts(contract, "net_weight_t", grams, "千克", 3),
        },
    )


def _tables() -> tuple[list[str], Floats, list[str]]:
    """Commodities, their prices in 元 per kg, and partner countries, by position."""
    price = dict(entry for entries in [*_COMMODITIES.values(), _ELSEWHERE] for entry in entries)
    return list(price), np.array(list(price.values()), dtype=np.float64), list({**_MARKETS, **_ORIGINS})


def _flows(city: City, year: int) -> _Flows:
    """Flows of the year, one for each firm, commodity, partner and direction."""
    rng = stream(city.population.seed, f"customs-{year}")
    codes, prices, partners = _tables()
    parts = [_exports(city, year, rng), _imports(city, year, rng)]
    site, commodity, partner, direction, value = (np.concatenate(c) for c in zip(*parts, strict=True))
    key = ((site * len(codes) + commodity) * len(partners) + partner) * 2 + direction
    key, back = np.unique(key, return_inverse=True)
    total = np.rint(np.bincount(back, weights=value)).astype(np.int64)
    rest, direction = np.divmod(key, 2)
    rest, partner = np.divmod(rest, len(partners))
    site, commodity = np.divmod(rest, len(codes))
    price = prices[commodity] * np.exp(0.3 * rng.standard_normal(len(key)))
    return _Flows(site, commodity, partner, direction, total, price)


def _commodities(divisions: list[str], which: Ints, rng: np.random.Generator) -> Ints:
    """A random commodity for each entry of ``which``, a position in ``divisions``."""
    codes, _, _ = _tables()
    table = np.array(
        [
            [codes.index(entries[n % len(entries)][0]) for n in range(20)]
            for entries in (_COMMODITIES.get(d, _ELSEWHERE) for d in divisions)
        ]
    )
    commodity: Ints = table[which, rng.integers(0, 20, len(which))]
    return commodity


def _partners(weights: dict[str, int], count: int, rng: np.random.Generator) -> Ints:
    """Random partner countries by weight."""
    _, _, partners = _tables()
    share = np.array(list(weights.values()), dtype=np.float64)
    positions = np.array([partners.index(code) for code in weights])
    return positions[rng.choice(len(share), count, p=share / share.sum())]


def _exports(city: City, year: int, rng: np.random.Generator) -> tuple[Ints, Ints, Ints, Ints, Floats]:
    """Exports of the firms above scale, split over one to five flows by value."""
    figures = city.year(year)
    sites = np.flatnonzero((city.population.status[year] == ABOVE) & (figures.money["export_value"] > 0))
    value = (
        figures.money["export_value"][sites] * 1e5 * rng.uniform(0.92, 1.08, len(sites))
    )  # 千元 in 0.01 元
    count = np.clip(np.log10(np.maximum(value / 1e8, 1)).astype(np.int64) + 1, 1, 5)
    at = np.repeat(np.arange(len(sites)), count)
    weight = rng.exponential(1.0, len(at)) + 0.1
    part = weight / np.bincount(at, weights=weight)[at] * value[at]
    division = pc.utf8_slice_codeunits(take(city.classes, city.firms(sites, year)), 0, 2)
    divisions = sorted(_COMMODITIES)
    # divisions without commodities of their own come last
    own = pc.fill_null(pc.index_in(division, pa.array(divisions)), len(divisions)).to_numpy()
    commodity = _commodities([*divisions, ""], own[at], rng)
    return sites[at], commodity, _partners(_MARKETS, len(at), rng), np.zeros(len(at), dtype=np.int64), part


def _imports(city: City, year: int, rng: np.random.Generator) -> tuple[Ints, Ints, Ints, Ints, Floats]:
    """Imports of firms above scale: inputs that the city's own nodes do not cover."""
    roles, market = city.roles, city.p.market
    sites = city.above(year)
    site_of = np.full(len(city.population.firm_site), -1)
    site_of[city.firms(sites, year)] = sites
    edges = np.array(roles.nodes.edges)
    order = np.argsort(edges[:, 1], kind="stable")
    source, target, share = edges[order].T
    first = np.searchsorted(target, np.arange(roles.outside + 2))
    role = np.flatnonzero(site_of[roles.firm] >= 0)
    count = (first[1:] - first[:-1])[roles.node[role]]
    at = np.repeat(role, count)
    edge = (
        np.repeat(first[roles.node[role]], count)
        + np.arange(len(at))
        - np.repeat(np.cumsum(count) - count, count)
    )
    chosen = rng.random(len(at)) < _IMPORTING
    at, edge = at[chosen], edge[chosen]
    site, node = site_of[roles.firm[at]], source[edge].astype(np.int64)
    bought = revenue(city, year)[site] * roles.share[at] / WHOLE * market.material_share * share[edge] / 100
    value = bought * (1 - local_shares(city)[node]) * _FROM_ABROAD / _IMPORTING * 1e6  # 万元 in 0.01 元
    divisions = [classes[0][:2] for classes in roles.nodes.classes]
    commodity = _commodities(divisions, node, rng)
    return site, commodity, _partners(_ORIGINS, len(site), rng), np.ones(len(site), dtype=np.int64), value
