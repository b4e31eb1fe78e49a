"""Months and years (月度与年度): splits a year's figures into months, and joins the years' levels."""

from __future__ import annotations

import numpy as np

from demo_city.world.city import City
from demo_city.world.draws import Floats, Ints, Whole, cumulative_shares, stream
from demo_city.world.population import ABSENT

#: First year in which the monthly feeds are sent by month.
FIRST_MONTHLY_YEAR = 2024


def period_of(year: int, month: int | None) -> str:
    """Period of a month, or of the year."""
    return f"{year}-{month:02d}" if month else str(year)


def between(total: Ints, before: Floats | float, after: Floats | float) -> Ints:
    """Part of the total between two cumulative shares; the parts add up to the total exactly."""
    part: Ints = np.rint(total * after).astype(np.int64) - np.rint(total * before).astype(np.int64)
    return part


def reached(city: City, kind: str, year: int, month: int) -> tuple[Floats, Floats]:
    """Each site's cumulative share of the year before and after the month."""
    shares = _shares(city, kind, year)
    before = shares[month - 2] if month > 1 else np.zeros(city.population.sites)
    return before, shares[month - 1]


#: Years of shares kept: monthly statistics read their year and the one before.
_KEPT = 2


def _shares(city: City, kind: str, year: int) -> Floats:
    """Cumulative share of each month (month x site); drawn once for the months of a year, which follow each other."""
    if (kind, year) not in city.month_shares:
        rng = stream(city.population.seed, f"months-{kind}-{year}")
        drawn = cumulative_shares(rng, city.population.sites, 12, 0.2)
        while len(city.month_shares) >= _KEPT:
            del city.month_shares[next(iter(city.month_shares))]
        city.month_shares[kind, year] = np.ascontiguousarray(drawn.T)
    return city.month_shares[kind, year]


# --- levels: persons at work, whose number does not start anew each January --------------------------------


def persons_until(city: City, kind: str, year: int, month: int) -> Ints:
    """Sum of each site's persons over the year's months up to the month; in December twelve times the year's figure.

    Args:
        kind: a figure of the year: ``insured`` or ``employees``.
    """
    if month == 0:
        return np.zeros(city.population.sites, dtype=np.int64)
    persons: Ints = _persons(city, kind, year)[month - 1].astype(np.int64)
    return persons


def persons_in(city: City, kind: str, year: int, month: int) -> Ints:
    """Each site's persons in the month."""
    return persons_until(city, kind, year, month) - persons_until(city, kind, year, month - 1)


#: Standard deviation of a month's persons around the path between the years, as a share. Assumed.
_MONTHLY_SD = 0.01


def _persons(city: City, kind: str, year: int) -> Whole:
    """Sums of persons from January to each month (month x site), drawn once for a year; the last year's are kept."""
    if (kind, year) not in city.month_persons:
        now = _figure(city, kind, year).astype(np.float64)
        start = _joined(now, _neighbour(city, kind, year, year - 1))
        end = _joined(now, _neighbour(city, kind, year, year + 1))
        rng = stream(city.population.seed, f"months-{kind}-{year}")
        path = _path(now, start, end)
        path *= 1 + _MONTHLY_SD * rng.standard_normal(path.shape)
        sums = np.cumsum(path, axis=0)
        sums *= 12 * np.divide(now, sums[-1], out=np.zeros_like(now), where=sums[-1] > 0)
        for other in [key for key in city.month_persons if key[0] == kind]:
            del city.month_persons[other]
        city.month_persons[kind, year] = np.rint(sums).astype(np.int32)
    return city.month_persons[kind, year]


def _figure(city: City, kind: str, year: int) -> Ints:
    figures = city.year(year)
    return {"insured": figures.insured, "employees": figures.employees}[kind]


def _neighbour(city: City, kind: str, year: int, other: int) -> Floats:
    """The figure of an adjacent year; the year's own where the firm is another one or has no figure then."""
    q, now = city.population, _figure(city, kind, year)
    if other not in q.status:
        return now.astype(np.float64)
    there = _figure(city, kind, other)
    same = (q.firm[year] == q.firm[other]) & (q.status[other] != ABSENT) & (there > 0)
    return np.where(same, there, now).astype(np.float64)


def _joined(one: Floats, other: Floats) -> Floats:
    """Level at New Year between two years: the harmonic mean, so that no path falls below zero."""
    total = one + other
    return np.divide(2 * one * other, total, out=np.zeros_like(total), where=total > 0)


def _path(mean: Floats, start: Floats, end: Floats) -> Floats:
    """A parabola by month (month x site) from a start to an end, with the mean of the year.

    >>> _path(np.array([10.0]), np.array([10.0]), np.array([10.0]))[:, 0].tolist() == [10.0] * 12
    True
    """
    bend = 6 * (mean - (start + end) / 2)
    at = ((np.arange(12) + 0.5) / 12)[:, None]
    path: Floats = start + at * (end - start + bend * (1 - at))
    return np.maximum(path, 0.0)
