"""Paths of the firms' output (产出轨迹): how each site's output changes from year to year.

Output grows with the city, or with the firms below scale, with the shock of its division and with its own. Its own
shocks have fat tails and fade slowly, so the sizes of firms do not drift apart.
"""

from __future__ import annotations

import numpy as np

from demo_city.world.draws import Bools, Floats, stream
from demo_city.world.parameters import Parameters
from demo_city.world.population import Population
from demo_city.world.raking import district_targets, raked_by_district


def district_output(p: Parameters, scale: float, seed: int, year: int) -> Floats:
    """Targets of the districts' output, 万元: their shares drift, the city's total grows as planned."""
    return drifted(p, district_targets(p, "output", scale) * p.grown("value_added", year), seed, year)


def drifted(p: Parameters, goals: Floats, seed: int, year: int) -> Floats:
    """The districts' goals with the year's drift of their shares; the sum stays."""
    rng = stream(seed, f"districts-{year}")
    drift = np.exp(p.paths.district_sd * rng.standard_normal(len(goals)))
    moved: Floats = goals * (drift if year > p.base_year else 1.0)
    moved *= goals.sum() / moved.sum()
    return moved


def own_shocks(p: Parameters, population: Population, year: int) -> Floats:
    """Each site's own growth in the year, as a logarithm with mean 0 of its exponential."""
    paths, n = p.paths, population.sites
    rng = stream(population.seed, f"shocks-{year}")
    sd = np.where(rng.random(n) < paths.wide_share, paths.wide_sd, paths.ordinary_sd)
    shock = sd * rng.standard_normal(n) - sd**2 / 2
    leaps = rng.random(n) < paths.leap_share
    direction = np.where(rng.random(n) < 0.5, -1.0, 1.0)
    shock[leaps] = (direction * np.log(2) * rng.uniform(0.9, 1.3, n))[leaps]
    return np.where(population.giant >= 0, paths.giant_damping, 1.0) * shock


def division_shocks(p: Parameters, population: Population, year: int) -> Floats:
    """Growth of each site's division besides the city's, as a logarithm."""
    rng = stream(population.seed, f"divisions-{year}")
    drawn = 100 * p.paths.division_sd * rng.standard_normal(len(p.divisions))
    known = p.paths.division_shocks.get(year, {})
    shock = np.array([known.get(d.group, x) for d, x in zip(p.divisions, drawn.tolist(), strict=True)])
    return np.log1p(shock / 100)[population.group]


def raked_output(
    p: Parameters, population: Population, output: Floats, above: Bools, free: Bools, year: int
) -> Floats:
    """Output with the ``free`` firms of each district scaled, so that all firms above scale have its total."""
    goals = district_output(p, population.scale, population.seed, year)
    district = np.where(above, population.district, -1)
    raked = raked_by_district(output, district, free, goals)
    # A district with few firms may miss its share, so scale again to the city's total.
    rest = goals.sum() - raked[above & ~free].sum()
    moving = raked[free].sum()
    if moving > 0 and rest > 0:
        raked[free] *= rest / moving
    return raked
