"""Months and years (月度与年度): what of a year's figures falls into a month."""

from __future__ import annotations

import numpy as np

from demo_city.world.city import City
from demo_city.world.draws import Floats, Ints, cumulative_shares, stream

#: From this year on the monthly feeds come by month.
FIRST_MONTHLY_YEAR = 2024


def period_of(year: int, month: int | None) -> str:
    """Name of a month, or of the year."""
    return f"{year}-{month:02d}" if month else str(year)


def between(total: Ints, before: Floats | float, after: Floats | float) -> Ints:
    """What falls between two shares of the year; all months add up to the total exactly."""
    part: Ints = np.rint(total * after).astype(np.int64) - np.rint(total * before).astype(np.int64)
    return part


def reached(city: City, kind: str, year: int, month: int) -> tuple[Floats, Floats]:
    """Each site's share of the year reached before and after the month."""
    rng = stream(city.population.seed, f"months-{kind}-{year}")
    shares = cumulative_shares(rng, city.population.sites, 12, 0.2)
    before = shares[:, month - 2] if month > 1 else np.zeros(city.population.sites)
    return before, shares[:, month - 1]
