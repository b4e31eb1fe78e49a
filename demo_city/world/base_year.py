"""Sizes of the demo city's sites in the base year (基年规模).

Figures of firms above scale are drawn as correlated lognormals and raked to the printed totals by district and
division; the landmarks and giants are excluded from the raking. Firms below scale are the part of a lognormal
distribution below the threshold. Money in this module is in 万元.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from demo_city.world.draws import Bools, Floats, rake, stream
from demo_city.world.figures import YI
from demo_city.world.parameters import Parameters
from demo_city.world.population import Population, in_groups
from demo_city.world.raking import (
    MOST_VALUE_ADDED,
    district_targets,
    fitted_value_added,
    fixed_figures,
    raked_by_district,
    raked_within,
)
from demo_city.world.shares import factor_of, odds_of

#: Revenue of firms in their first three years against that of older ones. Assumed.
_YOUNG = (0.55, 0.75, 0.9)
#: Elasticity of staff to output. Assumed.
STAFF = 0.5
#: Largest share of a district's persons or land that a firm outside the landmarks has. Assumed.
LARGEST = 0.05
#: Largest revenue below scale against the threshold.
_BELOW = 0.998


@dataclass(frozen=True)
class Sizes:
    """How large each site's firm is in the base year; money in 万元, staff in persons."""

    output: Floats
    value_added: Floats
    #: Revenue per output.
    turnover: Floats
    staff: Floats


def base_sizes(p: Parameters, population: Population) -> Sizes:
    """Draw output, value added, revenue and persons; the base year's firms have the city's totals."""
    rng = stream(population.seed, "sizes")
    turnover = rng.uniform(0.9, 1.05, population.sites)
    turnover *= p.total("revenue").value / p.total("output").value / turnover.mean()
    rate = np.array([d.va_rate for d in p.divisions])[population.group] / 100
    drawn = rate * (1 + p.firm.va_rate_sd * rng.standard_normal(population.sites))
    rates = np.clip(drawn, 0.3 * rate, np.maximum(0.6, rate))
    output, value_added = _above(p, population, turnover, rates, rng)
    a = population.first_above
    small = _small_revenue(p, population, rng) / turnover[a:]
    output, value_added = np.concatenate([output, small]), np.concatenate([value_added, small * rates[a:]])
    return Sizes(output, value_added, turnover, _staff(p, population, output, value_added, turnover, rng))


def _above(
    p: Parameters, population: Population, turnover: Floats, rates: Floats, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Output and value added of the base year's firms above scale."""
    f, a, scale = p.firm, population.first_above, population.scale
    district, group, giant = population.district[:a], population.group[:a], population.giant[:a]
    output = np.clip(
        f.output_median * np.exp(f.output_sigma * population.size[:a]), f.output_min, f.output_max
    )
    pareto = (1 - rng.random(a) * (1 - 10.0**-f.tail_exponent)) ** (-1 / f.tail_exponent)
    tail = population.tail[:a]
    output[tail] = 10 * YI * pareto[tail]
    rates = rates[:a].copy()
    # A giant has at most a quarter of its district's scaled output.
    largest = {d.code: 0.25 * d.output * scale for d in p.districts}
    for number, (code, _, size) in enumerate(p.giants):
        at = giant == number + len(p.landmarks)
        output[at] = min(size, largest[code]) * YI
        rates[at] = p.divisions[int(group[at][0])].va_rate / 100 if at.any() else 0
    sites, sizes = fixed_figures(p, population, "output")
    output[sites] = sizes * YI
    rates[sites] = fixed_figures(p, population, "value_added")[1] / sizes

    free = giant < 0
    va = _raked_value_added(p, population, output * rates, free)
    low = _below_minimum(p, population, free & ~tail)
    # Spread firms near the threshold above it instead of clipping them to one figure.
    threshold = f.output_min * (1.001 + np.expm1(0.5 * np.abs(rng.standard_normal(a)))) / turnover[:a]
    out = np.where(low, f.output_min * rng.uniform(0.7, 0.995, a) / turnover[:a], va / rates)
    free &= ~low
    for _ in range(12):
        out = raked_by_district(
            np.where(free, np.maximum(out, threshold), out),
            district,
            free,
            district_targets(p, "output", scale),
        )
    # In a small city the raking may leave little for some firms: rates stay above a fifth of the usual ones.
    odds = odds_of(np.clip(va / out, 0.2 * rates, 0.8), MOST_VALUE_ADDED)
    return out, fitted_value_added(
        odds, out, va, district, giant < 0, district_targets(p, "value_added", scale)
    )


def _raked_value_added(p: Parameters, population: Population, value_added: Floats, free: Bools) -> Floats:
    """Value added with the ``free`` firms raked by district and division."""
    scale = population.scale
    district, group = population.district[: len(free)], population.group[: len(free)]
    by_district = district_targets(p, "value_added", scale)
    by_group = np.array([d.value_added for d in p.divisions])
    by_group *= p.total("value_added").value * YI * scale / by_group.sum()
    fixed = np.bincount(district[~free], weights=value_added[~free], minlength=len(p.districts))
    fixed_group = np.bincount(group[~free], weights=value_added[~free], minlength=len(p.divisions))
    raked = value_added.copy()
    raked[free] = rake(
        raked[free],
        [
            (district[free], np.maximum(by_district - fixed, 0.02 * by_district)),
            (group[free], np.maximum(by_group - fixed_group, 0.15 * by_group)),
        ],
    )
    return raked


def _below_minimum(p: Parameters, population: Population, may: Bools) -> Bools:
    """The smallest firms above scale: their revenue is below the threshold in this year."""
    low = np.zeros(len(may), dtype=bool)
    sites = np.flatnonzero(may)
    order = np.argsort(population.size[sites], kind="stable")
    low[sites[order[: round(p.firm.below_minimum_share * len(may))]]] = True
    return low


def _small_revenue(p: Parameters, population: Population, rng: np.random.Generator) -> Floats:
    """Revenue of the sites below scale, in the order of their sizes; the base year's firms have the city's total."""
    f, a = p.firm, population.first_above
    size, founded = population.size[a:], population.founded[a:]
    most = _BELOW * f.output_min
    scores = rng.standard_normal(2 * len(size))
    scores = np.sort(scores[scores < np.log(most / f.below_revenue_median) / f.below_revenue_sigma])
    rank = np.empty(len(size))
    rank[np.argsort(size, kind="stable")] = (np.arange(len(size)) + 0.5) / len(size)
    revenue = f.below_revenue_median * np.exp(
        f.below_revenue_sigma * scores[(rank * len(scores)).astype(np.int64)]
    )
    present = population.appears[a:] == p.base_year
    for age, factor in enumerate(_YOUNG):
        revenue[present & (p.base_year - founded == age)] *= factor
    odds = odds_of(np.maximum(revenue, 5), most)
    goal = p.below_scale.revenue * YI * population.scale
    odds *= factor_of(odds[present], most, np.ones(int(present.sum())), goal)
    return most * odds / (1 + odds)


def _staff(
    p: Parameters,
    population: Population,
    output: Floats,
    value_added: Floats,
    turnover: Floats,
    rng: np.random.Generator,
) -> Floats:
    """Persons of each site; the base year's firms above and below scale have their totals."""
    f, a, n = p.firm, population.first_above, population.sites
    first = np.arange(n) < a
    noise = rng.standard_normal(n)
    size = np.log(np.maximum(output, 1.0))
    z = (size - size[first].mean()) / size[first].std()
    r = f.staff_output_correlation
    few = in_groups(p, population, ("25", "26", "44"))
    staff: Floats = f.staff_median * np.exp(f.staff_sigma * (r * z + np.sqrt(1 - r**2) * noise))
    staff = np.where(few, 0.5, 1.0) * np.clip(staff, 5, 30000)
    sites, persons = fixed_figures(p, population, "staff")
    staff[sites] = persons
    free = first.copy()
    free[sites] = False
    goals = district_targets(p, "staff", population.scale, "employees")
    least, most = person_limits(p, population, output, value_added)
    # In a small city one firm would leave too few persons for the other firms of its district.
    most = np.maximum(np.minimum(most, LARGEST * goals[population.district]), least)
    staff = raked_within(staff, np.where(first, population.district, -1), free, goals, least, most)
    revenue = (output * turnover)[a:] / f.below_revenue_median
    small = f.below_staff_median * revenue**f.below_staff_exponent * np.exp(f.below_staff_sigma * noise[a:])
    present = population.appears[a:] == p.base_year
    goal = p.below_scale.staff * population.scale
    small *= goal / small[present].sum()
    staff[a:] = np.clip(small, 1, 300)
    return staff


def person_limits(
    p: Parameters, population: Population, output: Floats, value_added: Floats
) -> tuple[Floats, Floats]:
    """Fewest and most persons of each site at its output above scale, 万元 at the base year's productivity.

    Each site has limits of its own within those of its kind of industry, so that firms do not pile up at one figure.
    """
    low, high = np.empty(len(p.divisions)), np.empty(len(p.divisions))
    for limits in p.output_per_person:
        of_kind = [j for j, d in enumerate(p.divisions) if d.group in limits.groups]
        low[of_kind], high[of_kind] = limits.least, limits.most
    spread = np.exp(0.2 * np.abs(stream(population.seed, "persons").standard_normal(population.sites)))
    spread = np.minimum(spread, 2.0)
    least = np.maximum(output * spread / high[population.group], 3.0)
    # Value added pays the persons in a usual year.
    most = (
        np.minimum(output / low[population.group], value_added / p.firm.least_value_added_per_person) / spread
    )
    return least, np.maximum(most, least)
