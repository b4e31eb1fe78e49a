"""Measures of levels: totals, shares of the total, districts, zones, and firms by size (总量与份额)."""

from __future__ import annotations

import numpy as np

from demo_city.aims.built import Built
from demo_city.world.draws import Bools, Floats

YI = 10_000.0  # 1 亿元 in 万元


def total(built: Built, year: int, key: str) -> float:
    """A total of the firms above scale, in its unit, divided by the scale."""
    return float(built.totals(year)[key]) / built.scale


def ratio(built: Built, year: int, over: str, under: str, times: float = 100) -> float:
    """One total over another: in percent, or times another factor."""
    totals = built.totals(year)
    return float(totals[over] / totals[under]) * times


def district_total(built: Built, year: int, district: str, of: str, per: float = 1) -> float:
    """A total of a district's firms above scale, or their number, divided by ``per`` and the scale."""
    now, city = built.year(year), built.city
    place = [d.code for d in city.p.districts].index(district)
    here = now.above & (city.population.district == place)
    values = here.astype(np.float64) if of == "firms" else now.of(of)
    return float(values[here].sum()) / per / built.scale


def zone_share(built: Built, year: int, of: str) -> float:
    """Share of the development zones in a figure of the firms above scale, or in their number, percent."""
    now = built.year(year)
    values = now.above.astype(np.float64) if of == "firms" else np.where(now.above, now.of(of), 0.0)
    return float(values[_in_zone(built)].sum() / values.sum()) * 100


def zone_per_mu(built: Built, year: int, of: str) -> float:
    """A figure of the zones' firms above scale per mu of their land, 万元."""
    now = built.year(year)
    inside = now.above & _in_zone(built)
    return float(now.of(of)[inside].sum() / now.land[inside].sum())


def _in_zone(built: Built) -> Bools:
    inside: Bools = built.city.zone >= 0
    return inside


def firms_of_output(built: Built, year: int, least: float, below: float = np.inf) -> float:
    """Number of firms with an output of ``least`` to ``below`` 亿元, divided by the scale."""
    output = built.year(year).money["output"] / YI
    return float(((output >= least) & (output < below)).sum()) / built.scale


def large_firms(built: Built, year: int) -> float:
    """Number of large firms (大型企业), divided by the scale."""
    return float(_large(built, year).sum()) / built.scale


def large_firms_share(built: Built, year: int) -> float:
    """Share of the large firms in the output of the firms above scale, percent."""
    output: Floats = built.year(year).money["output"]
    return float(output[_large(built, year)].sum() / output.sum()) * 100


def _large(built: Built, year: int) -> Bools:
    """工信部联企业〔2011〕300号, industry: at least 1,000 persons and 400 million yuan of revenue."""
    now = built.year(year)
    large: Bools = now.above & (now.staff >= 1000) & (now.money["revenue"] >= 40_000)
    return large
