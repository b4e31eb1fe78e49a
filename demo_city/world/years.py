"""Figures of a year (逐年指标): each site's output, with its traits, its states, and what has drifted since 2020."""

from __future__ import annotations

import numpy as np

from demo_city.world.accounts import profit_of, statement
from demo_city.world.base_energy import most_power
from demo_city.world.base_year import STAFF, person_limits
from demo_city.world.draws import Floats, Ints, round_to_total, scale_to, stream
from demo_city.world.figures import Base, Year
from demo_city.world.parameters import Parameters
from demo_city.world.population import ABOVE, Population
from demo_city.world.raking import raked_within
from demo_city.world.setting import Setting
from demo_city.world.states import drifts_of, states_of
from demo_city.world.taxes import statistical_tax, taxes_of

#: Elasticity of energy to output. Assumed.
_ENERGY = 0.7
#: Yearly noise of the insured persons per person at work. Assumed.
_COVERAGE_SD = 0.01
#: Rounds in which profit and taxes come to agree.
_ROUNDS = 4


def year_figures(p: Parameters, population: Population, base: Base, output: Floats, year: int) -> Year:
    """The figures of one year; in the base year they add up to the printed totals. ``output``: of each site, 万元."""
    s = Setting(
        p,
        population,
        base,
        year,
        above=population.status[year] == ABOVE,
        output=output,
        states=states_of(p, population, base.stakes, year),
        drift=drifts_of(p, population, year),
        rng=stream(population.seed, f"figures-{year}"),
    )
    money = statement(s)
    revenue = np.where(s.above, money["revenue"], output * base.turnover)
    employees, insured = _staff(s)
    taxes = _profit_and_taxes(s, money, revenue, employees)
    energy, calorific, power = _energy(s, money["value_added"])
    return Year(
        money={key: round_to_total(value * 10, float(value.sum()) * 10) for key, value in money.items()},
        taxes={key: np.rint(value * 1e6).astype(np.int64) for key, value in taxes.items()},
        declared=np.rint(revenue * s.rng.uniform(0.97, 1.03, population.sites) * 1e6).astype(np.int64),
        employees=employees,
        insured=insured,
        energy=energy,
        calorific=calorific,
        power=power,
        emissions=_emissions(s),
    )


def _profit_and_taxes(
    s: Setting, money: dict[str, Floats], revenue: Floats, employees: Ints
) -> dict[str, Floats]:
    """Add profit and statistical tax to the accounts, and return the taxes by component.

    Profit is what pay and taxes leave, and income tax follows profit; a few rounds find figures that agree.
    """
    money["tax_paid_stat"] = np.zeros(s.population.sites)
    taxes: dict[str, Floats] = {}
    for _ in range(_ROUNDS):
        money["profit"] = profit_of(s, money, employees.astype(np.float64))
        taxes = taxes_of(s, money, revenue)
        money["tax_paid_stat"] = statistical_tax(s, taxes)
    return taxes


def _staff(s: Setting) -> tuple[Ints, Ints]:
    """Employees above scale, and insured persons of all firms."""
    level = s.p.grown("employees", s.year)
    # Output per person grows with the city, above and below scale.
    raw = np.maximum(s.base.staff * s.volume**STAFF * s.drift["staff"] * level / s.level**STAFF, 1)
    staff = np.where(s.above, np.maximum(raw, 3), 0.0)
    usual = s.output * level / s.level
    least, most = person_limits(s.p, s.population, usual, usual * s.base.va_rate)
    staff = raked_within(staff, s.district, s.free, s.targets("staff", "employees", level), least, most)
    everyone = np.where(s.above, staff, raw)
    insured = np.rint(everyone * _coverage(s)).astype(np.int64)
    return round_to_total(staff, float(staff.sum())), insured


def _coverage(s: Setting) -> Floats:
    """Insured persons per person at work: a lasting trait, because a part of the staff is insured elsewhere."""
    n = s.population.sites
    usual = stream(s.population.seed, "coverage").uniform(0.75, 1.05, n)
    coverage: Floats = usual * (1 + _COVERAGE_SD * s.rng.standard_normal(n))
    return coverage


def _energy(s: Setting, value_added: Floats) -> tuple[Ints, Ints, Ints]:
    """Energy above scale at equivalent and at calorific value, and electricity of all firms."""
    level = s.p.grown("energy", s.year)
    factor = s.volume**_ENERGY * s.drift["energy"] * level / s.level**_ENERGY
    raw = np.where(s.above, s.base.energy * factor, 0.0)
    energy = scale_to(raw, s.p.total("energy").value * s.population.scale * level)
    drawn = s.base.power * np.divide(energy, s.base.energy, out=np.zeros_like(energy), where=s.above)
    large = np.minimum(drawn, most_power(s.p, s.population, s.output, value_added))
    # Less electricity is less energy: 0.30 kg of standard coal a kWh; the firms that burn fuel have what is missing.
    burnt = np.maximum(energy - drawn * 0.30 / 1000, 0.0)
    electric = large * 0.30 / 1000
    energy = electric + scale_to(burnt, float(energy.sum() - electric.sum()))
    # At calorific value a kWh is 0.1229 instead of 0.30 kg of standard coal (GB/T 2589).
    calorific = energy - large * (0.30 - 0.1229) / 1000
    power = np.where(s.above, large, s.base.power * factor)
    return (
        np.rint(energy * 100).astype(np.int64),
        np.rint(np.maximum(calorific, 0) * 100).astype(np.int64),
        np.rint(power).astype(np.int64),
    )


def _emissions(s: Setting) -> dict[str, Ints]:
    """Emissions of the firms above scale with a permit; they fall by 3 % a year against energy."""
    counted = s.above & s.base.has_permit
    emissions = {}
    for pollutant, tons in s.base.emissions.items():
        units = 1e6 if pollutant in ("cod", "nh3n") else 1e3
        cleaner = 0.97 ** (s.year - s.p.base_year) / s.level**_ENERGY
        amount = tons * s.volume**_ENERGY * s.drift["energy"] * cleaner * units
        emissions[pollutant] = np.where(counted, np.rint(amount), 0).astype(np.int64)
    return emissions
