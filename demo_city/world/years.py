"""Figures of a year (逐年指标): the base year's figures times the city's growth and each firm's random walk."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from demo_city.world.draws import Bools, Floats, Ints, round_to_total, scale_to, stream
from demo_city.world.figures import TAXES, YI, Base, Year
from demo_city.world.parameters import Parameters
from demo_city.world.population import ABOVE, Population
from demo_city.world.raking import district_targets, raked_by_district


def walks(population: Population, base_year: int, year: int) -> dict[str, Floats]:
    """Each site's random walk since the base year, as factors by kind of figure; 1 in the base year."""
    names = ("volume", "margin", "tax", "staff", "energy")
    logs = {name: np.zeros(population.sites) for name in names}
    damp = np.where(population.giant >= 0, 0.4, 1.0)
    for y in range(base_year + 1, year + 1):
        rng = stream(population.seed, f"paths-{y}")
        for name, spread in zip(names, (0.10, 0.05, 0.12, 0.06, 0.08), strict=True):
            logs[name] += damp * spread * rng.standard_normal(population.sites)
    factors = {name: np.exp(log) for name, log in logs.items()}
    for name in ("tax", "staff", "energy"):
        factors[name] = factors[name] * factors["volume"] ** (0.5 if name == "staff" else 0.9)
    return factors


@dataclass(frozen=True)
class _Setting:
    """Shared inputs of all figures of one year."""

    p: Parameters
    population: Population
    base: Base
    year: int
    above: Bools
    walk: dict[str, Floats]
    drift: Floats
    rng: np.random.Generator

    @property
    def level(self) -> float:
        return self.p.grown("value_added", self.year)

    @property
    def district(self) -> Ints:
        """District of each firm above scale, -1 for all others."""
        return np.where(self.above, self.population.district, -1)

    def targets(self, attribute: str, total: str | None = None, level: float | None = None) -> Floats:
        """The year's targets of the districts: ``drift`` moves their shares and keeps the city's total."""
        goals = district_targets(self.p, attribute, self.population.scale, total)
        goals = goals * (self.level if level is None else level)
        moved: Floats = goals * self.drift
        moved *= goals.sum() / moved.sum()
        return moved


def year_figures(p: Parameters, population: Population, base: Base, year: int) -> Year:
    """The figures of one year; in the base year they add up to the printed totals."""
    rng = stream(population.seed, f"figures-{year}")
    drift = np.exp(0.015 * (year > p.base_year) * rng.standard_normal(len(p.districts)))
    above = population.status[year] == ABOVE
    s = _Setting(p, population, base, year, above, walks(population, p.base_year, year), drift, rng)
    money = _year_money(s)
    taxes, declared = _year_taxes(s, money)
    employees, insured = _year_staff(s)
    energy, calorific, power = _year_energy(s)
    return Year(
        money, taxes, declared, employees, insured, energy, calorific, power, emissions=_year_emissions(s)
    )


def _year_money(s: _Setting) -> dict[str, Ints]:
    p, population, base, above = s.p, s.population, s.base, s.above
    free = above & (population.giant < 0)
    raw = {key: np.where(above, value * s.walk["volume"] * s.level, 0.0) for key, value in base.money.items()}
    out = raked_by_district(raw["output"], s.district, free, s.targets("output"))
    va = np.minimum(raw["value_added"] * s.walk["margin"], 0.85 * out)
    negative = s.rng.random(population.sites) < p.firm.negative_value_added_share
    negative &= free & ~population.tail
    va[negative] = -out[negative] * s.rng.uniform(0.01, 0.06, population.sites)[negative]
    va = raked_by_district(va, s.district, free & ~negative, s.targets("value_added"), 0.85 * out)
    # A district with few firms may miss its share, so scale again to the city's total.
    rest = p.total("value_added").value * YI * population.scale * s.level - va[~free | negative].sum()
    va[free & ~negative] = scale_to(va[free & ~negative], rest, (0.85 * out)[free & ~negative])
    money = {"output": out, "value_added": va}
    caps = {"rd_expense": 0.15 * out, "new_product_output": 0.99 * out, "export_value": 0.995 * out}
    volume = np.divide(out, base.money["output"], out=np.ones_like(out), where=above)
    for key in ("revenue", "rd_expense", "new_product_output", "export_value", "tax_paid_stat"):
        goal = p.total(key).value * YI * population.scale * s.level
        money[key] = scale_to(np.where(above, base.money[key] * volume, 0.0), goal, caps.get(key))
    money["sales_output"] = np.where(above, base.money["sales_output"] * volume, 0.0)
    profit = np.where(above, base.money["profit"] * volume * s.walk["margin"], 0.0)
    goal = p.total("profit").value * YI * population.scale * s.level - profit[profit < 0].sum()
    money["profit"] = np.where(profit < 0, profit, scale_to(np.maximum(profit, 0), goal))
    return {key: round_to_total(value * 10, float(value.sum()) * 10) for key, value in money.items()}


def _year_taxes(s: _Setting, money: dict[str, Ints]) -> tuple[dict[str, Ints], Ints]:
    population, above = s.population, s.above
    landmark = (population.giant == 0) | (population.giant == 1)
    large = {key: value * s.walk["tax"] * s.level for key, value in s.base.taxes.items()}
    total = np.where(above, np.sum([large[key] for key in TAXES], axis=0), 0.0)
    free = above & ~landmark & (total > 0)
    goal = s.targets("tax", "tax_contribution")
    fitted = raked_by_district(total, s.district, free, goal)
    factor = np.divide(fitted, total, out=np.ones_like(total), where=free)
    taxes = {}
    for key in TAXES:
        small = s.base.small_taxes[key] * s.walk["tax"] * s.level
        taxes[key] = np.rint(np.where(above, large[key] * factor, small) * 1e6).astype(np.int64)
    small_revenue = np.clip(s.base.small_revenue * s.walk["volume"], 1, 1990)
    revenue = np.where(above, money["revenue"] / 10, small_revenue)
    declared = np.rint(revenue * s.rng.uniform(0.97, 1.03, population.sites) * 1e6).astype(np.int64)
    return taxes, declared


def _year_staff(s: _Setting) -> tuple[Ints, Ints]:
    level = s.p.grown("employees", s.year)
    staff = np.where(s.above, np.maximum(s.base.employees * s.walk["staff"] * level, 3), 0.0)
    free = s.above & (s.population.giant != 0) & (s.population.giant != 1)
    staff = raked_by_district(staff, s.district, free, s.targets("staff", "employees", level))
    employees = round_to_total(staff, float(staff.sum()))
    everyone = np.where(s.above, staff, np.maximum(s.base.small_staff * s.walk["staff"], 1))
    insured = np.rint(everyone * s.rng.uniform(0.75, 1.05, s.population.sites)).astype(np.int64)
    return employees, insured


def _year_energy(s: _Setting) -> tuple[Ints, Ints, Ints]:
    level = s.p.grown("energy", s.year)
    raw = np.where(s.above, s.base.energy * s.walk["energy"] * level, 0.0)
    energy = scale_to(raw, s.p.total("energy").value * s.population.scale * level)
    factor = np.divide(energy, s.base.energy, out=np.zeros_like(energy), where=s.above)
    large = s.base.power * factor
    # At calorific value a kWh is 0.1229 instead of 0.30 kg of standard coal (GB/T 2589).
    calorific = energy - large * (0.30 - 0.1229) / 1000
    power = np.where(s.above, large, s.base.small_power * s.walk["energy"] * level)
    return (
        np.rint(energy * 100).astype(np.int64),
        np.rint(np.maximum(calorific, 0) * 100).astype(np.int64),
        np.rint(power).astype(np.int64),
    )


def _year_emissions(s: _Setting) -> dict[str, Ints]:
    counted = s.above & s.base.has_permit
    emissions = {}
    for pollutant, tons in s.base.emissions.items():
        units = 1e6 if pollutant in ("cod", "nh3n") else 1e3
        amount = tons * s.walk["energy"] * 0.97 ** (s.year - s.p.base_year) * units
        emissions[pollutant] = np.where(counted, np.rint(amount), 0).astype(np.int64)
    return emissions
