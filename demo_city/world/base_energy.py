"""The base year's energy (基年能耗)."""

from __future__ import annotations

import numpy as np

from demo_city.world.classes import Codes, class_weights
from demo_city.world.draws import Bools, Floats, scale_to, stream
from demo_city.world.parameters import Parameters
from demo_city.world.population import Population, in_groups
from demo_city.world.raking import fixed_figures
from demo_city.world.shares import factor_of, odds_of

#: Largest share of electricity in a firm's energy.
_MOST_POWER = 0.99

#: Largest cost of electricity against value added, its price in yuan per kWh, and the least value added against output
#: that is counted. Industries that smelt, fire or crack, and power plants, have no such limit. Assumed.
_MOST_COST, _PRICE, _LEAST_RATE = 0.2, 0.65, 0.1
_HEAVY = ("25", "26", "30", "31", "32", "44")


def energy_of(
    p: Parameters,
    population: Population,
    works: Codes,
    first: Bools,
    *,
    revenue: Floats,
    value_added: Floats,
    rng: np.random.Generator,
) -> tuple[Floats, Floats]:
    """Energy at equivalent value in tons of standard coal, and electricity in kWh (0.30 kg of coal each).

    The ``first`` firms have the totals of the firms above scale. A firm that rises later keeps its small works.
    """
    f, n = p.firm, population.sites
    noise = rng.standard_normal(n)
    yields = np.array([d.va_per_tce for d in p.divisions])[population.group]
    large = np.maximum(value_added, 1.0)
    energy = large**f.energy_exponent / (yields * np.exp(f.va_per_tce_sigma * noise))
    of_class = class_weights().energy
    for code, factor in of_class.factors.items():
        energy[works == code] *= factor
    sites, tons = fixed_figures(p, population, "energy")
    energy[sites] = tons
    free = first.copy()
    free[sites] = False
    goal = p.total("energy").value * population.scale - tons.sum()
    # Later firms are like those of the base year.
    energy[~first] *= goal / energy[free].sum()
    energy[free] = scale_to(energy[free], goal)
    share = np.array([d.power_share for d in p.divisions])[population.group]
    odds = odds_of(share * rng.uniform(0.85, 1.1, n), _MOST_POWER)
    odds *= factor_of(odds[first], _MOST_POWER, energy[first], f.power * 1e5 * 0.3 * population.scale)
    share = np.where(np.isin(works, of_class.only_power), 1.0, _MOST_POWER * odds / (1 + odds))
    median = np.array([f.below_power[name] for name in ("landed", "tenant", "rooms")])[population.tenure]
    small = median * (revenue / f.below_revenue_median) ** f.below_power_exponent
    small *= np.exp(f.below_power_sigma * noise)
    # Small works use more machines for their output than large ones; near the threshold they are alike.
    near = np.minimum(revenue / f.output_min, 1.0) ** 2
    usual = energy * share / 0.30 * 1000
    small = np.where(first, usual, small ** (1 - near) * usual**near)
    energy = np.where(first, energy, small * 0.30 / 1000 / share)
    return energy, energy * share / 0.30 * 1000


def most_power(p: Parameters, population: Population, output: Floats, value_added: Floats) -> Floats:
    """Electricity in kWh that each firm above scale can pay for; each has a limit of its own below the largest cost."""
    spread = np.exp(0.4 * np.abs(stream(population.seed, "most-power").standard_normal(population.sites)))
    earned = np.maximum(value_added, _LEAST_RATE * output)
    kwh: Floats = np.where(
        in_groups(p, population, _HEAVY),
        np.inf,
        _MOST_COST * earned * 10_000 / _PRICE / np.minimum(spread, 2.5),
    )
    return kwh
