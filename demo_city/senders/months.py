"""Months and years (月度与年度): splits a year's figures into months."""

from __future__ import annotations

import numpy as np

from demo_city.world.city import City
from demo_city.world.draws import Floats, Ints, cumulative_shares, stream

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
    rng = stream(city.population.seed, f"months-{kind}-{year}")
    shares = cumulative_shares(rng, city.population.sites, 12, 0.2)
    before = shares[:, month - 2] if month > 1 else np.zeros(city.population.sites)
    return before, shares[:, month - 1]
