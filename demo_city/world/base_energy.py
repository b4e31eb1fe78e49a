"""The base year's energy and emissions (基年能耗与排放)."""

from __future__ import annotations

import numpy as np

from demo_city.world.draws import Bools, Floats, scale_to
from demo_city.world.parameters import Parameters
from demo_city.world.population import Population
from demo_city.world.raking import fixed_figures

#: Emissions of all firms with a permit, tons. Assumed.
_EMISSION_TOTALS = {"cod": 8000.0, "nh3n": 300.0, "so2": 6000.0, "nox": 18000.0}
#: Emission intensity by division group; 1 elsewhere. Assumed.
_DIRTY = {"25": 12.0, "26": 6.0, "31": 12.0, "44": 20.0, "30": 6.0, "17": 4.0, "22-23": 5.0, "28": 2.0}


def energy_of(
    p: Parameters, population: Population, first: Bools, value_added: Floats, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Energy at equivalent value in tons of standard coal, and electricity in kWh (0.30 kg of coal each)."""
    n = population.sites
    yields = np.array([d.va_per_tce for d in p.divisions])[population.group]
    energy = np.maximum(value_added, 1.0) / (
        yields * np.exp(p.firm.va_per_tce_sigma * rng.standard_normal(n))
    )
    sites, tons = fixed_figures(p, population, "energy")
    energy[sites] = tons
    free = first.copy()
    free[sites] = False
    rest = p.total("energy").value * population.scale - tons.sum()
    energy[free] = scale_to(energy[free], rest)
    share = np.array([d.power_share for d in p.divisions])[population.group]
    share = np.clip(share * rng.uniform(0.85, 1.1, n), 0.02, 0.98)
    return energy, energy * share / 0.30 * 1000


def emissions_of(
    p: Parameters, population: Population, first: Bools, output: Floats, rng: np.random.Generator
) -> tuple[Bools, dict[str, Floats]]:
    """Whether each firm has a permit, and its tons of each pollutant; polluting industries discharge more."""
    n = population.sites
    dirty = np.array([_DIRTY.get(d.group, 1.0) for d in p.divisions])[population.group]
    has_permit = rng.random(n) < np.minimum(p.firm.emission_share * np.where(dirty > 1, 2.2, 0.75), 0.95)
    emissions = {}
    for pollutant, total in _EMISSION_TOTALS.items():
        amount = np.minimum(rng.pareto(1.1, n) + 0.05, 200) * dirty * np.sqrt(np.maximum(output, 1.0))
        counted = first & has_permit
        tons = total * population.scale
        emissions[pollutant] = amount * (tons / max(amount[counted].sum(), 1.0) if counted.any() else 0.0)
    return has_permit, emissions
