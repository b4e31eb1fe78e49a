"""The directory of firms, year by year (名录): who is there, above or below scale, and with which output.

Revenue decides who rises above scale (小升规) and who falls below it (退规). So directory and output advance together:
each site has one path of output, whether its firm is above or below scale. Money in 万元.

A firm that falls is still in the year's directory above scale, as dropped; in most cases its revenue is already below
the threshold. From the next year on it is below scale.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from demo_city.world.base_year import Sizes
from demo_city.world.draws import Bools, Floats, Ints, stream
from demo_city.world.parameters import Parameters
from demo_city.world.paths import division_shocks, own_shocks, raked_output
from demo_city.world.population import (
    ABOVE,
    ABSENT,
    BELOW,
    DROPPED,
    LANDED,
    NEW,
    NONE,
    ROOMS,
    UPGRADED,
    Population,
    closing_chance,
)


@dataclass(frozen=True)
class _State:
    """The sites at the end of a year."""

    status: Ints
    change: Ints
    #: Founding year of the firm on each site.
    founded: Ints
    revenue: Floats
    #: What is left of the site's own shocks, as a logarithm; it fades.
    lasting: Floats
    #: Sites whose firm is new in the year.
    fresh: Bools


def follow(p: Parameters, population: Population, sizes: Sizes, last_year: int) -> dict[int, Floats]:
    """Fill the population's status, change and firm of each year; return the output of each site by year."""
    state = _first(p, population, sizes)
    output = {p.base_year: sizes.output}
    _enter(population, p.base_year, state)
    for year in range(p.base_year + 1, last_year + 1):
        state = _next(p, population, state, year)
        made = state.revenue / sizes.turnover
        above = state.status == ABOVE
        # Firms near the threshold are not raked: who is above and who is below has been decided.
        free = above & (state.revenue > p.churn.falling_from)
        output[year] = raked_output(p, population, made, above, free, year)
        state = replace(state, revenue=output[year] * sizes.turnover)
        _enter(population, year, state)
    return output


def _enter(population: Population, year: int, state: _State) -> None:
    """Enter a year in the population; its new firms get the next numbers, by site."""
    sites = np.flatnonzero(state.fresh)
    before = population.firm.get(year - 1)
    firm = np.full(population.sites, -1) if before is None else before.copy()
    firm[sites] = len(population.firm_site) + np.arange(len(sites))
    population.status[year], population.change[year] = (
        state.status.astype(np.int8),
        state.change.astype(np.int8),
    )
    population.firm[year] = firm
    population.firm_site = np.concatenate([population.firm_site, sites])
    population.firm_born = np.concatenate([population.firm_born, np.full(len(sites), year)])
    population.firm_founded = np.concatenate([population.firm_founded, state.founded[sites]])


def _first(p: Parameters, population: Population, sizes: Sizes) -> _State:
    """The base year: the smallest firms above scale fall, the next have just risen, the youngest are new."""
    rng, n = stream(population.seed, f"directory-{p.base_year}"), population.sites
    present = population.appears == p.base_year
    status = np.where(present, np.where(np.arange(n) < population.first_above, ABOVE, BELOW), ABSENT)
    revenue = sizes.output * sizes.turnover
    change = np.full(n, NONE)
    change[(status == BELOW) & (population.founded == p.base_year)] = NEW
    settled = (status == ABOVE) & (population.giant < 0) & ~population.tail
    _fall(p, rng, status, change, settled, revenue, revenue)
    renewed = _renew(p, rng, status, change, settled)
    founded = population.founded.copy()
    founded[renewed] = p.base_year
    rising = _pick(
        rng, settled & (change == NONE), -_steep(revenue), round(p.churn.upgraded * population.scale)
    )
    change[rising] = UPGRADED
    return _State(status, change, founded, revenue, np.zeros(n), present)


def _next(p: Parameters, population: Population, last: _State, year: int) -> _State:
    """The year after ``last``; the revenue of the firms above scale is not raked yet."""
    rng, n, churn = stream(population.seed, f"directory-{year}"), population.sites, p.churn
    status = np.where(last.change == DROPPED, BELOW, last.status)
    appearing = population.appears == year
    fresh = appearing | _closing(p, population, last, status, year, rng)
    status[appearing] = BELOW
    change = np.where(fresh, NEW, NONE)
    own = own_shocks(p, population, year)
    lasting = (1 - p.paths.reversion) * last.lasting + own
    young = churn.new_size + churn.new_size_sd * rng.standard_normal(n)
    lasting = np.where(fresh, young, lasting)
    revenue = last.revenue * _growth(p, population, status, year) * np.exp(lasting - last.lasting)

    rising = _rise(p, population, rng, last, status, change)
    settled = (status == ABOVE) & (change == NONE) & (last.change != UPGRADED)
    settled &= (population.giant < 0) & ~population.tail
    falling = _fall(p, rng, status, change, settled, last.revenue, revenue)
    renewed = _renew(p, rng, status, change, settled)
    fresh[renewed] = True
    _hold(p, status, change == DROPPED, revenue, rng)
    revenue[rising] = _risen(p, last.revenue[rising], rng)
    revenue[falling] = _fallen(p, last.revenue[falling], revenue[falling], rng)
    return _State(status, change, np.where(fresh, year, last.founded), revenue, lasting, fresh)


def _growth(p: Parameters, population: Population, status: Ints, year: int) -> Floats:
    """Growth that a site shares with others: that of the city or of the firms below scale, and of its division."""
    city = p.grown("value_added", year) / p.grown("value_added", year - 1)
    small = p.grown("below_revenue", year) / p.grown("below_revenue", year - 1)
    shared: Floats = np.where(status == ABOVE, city, small) * np.exp(division_shocks(p, population, year))
    return shared


def _closing(
    p: Parameters, population: Population, last: _State, status: Ints, year: int, rng: np.random.Generator
) -> Bools:
    """Sites below scale whose firm closes: young and small firms more often; another firm takes over the site."""
    may = (status == BELOW) & ~population.collective
    chance = closing_chance(p, year - 1 - last.founded) * np.exp(p.churn.size_out_exponent * population.size)
    chance[may] *= p.churn.below_out_share / chance[may].mean()
    closing: Bools = may & (rng.random(population.sites) < chance)
    return closing


def _rise(
    p: Parameters, population: Population, rng: np.random.Generator, last: _State, status: Ints, change: Ints
) -> Ints:
    """Mark the firms that rise: those that were near the threshold in the year before, and use surveyed land."""
    may = (status == BELOW) & (last.status == BELOW) & (change == NONE) & (last.change == NONE)
    may &= (population.tenure != ROOMS) & ~population.collective
    # Above the least revenue, larger firms and those with land of their own rise more often.
    near = _steep(np.minimum(last.revenue, p.churn.rising_from)) + 2 * np.log(last.revenue)
    near += 1.5 * (population.tenure == LANDED)
    rising = _pick(rng, may, near, round(p.churn.upgraded * population.scale))
    status[rising], change[rising] = ABOVE, UPGRADED
    return rising


def _fall(
    p: Parameters,
    rng: np.random.Generator,
    status: Ints,
    change: Ints,
    settled: Bools,
    before: Floats,
    now: Floats,
) -> Ints:
    """Mark the firms that fall: those with little revenue in the year and in the year before."""
    count = round(p.churn.above_out_share * int((status == ABOVE).sum()))
    falling = _pick(
        rng, settled, -_steep(np.maximum(before, 0.9 * p.churn.falling_from)) - _steep(now), count
    )
    change[falling] = DROPPED
    return falling


def _renew(p: Parameters, rng: np.random.Generator, status: Ints, change: Ints, settled: Bools) -> Ints:
    """Mark firms above scale that are new legal persons."""
    count = round(p.churn.above_new_share * int((status == ABOVE).sum()))
    renewed = _pick(rng, settled & (change == NONE), np.zeros(len(status)), count)
    change[renewed] = NEW
    return renewed


def _risen(p: Parameters, before: Floats, rng: np.random.Generator) -> Floats:
    """Revenue in the year of the rise: just above the threshold, within the usual factors of the year before."""
    least, most = p.churn.rising_factor
    reached = p.firm.output_min * (1.005 + np.minimum(rng.exponential(0.12, len(before)), 0.5))
    reached = np.clip(reached, least * before, most * before)
    return np.maximum(reached, 1.001 * p.firm.output_min)


def _fallen(p: Parameters, before: Floats, now: Floats, rng: np.random.Generator) -> Floats:
    """Revenue in the last year above scale: most firms are already below the threshold, the others just above."""
    below = rng.random(len(now)) < p.firm.below_minimum_share / p.churn.above_out_share
    low = p.firm.output_min * rng.uniform(0.7, 0.995, len(now))
    low = np.where((now < p.firm.output_min) & (now > 0.5 * p.firm.output_min), now, low)
    # the most is drawn, too: a firm that falls does not keep its revenue to the last yuan
    least, most = p.firm.output_min * rng.uniform(1.0, [[1.08], [1.02]], (2, len(now)))
    high = np.clip(now, least, np.maximum(before * rng.uniform(0.8, 1.0, len(now)), most))
    return np.where(below, low, high)


def _hold(p: Parameters, status: Ints, falling: Bools, revenue: Floats, rng: np.random.Generator) -> None:
    """Hold the other firms on their side of the threshold: they grow or shrink to near it."""
    threshold, away = p.firm.output_min, np.abs(rng.standard_normal(len(revenue)))
    over = (status == BELOW) & (revenue >= threshold)
    revenue[over] = 0.999 * threshold * np.exp(-0.25 * away[over])
    under = (status == ABOVE) & ~falling & (revenue < threshold)
    revenue[under] = 1.001 * threshold * np.exp(0.15 * away[under])


def _steep(revenue: Floats) -> Floats:
    """Preference for a large revenue, steep enough that noise hardly matters."""
    preference: Floats = np.log(np.maximum(revenue, 1.0)) / 0.012
    return preference


def _pick(rng: np.random.Generator, candidates: Bools, preference: Floats, count: int) -> Ints:
    """``count`` of the candidates, drawn with weights exp(preference) (Gumbel keys)."""
    sites = np.flatnonzero(candidates)
    keys = preference[sites] + rng.gumbel(size=len(sites))
    return np.sort(sites[np.argsort(-keys, kind="stable")[:count]])
