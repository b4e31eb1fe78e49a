"""Development zones (开发区) of the demo city's sites.

Large firms are likelier to be inside. The base year's firms above scale in the zones have the printed shares of firms,
value added and tax, and the derived share of land.
"""

from __future__ import annotations

import numpy as np

from demo_city.world.draws import Bools, Floats, Ints, stream
from demo_city.world.figures import TAXES, Year
from demo_city.world.parameters import Parameters
from demo_city.world.population import Population

#: Rounds of the bisections; each round fits value added, tax and land, one after the other.
_ROUNDS, _HALVINGS = 8, 25
#: Firms tried on each side of an exchange, exchanges at most, and the error of the shares at which they stop.
_TRIED, _EXCHANGES, _CLOSE = 120, 400, 0.0003
#: Part of the firms below scale that are in a zone. Assumed.
_SMALL_SHARE = 0.45


def draw_zones(
    p: Parameters, population: Population, figures: Year, land_mu: Floats
) -> tuple[Ints, list[str]]:
    """Development zone of each site, -1 outside, and the zones' codes.

    Args:
        figures: of the base year.
        land_mu: land that each site uses.
    """
    rng = stream(population.seed, "zones")
    a, n, z = population.first_above, population.sites, p.zones
    tax = np.sum([figures.taxes[key][:a] for key in TAXES], axis=0) / 1e7  # thousand yuan
    amounts = np.stack([figures.money["value_added"][:a].astype(np.float64), tax, land_mu[:a]])
    shares = amounts / amounts.sum(axis=1, keepdims=True)
    goals = np.array([z.value_added_share, z.tax_share, z.land / p.total("land").value])
    fixed = np.zeros(a)
    for number, landmark in enumerate(p.landmarks):
        fixed[population.giant[:a] == number] = 1 if landmark.in_zone else -1
    inside = _inside(shares, goals, fixed, round(z.firm_share * a), rng)
    in_zone = np.concatenate([inside, rng.random(n - a) < _SMALL_SHARE])
    which = rng.integers(0, z.per_district, n)
    codes = [f"{d.code}K{k + 1:02d}" for d in p.districts for k in range(z.per_district)]
    return np.where(in_zone, population.district * z.per_district + which, -1), codes


def _inside(shares: Floats, goals: Floats, fixed: Floats, count: int, rng: np.random.Generator) -> Bools:
    """``count`` firms whose value added, tax and land (rows of ``shares``) add up to the goals as nearly as they can.

    Three weights, found by bisection, make a firm likelier to be inside: noise takes firms regardless of their value
    added, and two others prefer firms with much or little tax and land for it.

    Args:
        fixed: 1 for a firm that is inside, -1 for one outside.
    """
    added, tax, land = np.log(np.maximum(shares, 1e-7))
    traits = np.stack([rng.standard_normal(len(fixed)), tax - added, land - added])
    weights = np.array([1.0, 0.0, 0.0])
    # Weights at which the zones have too little, and at which they have too much.
    spans = ((30.0, 0.0), (-2.0, 2.0), (-2.0, 2.0))

    def chosen() -> Bools:
        inside: Bools = np.zeros(len(fixed), dtype=bool)
        score = added + weights @ traits + 1e9 * fixed
        inside[np.argpartition(-score, count)[:count]] = True
        return inside

    for _ in range(_ROUNDS):
        for k, span in enumerate(spans):
            few, many = span
            for _ in range(_HALVINGS):
                weights[k] = (few + many) / 2
                too_much = shares[k, chosen()].sum() > goals[k]
                few, many = (few, weights[k]) if too_much else (weights[k], many)
    return _exchanged(chosen(), shares, goals, fixed == 0, rng)


def _exchanged(inside: Bools, shares: Floats, goals: Floats, free: Bools, rng: np.random.Generator) -> Bools:
    """Exchange firms inside for firms outside while that brings the sums nearer to the goals."""
    for _ in range(_EXCHANGES):
        error = shares[:, inside].sum(axis=1) - goals
        if np.abs(error).max() < _CLOSE:
            break
        leaving, entering = (
            rng.permutation(np.flatnonzero(free & side))[:_TRIED] for side in (inside, ~inside)
        )
        after = error[:, None, None] + shares[:, None, entering] - shares[:, leaving, None]
        size = np.abs(after).sum(axis=0)
        i, j = np.unravel_index(int(np.argmin(size)), size.shape)
        if size[i, j] < np.abs(error).sum():
            inside[leaving[i]], inside[entering[j]] = False, True
    return inside
