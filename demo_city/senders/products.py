"""Products of the demo city's firms (企业产品), as declared to the service platform.

Declarations are voluntary and have typical mistakes of forms: neighbouring codes, shares that do not add up, round
numbers.
"""

from __future__ import annotations

import numpy as np

from demo_city.cells import decimals, take
from demo_city.frame import Frame
from demo_city.world.city import City
from demo_city.world.draws import Bools, Floats, Ints, stream
from demo_city.world.population import ABOVE
from demo_city.world.roles import WHOLE, Roles
from schemas.contract import feed

#: Unit of capacity by division; 台 elsewhere.
_UNITS = {"17": "万米", "18": "万件", "25": "吨", "26": "吨", "28": "吨", "29": "吨", "31": "吨", "32": "吨"}


def revenue(city: City, year: int) -> Floats:
    """Revenue of each site's firm, 万元."""
    figures, q = city.year(year), city.population
    above = q.status[year] == ABOVE
    earned: Floats = np.where(above, figures.money["revenue"] / 10, figures.declared / 1e6)
    return np.maximum(earned, 1.0)


def product(city: City, year: int) -> Frame:
    """A row for each declared product; the declaring firms stay the same from year to year."""
    contract, q, roles = feed("ent_product"), city.population, city.roles
    rng = stream(q.seed, f"products-{year}")
    sites = q.in_year(year)
    firms = city.firms(sites, year)
    line = np.flatnonzero(declaring(city, year)[roles.line_firm])
    firm, made = roles.line_firm[line], roles.line_product[line]
    declared = _declared_products(city, firm, made, rng)
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
            "product_code": take(roles.products.codes, declared),
            "product_name": take(roles.products.names, made),
            "revenue_share_pct": decimals(_declared_shares(roles, line, rng), 2, blank[0]),
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
    declares = np.zeros(len(q.firm_site), dtype=bool)
    declares[firms[willing < np.where(q.status[year][sites] == ABOVE, share.above, below)]] = True
    return declares


def _declared_products(city: City, firm: Ints, made: Ints, rng: np.random.Generator) -> Ints:
    """Products as declared: a few are mistaken for a neighbouring product that the firm does not declare anyway."""
    goods = city.roles.products
    slip = (rng.random(len(made)) < city.p.market.neighbour_code_share) & (goods.neighbour[made] != made)
    declared = np.where(slip, goods.neighbour[made], made)
    _, back, count = np.unique(firm * len(goods) + declared, return_inverse=True, return_counts=True)
    return np.where(slip & (count[back] > 1), made, declared)


def _declared_shares(roles: Roles, line: Ints, rng: np.random.Generator) -> Ints:
    """Declared shares in 0.01 %: half of the firms round to 1 %, two of five to 5 %; one in twenty errs."""
    firm = roles.line_firm[line]
    share = roles.line_share[line]
    habit = rng.random((2, int(firm.max(initial=0)) + 1))[:, firm]
    off = np.exp(rng.normal(0, 0.15, len(line)))
    share = np.where(habit[1] < 0.05, share * off, share)
    step = np.where(habit[0] < 0.4, 500, np.where(habit[0] < 0.9, 100, 1))
    declared: Ints = np.clip(np.rint(share / step) * step, 1, WHOLE).astype(np.int64)
    return declared
