"""Discharge permits and emissions of the base year (排污许可与排放), by the rules of ``permits.yml`` in this folder.

A permit belongs to a works: its class follows from industry, size and emissions. Firms with a key or simplified permit
report emissions, registered ones do not.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np

from demo_city.world.base_year import Sizes
from demo_city.world.classes import Codes
from demo_city.world.draws import Bools, Floats, Ints
from demo_city.world.figures import KEY, REGISTERED, SIMPLIFIED, UNPERMITTED, YI
from demo_city.world.parameters import Parameters
from demo_city.world.population import Population
from schemas.contract import ContractError
from schemas.definition import Definition, read_definition

PERMITS = Path(__file__).with_name("permits.yml")
#: Pollutants of waste air; all others are of waste water.
_AIR = ("so2", "nox")


class Dirty(Definition):
    """Firms that all hold a permit, by class or fuel burnt; key from an output (亿元) or fuel (tons of coal) on."""

    classes: tuple[str, ...]
    burnt_tce: float
    key_output: float
    key_burnt_tce: float


class Emitted(Definition):
    """Elasticity of emissions to fuel or output, and the spread of their logarithm."""

    exponent: float
    spread: float


class PermitRules(Definition):
    dirty: Dirty
    usual: dict[str, float]
    otherwise: float
    registered: float
    exempt: tuple[str, ...]
    #: Tons a year from which a permit is key; tons of all holders.
    key_emissions: dict[str, float]
    totals: dict[str, float]
    air: Emitted
    water: Emitted
    air_intensity: dict[str, float]
    water_intensity: dict[str, float]


@cache
def permit_rules() -> PermitRules:
    """The rules, validated.

    Raises:
        ContractError: permits.yml is not well formed.
    """
    return read_definition(PermitRules, PERMITS, ContractError, "demo_city/world/permits.yml")


def draw_permits(
    p: Parameters,
    population: Population,
    works: Codes,
    sizes: Sizes,
    *,
    burnt: Floats,
    rng: np.random.Generator,
) -> tuple[Ints, dict[str, Floats]]:
    """Class of each site's permit, and tons of each pollutant that its firm discharges in the base year.

    Args:
        works: industry class of each site.
        burnt: energy without electricity, tons of standard coal.
    """
    rules, first = permit_rules(), np.arange(population.sites) < population.first_above
    exempt = np.isin(works, rules.exempt)
    dirty = by_prefix(dict.fromkeys(rules.dirty.classes, 1.0), works, 0.0) > 0
    dirty |= ~exempt & (burnt >= rules.dirty.burnt_tce)
    holds = dirty | (~exempt & _some(p, works, first & ~exempt, dirty, rng))
    registered = rng.random(len(works)) < rules.registered
    tons = _emissions(sizes.output, works, burnt, first & holds, population.scale, rng)
    large = (sizes.output >= rules.dirty.key_output * YI) | (burnt >= rules.dirty.key_burnt_tce)
    key = dirty & large
    for pollutant, least in rules.key_emissions.items():
        key |= holds & (tons[pollutant] >= least)
    unlisted = np.where(registered & ~exempt, REGISTERED, UNPERMITTED)
    return np.where(key, KEY, np.where(holds, SIMPLIFIED, unlisted)), tons


def by_prefix(values: Mapping[str, float], works: Codes, otherwise: float) -> Floats:
    """Value of each class: that of the longest name that it begins with."""
    classes, of_site = np.unique(works, return_inverse=True)
    found = np.full(len(classes), otherwise)
    for prefix in sorted(values, key=len):
        found[np.char.startswith(classes, prefix)] = values[prefix]
    by_site: Floats = found[of_site]
    return by_site


def _some(p: Parameters, works: Codes, first: Bools, dirty: Bools, rng: np.random.Generator) -> Bools:
    """Firms of other industries with a permit; with the dirty ones they are the usual share above scale."""
    weight = by_prefix(permit_rules().usual, works, permit_rules().otherwise)
    among = first & ~dirty
    wanted = max(p.firm.emission_share * int(first.sum()) - int((first & dirty).sum()), 0.0)
    rate = wanted / max(float(weight[among].sum()), 1.0)
    held: Bools = rng.random(len(works)) < np.minimum(rate * weight, 0.95)
    return held


def _emissions(
    output: Floats, works: Codes, burnt: Floats, counted: Bools, scale: float, rng: np.random.Generator
) -> dict[str, Floats]:
    """Tons of each pollutant by site; those of the ``counted`` sites have the city's totals times the scale."""
    rules = permit_rules()
    air = np.maximum(burnt, 1.0) ** rules.air.exponent * by_prefix(rules.air_intensity, works, 1.0)
    water = np.maximum(output, 1.0) ** rules.water.exponent * by_prefix(rules.water_intensity, works, 1.0)
    tons = {}
    for pollutant, total in rules.totals.items():
        kind, amount = (rules.air, air) if pollutant in _AIR else (rules.water, water)
        drawn = amount * np.exp(kind.spread * rng.standard_normal(len(works)))
        tons[pollutant] = drawn * (total * scale / drawn[counted].sum() if counted.any() else 0.0)
    return tons
