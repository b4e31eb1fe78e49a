"""Declared products compared with the firms' true products."""

from __future__ import annotations

from collections import Counter, defaultdict
from decimal import Decimal

from demo_city.senders.products import product
from demo_city.world.city import City
from demo_city.world.population import ABOVE


def test_shares_of_firms_that_declare_products(city: City) -> None:
    q, roles = city.population, city.roles
    chain = set(roles.firm[roles.node != roles.outside].tolist())
    declaring = set(product(city, 2024).columns["uscc"].to_pylist())
    sites = q.in_year(2024)
    counted: Counter[tuple[bool, bool, bool]] = Counter()
    for firm, site, uscc in zip(
        city.firms(sites, 2024).tolist(), sites.tolist(), city.uscc(sites, 2024).to_pylist(), strict=True
    ):
        counted[bool(q.status[2024][site] == ABOVE), firm in chain, uscc in declaring] += 1
    for in_chain in (True, False):
        above = counted[True, in_chain, True]
        assert 0.72 < above / (above + counted[True, in_chain, False]) < 0.88
    below = counted[False, True, True]
    assert 0.26 < below / (below + counted[False, True, False]) < 0.34
    assert counted[False, False, True] == 0


def test_the_declaring_firms_stay_the_same(city: City) -> None:
    before, after = (set(product(city, year).columns["uscc"].to_pylist()) for year in (2023, 2024))
    assert len(before & after) > 0.85 * len(before)


def test_declared_lines_are_mostly_true(city: City) -> None:
    roles = city.roles
    true: dict[str, set[str]] = defaultdict(set)
    codes = city.codes.to_pylist()
    for firm, line in zip(roles.line_firm.tolist(), roles.line_product.tolist(), strict=True):
        true[codes[firm]].add(roles.products.codes[line])
    cells = product(city, 2024).columns
    declared = list(zip(cells["uscc"].to_pylist(), cells["product_code"].to_pylist(), strict=True))
    assert len(declared) == len(set(declared))
    wrong = [(u, p) for u, p in declared if p not in true[u]]
    assert 0.025 < len(wrong) / len(declared) < 0.05
    divisions = {u: {p[:2] for p in products} for u, products in true.items()}
    assert all(p[:2] in divisions[u] for u, p in wrong)
    shares: dict[str, Decimal] = defaultdict(Decimal)
    blank = set()
    for (uscc, _), share in zip(declared, cells["revenue_share_pct"].to_pylist(), strict=True):
        shares[uscc] += share or 0
        blank |= {uscc} if share is None else set()
        assert share is None or 0 < share <= 100
    off = [u for u, total in shares.items() if u not in blank and abs(total - 100) > 6]
    assert 0.005 < len(off) / len(shares) < 0.1
