"""Measures of a year's firms beside each other: spread, correlation, shares of firms, industries (结构)."""

from __future__ import annotations

import numpy as np

from demo_city.aims.built import Built
from demo_city.senders.parties import local_shares
from demo_city.world.draws import Bools, Floats

#: Square metres of a mu.
MU = 10_000 / 15
#: 90th percentile of the standard normal distribution.
_NINETIETH = 1.2816
#: Divisions of energy and water supply.
UTILITIES = (44, 45, 46)


# --- spread and correlation --------------------------------------------------------------------------------


def _positive(built: Built, year: int, of: str, scale: str) -> Floats:
    now = built.year(year)
    values: Floats = now.of(of)[now.firms(scale)]
    return values[values > 0]


def median(built: Built, year: int, of: str, scale: str) -> float:
    """Median of the firms that have any."""
    return float(np.median(_positive(built, year, of, scale)))


def sigma(built: Built, year: int, of: str, scale: str) -> float:
    """Spread of the natural logarithm: from the median to the 90th percentile, in standard deviations.

    The upper half is measured because a threshold cuts the lower one.
    """
    middle, high = np.quantile(_positive(built, year, of, scale), [0.5, 0.9])
    return float(np.log(high / middle)) / _NINETIETH


def correlation(built: Built, year: int, of: str, with_: str) -> float:
    """Correlation of two logarithms over the firms above scale that have both."""
    now = built.year(year)
    a, b = now.of(of), now.of(with_)
    both = now.above & (a > 0) & (b > 0)
    return float(np.corrcoef(np.log(a[both]), np.log(b[both]))[0, 1])


# --- shares and numbers of firms ---------------------------------------------------------------------------


def _share(which: Bools, among: Bools) -> float:
    return float((which & among).sum() / max(int(among.sum()), 1)) * 100


def negative_share(built: Built, year: int, of: str) -> float:
    """Share of the firms above scale whose figure is negative, percent."""
    now = built.year(year)
    return _share(now.of(of) < 0, now.above)


def some_share(built: Built, year: int, of: str) -> float:
    """Share of the firms above scale whose figure is above zero, percent."""
    now = built.year(year)
    return _share(now.of(of) > 0, now.above)


def tenant_share(built: Built, year: int, scale: str) -> float:
    """Share of the firms that use no land of their own, percent."""
    now = built.year(year)
    return _share(~now.owns, now.firms(scale))


def firms_over(built: Built, year: int, of: str, under: str, most: float) -> float:
    """Number of firms above scale with one figure above ``most`` times another."""
    now = built.year(year)
    # half a unit of the senders (千元) may be lost by rounding
    return float((now.above & (now.of(of) > most * now.of(under) + 0.05)).sum())


def exporting_utilities(built: Built, year: int) -> float:
    """Number of suppliers of energy and water with exports."""
    now = built.year(year)
    supplies = np.isin(built.classes(year) // 100, UTILITIES)
    return float((now.above & supplies & (now.money["export_value"] > 0)).sum())


# --- land and electricity ----------------------------------------------------------------------------------


def little_land_share(built: Built, year: int, below: float) -> float:
    """Share of the firms above scale with land in the survey, but less than ``below`` mu, percent."""
    now = built.year(year)
    return _share(now.land < below, now.above & (now.land > 0))


def most_persons_per_mu(built: Built, year: int) -> float:
    """Persons per mu of the densest works: firms above scale on land of their own."""
    now = built.year(year)
    works = now.above & now.owns
    return float((now.staff[works] / now.land[works]).max())


def least_land_per_person(built: Built, year: int) -> float:
    """Smallest land per person of any firm with land in the survey, square metres."""
    now = built.year(year)
    users = now.firms("all") & (now.land > 0) & (now.staff > 0)
    return float((now.land[users] / now.staff[users]).min()) * MU


def tax_per_kwh(built: Built, year: int) -> float:
    """Median tax per kWh of the firms below scale with at least 3 mu, yuan."""
    now = built.year(year)
    evaluated = now.below & (now.land >= 3) & (now.power > 0)
    return float(np.median(now.tax[evaluated] / now.power[evaluated])) * 10_000


def electricity(built: Built, year: int, scale: str) -> float:
    """Electricity in 亿 kWh, divided by the scale."""
    now = built.year(year)
    return float(now.power[now.firms(scale)].sum()) / 1e8 / built.scale


# --- industries --------------------------------------------------------------------------------------------


def firms_of_class(built: Built, year: int, group: int) -> float:
    """Number of firms above scale in a group of GB/T 4754, divided by the scale."""
    return float((built.year(year).above & (built.classes(year) // 10 == group)).sum()) / built.scale


def group_in_division(built: Built, year: int, group: int) -> float:
    """Share of a group in the number of firms above scale of its division, percent."""
    codes = built.classes(year)
    return _share(codes // 10 == group, built.year(year).above & (codes // 100 == group // 10))


def largest_class_share(built: Built, year: int) -> float:
    """Share of the largest class in its division's firms above scale, percent: the median of the large divisions.

    Large are those with at least 100 firms at scale 1.
    """
    codes = built.classes(year)[built.year(year).above]
    shares = []
    for division in np.unique(codes // 100).tolist():
        here = codes[codes // 100 == division]
        if len(here) >= 100 * built.scale:
            shares.append(np.unique(here, return_counts=True)[1].max() / len(here))
    return float(np.median(shares)) * 100


def local_share(built: Built, year: int, percentile: float) -> float:
    """Percentile of the nodes' local supply rates, percent; without nodes that the city has no firm for."""
    del year  # the rates are planted once
    city = built.city
    shares = local_shares(city)
    made = city.roles.nodes.is_industrial.copy()
    made[city.roles.nodes.positions(city.p.chain_gaps.missing)] = False
    return float(np.percentile(shares[made], percentile)) * 100
