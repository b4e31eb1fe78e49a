"""Output, accounts, taxes, employees and energy of the demo city's firms in the base year (基年指标).

Figures are drawn as correlated lognormals and raked to the printed totals by district and division; the landmarks and
giants are excluded from the raking. Money in this module is in 万元.
"""

from __future__ import annotations

import numpy as np

from demo_city.world.base_accounts import statement, statistical_tax, taxes_of
from demo_city.world.base_energy import emissions_of, energy_of
from demo_city.world.draws import Bools, Floats, rake, scale_to, stream
from demo_city.world.figures import YI, Base
from demo_city.world.parameters import Parameters
from demo_city.world.population import LANDED, Population
from demo_city.world.raking import district_targets, fixed_figures, raked_by_district


def base_figures(p: Parameters, population: Population, land_mu: Floats) -> Base:
    """Draw the base year. ``land_mu`` is the land that each site uses; land and property tax depend on it."""
    rng = stream(population.seed, "figures")
    first = np.arange(population.sites) < population.first_above
    output, value_added = _output_and_value_added(p, population, first, rng)
    employees = _employees(p, population, first, output, rng)
    money = statement(p, population, first, output=output, value_added=value_added, rng=rng)
    taxes = taxes_of(p, population, first, money=money, land_mu=land_mu, rng=rng)
    money["tax_paid_stat"] = statistical_tax(p, population, first, taxes, rng)
    energy, power = energy_of(p, population, first, value_added, rng)
    has_permit, emissions = emissions_of(p, population, first, output, rng)
    small = _small_firms(p, population, land_mu, rng)
    return Base(money, taxes, employees, energy, power, emissions, has_permit, *small)


def _output_and_value_added(
    p: Parameters, population: Population, first: Bools, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    f, n, scale = p.firm, population.sites, population.scale
    rate = np.array([d.va_rate for d in p.divisions])[population.group] / 100
    rates = np.clip(rate * (1 + f.va_rate_sd * rng.standard_normal(n)), 0.3 * rate, 0.85)
    output = np.clip(f.output_median * np.exp(f.output_sigma * population.size), f.output_min, f.output_max)
    low = rng.random(n) < f.below_minimum_share
    output[low] = f.output_min * rng.uniform(0.4, 1.0, n)[low]
    pareto = (1 - rng.random(n) * (1 - 10.0**-f.tail_exponent)) ** (-1 / f.tail_exponent)
    output[population.tail] = 10 * YI * pareto[population.tail]
    # Firms that rise above scale in a later year are small.
    rising = ~first
    output[rising] = np.clip(2100 * np.exp(0.5 * np.abs(rng.standard_normal(n))), 2050, 12000)[rising]
    # A giant has at most a quarter of its district's scaled output.
    largest = {d.code: 0.25 * d.output * scale for d in p.districts}
    for number, (code, _, size) in enumerate(p.giants):
        at = population.giant == number + len(p.landmarks)
        output[at], rates[at] = min(size, largest[code]) * YI, rate[at]
    sites, sizes = fixed_figures(p, population, "output")
    output[sites] = sizes * YI
    rates[sites] = fixed_figures(p, population, "value_added")[1] / sizes
    value_added = output * rates

    a = population.first_above
    free = population.giant[:a] < 0
    district, group = population.district[:a], population.group[:a]
    by_district = district_targets(p, "value_added", scale)
    fixed = np.bincount(district[~free], weights=value_added[:a][~free], minlength=len(p.districts))
    by_group = np.array([d.value_added for d in p.divisions])
    by_group *= p.total("value_added").value * YI * scale / by_group.sum()
    fixed_group = np.bincount(group[~free], weights=value_added[:a][~free], minlength=len(p.divisions))
    va = value_added[:a].copy()
    va[free] = rake(
        va[free],
        [
            (district[free], np.maximum(by_district - fixed, 0.02 * by_district)),
            (group[free], np.maximum(by_group - fixed_group, 0.15 * by_group)),
        ],
    )
    out = va / rates[:a]
    # Spread firms near the threshold above it instead of clipping them to one figure.
    threshold = f.output_min * np.exp(0.5 * np.abs(rng.standard_normal(a)))
    floor = np.where(free & ~low[:a], threshold, 0.0)
    targets = district_targets(p, "output", scale)
    for _ in range(12):
        out = raked_by_district(np.maximum(out, floor), district, free, targets)
    value_added[:a] = raked_by_district(np.minimum(va, 0.85 * out), district, free, by_district, 0.85 * out)
    output[:a] = out
    return output, value_added


def _employees(
    p: Parameters, population: Population, first: Bools, output: Floats, rng: np.random.Generator
) -> Floats:
    f = p.firm
    z = np.log(np.maximum(output, 1.0) / f.output_median) / f.output_sigma
    own = np.sqrt(1 - f.staff_output_correlation**2) * rng.standard_normal(population.sites)
    few = np.isin(population.group, [j for j, d in enumerate(p.divisions) if d.group in ("25", "26", "44")])
    staff: Floats = f.staff_median * np.exp(f.staff_sigma * (f.staff_output_correlation * z + own))
    staff = np.where(few, 0.5, 1.0) * np.clip(staff, 5, 30000)
    sites, persons = fixed_figures(p, population, "staff")
    staff[sites] = persons
    free = first & (population.giant != 0) & (population.giant != 1)
    targets = district_targets(p, "staff", population.scale, "employees")
    district = np.where(first, population.district, -1)
    for _ in range(3):
        staff = raked_by_district(np.maximum(staff, 3.0), district, free, targets)
    return staff


def _small_firms(
    p: Parameters, population: Population, land_mu: Floats, rng: np.random.Generator
) -> tuple[Floats, dict[str, Floats], Floats, Floats]:
    """Revenue, taxes, staff and electricity of firms below scale; the base year's firms have the city's totals."""
    f, b, n, a = p.firm, p.below_scale, population.sites, population.first_above
    counted = population.status[p.base_year][a:] != 0
    revenue = np.clip(f.below_revenue_median * np.exp(f.below_revenue_sigma * population.size), 5, 2000)
    revenue[:a] = rng.uniform(800, 1900, a)

    def to_total(values: Floats, total: float, cap: Floats | None = None) -> Floats:
        scaled = values.copy()
        rest = scale_to(
            values[a:][counted], total * population.scale, None if cap is None else cap[a:][counted]
        )
        scaled[a:] *= np.median(rest) / max(np.median(values[a:][counted]), 1e-9)
        scaled[a:][counted] = rest
        return scaled

    revenue = to_total(revenue, b.revenue * YI, np.full(n, 1990.0))
    z = np.log(revenue / f.below_revenue_median) / f.below_revenue_sigma
    staff = f.below_staff_median * np.exp(f.below_staff_sigma * (0.7 * z + 0.71 * rng.standard_normal(n)))
    staff = to_total(np.clip(staff, 1, 300), b.staff)
    power = f.below_power_median * np.exp(f.below_power_sigma * (0.7 * z + 0.71 * rng.standard_normal(n)))
    tax = to_total(0.042 * revenue * np.exp(0.7 * rng.standard_normal(n)), b.tax * YI)
    refund = rng.random(n) < f.tax_zero_share
    owns = population.tenure == LANDED
    land_use = np.minimum(np.where(owns, 0.4 * land_mu, 0.0), 0.4 * tax)
    property_tax = np.minimum(np.where(owns, 0.5 * land_mu, 0.0), 0.2 * tax)
    rest = tax - land_use - property_tax
    offset = np.where(rng.random(n) < 0.15, 0.25, 0.0) * rest
    rest = rest - offset
    taxes = {
        "vat": np.where(refund, -land_use - property_tax, 0.68 * rest),
        "export_offset": np.where(refund, 0.0, offset),
        "income": np.where(refund, 0.0, 0.18 * rest),
        "consumption": np.zeros(n),
        "surcharge": np.where(refund, 0.0, 0.09 * rest),
        "land_use": land_use,
        "property": property_tax,
        "other": np.where(refund, 0.0, 0.05 * rest),
    }
    return revenue, taxes, staff, power
