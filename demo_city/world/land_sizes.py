"""Land that each site uses (用地规模): it follows the number of persons, and has room for them and for the output."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from demo_city.world.base_year import LARGEST, STAFF, Sizes
from demo_city.world.draws import Bools, Floats, stream
from demo_city.world.parameters import Parameters
from demo_city.world.population import BELOW, LANDED, TENANT, Population, in_groups
from demo_city.world.raking import district_targets

#: Square metres of floor on 0.01 mu of land at the plot ratio of 1.2 that all works have until they are rebuilt.
FLOOR_PER_LAND = 8


def used_land(p: Parameters, population: Population, sizes: Sizes, output: Mapping[int, Floats]) -> Floats:
    """Land in mu that each site uses, own or leased; the base year's firms above scale have the districts' totals.

    Args:
        output: of each site by year, 万元.
    """
    rng = stream(population.seed, "land")
    noise, draw = rng.standard_normal(population.sites), rng.random(population.sites)
    # Spread the sites at a limit instead of clipping them to one figure.
    spread = np.exp(0.4 * np.abs(rng.standard_normal(population.sites)))
    least = spread * least_land(p, population, sizes, output)
    most = _most_land(p, population, sizes) / spread
    land = _below(p, population, sizes, noise, draw, least, most)
    a = population.first_above
    lot = np.where(population.tenure == LANDED, p.land.least_own_lot * spread, 0.0)
    land[:a] = _above(p, population, sizes, noise, np.maximum(least, lot), most)[:a]
    rounded: Floats = np.maximum(np.ceil(land * 100 - 1e-6) / 100, 0.1)
    return rounded


def least_land(p: Parameters, population: Population, sizes: Sizes, output: Mapping[int, Floats]) -> Floats:
    """Land in mu that has room for each site's persons and value added in the year in which it makes most."""
    floor = np.empty(len(p.divisions))
    for room in p.land.room:
        floor[[j for j, d in enumerate(p.divisions) if d.group in room.groups]] = room.floor
    growth = np.max(list(output.values()), axis=0) / sizes.output
    mu = sizes.staff * growth**STAFF * floor[population.group] / (100 * FLOOR_PER_LAND)
    least: Floats = np.maximum(mu, sizes.value_added * growth / p.land.most_value_added_per_mu)
    return least


def _most_land(p: Parameters, population: Population, sizes: Sizes) -> Floats:
    """Land in mu beyond which a site would be a field, not a works; less where a firm is ever below scale."""
    first = np.arange(population.sites) < population.first_above
    small = np.any([status == BELOW for status in population.status.values()], axis=0)
    per_person, limit = p.land.most_per_person, p.land.most
    above, below = per_person.above * sizes.staff, 3.05 + per_person.below * sizes.staff
    most: Floats = np.where(
        first & ~small, np.minimum(limit.above, above), np.minimum(limit.below, np.where(first, above, below))
    )
    return most


def _joint(p: Parameters, persons: Floats, noise: Floats, counted: Bools) -> Floats:
    """Standard normal scores of land, correlated with the logarithm of the persons among the ``counted`` sites."""
    log = np.log(np.maximum(persons, 1.0))
    score = np.clip((log - log[counted].mean()) / log[counted].std(), -3.5, 3.5)
    r = p.firm.land_staff_correlation
    joint: Floats = r * score + np.sqrt(1 - r**2) * noise
    return joint


def _above(
    p: Parameters, population: Population, sizes: Sizes, noise: Floats, least: Floats, most: Floats
) -> Floats:
    """Land of the base year's firms above scale; giants have that of their industry, the others share the rest."""
    f, a = p.firm, population.first_above
    free = (population.giant < 0) & (np.arange(population.sites) < a)
    land = f.land_median * np.exp(f.land_sigma * _joint(p, sizes.staff, noise, free))
    land[population.tenure == TENANT] *= 0.6
    goals = district_targets(p, "land", population.scale)
    land = np.maximum(np.minimum(land, np.minimum(most, LARGEST * goals[population.district])), least)
    for group, output_per_mu in p.land.giant_output_per_mu.items():
        at = (population.giant >= 0) & (in_groups(p, population, (group,)))
        land[at] = np.maximum(sizes.output[at] / output_per_mu, least[at])
    for number, landmark in enumerate(p.landmarks):
        land[population.giant == number] = landmark.land * population.scale
    for d, goal in enumerate(goals.tolist()):
        here = (population.district == d) & (np.arange(population.sites) < a)
        rest = max(goal - land[here & ~free].sum(), 0.05 * goal)
        land[here & free] = _scaled_above(land[here & free], rest, least[here & free])
    return land


def _below(
    p: Parameters,
    population: Population,
    sizes: Sizes,
    noise: Floats,
    draw: Floats,
    least: Floats,
    most: Floats,
) -> Floats:
    """Land of the sites below scale; the base year's owners of more and of less than 3 mu have the city's totals."""
    f, b = p.firm, p.below_scale
    small = np.arange(population.sites) >= population.first_above
    counted = small & (population.status[p.base_year] != 0)
    joint = _joint(p, sizes.staff, noise, counted)
    tenant_land = f.below_tenant_land_median * np.exp(f.below_tenant_land_sigma * joint)
    land: Floats = np.maximum(np.clip(tenant_land, 0.1, 8), least)
    owns = small & (population.tenure == LANDED)
    share = b.landed_3mu / (b.landed_3mu + b.landed_small)
    large = owns & ((draw < share) | (least > 2.9))
    own_land = np.minimum(f.below_own_land_median * np.exp(f.below_own_land_sigma * joint), most)
    land[large] = np.maximum(own_land, 3.05)[large]
    little = owns & ~large
    land[little] = np.clip(1.7 * np.exp(0.35 * joint[little]), 0.5, 2.9)
    for group, floor, total in ((large, 3.01, b.landed_3mu_land), (little, 0.3, b.landed_small_land)):
        at_least = np.maximum(least, floor)
        now = counted & group
        if now.any():
            fitted = _scaled_above(land[now], total * population.scale, at_least[now])
            factor = np.median(fitted) / np.median(land[now])
            land[group] = np.maximum(land[group] * factor, at_least[group])
            land[now] = fitted
    return land


def _scaled_above(values: Floats, total: float, least: Floats) -> Floats:
    """Multiply by one factor so that the sum is ``total``; no value falls below its least, the others take the rest.

    >>> _scaled_above(np.array([1.0, 1.0, 2.0]), 8.0, np.array([5.0, 0.0, 0.0])).tolist()
    [5.0, 1.0, 2.0]
    """
    scaled = np.maximum(values, least)
    for _ in range(60):
        gap = total - scaled.sum()
        free = (scaled > least) | (gap > 0)
        if not free.any() or abs(gap) <= 1e-9 * max(total, 1.0):
            break
        moving = scaled[free].sum()
        scaled[free] *= max((moving + gap) / moving, 0.0)
        scaled = np.maximum(scaled, least)
    return scaled
