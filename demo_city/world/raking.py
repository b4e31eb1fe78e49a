"""Raking: scales drawn figures to totals by district; fixed figures are excluded."""

from __future__ import annotations

import numpy as np

from demo_city.world.draws import Bools, Floats, Ints, scale_to
from demo_city.world.figures import YI
from demo_city.world.parameters import Parameters
from demo_city.world.population import Population
from demo_city.world.shares import fitted, odds_of

#: Largest value added of a firm against its output. Assumed.
MOST_VALUE_ADDED = 0.85


def fixed_figures(p: Parameters, population: Population, attribute: str) -> tuple[Ints, Floats]:
    """Sites of the landmarks, and their values times the scale."""
    sites = np.array([int(np.flatnonzero(population.giant == k)[0]) for k in range(len(p.landmarks))])
    return sites, np.array([getattr(m, attribute) for m in p.landmarks]) * population.scale


def raked_by_district(
    values: Floats, district: Ints, free: Bools, targets: Floats, cap: Floats | None = None
) -> Floats:
    """Scale the ``free`` firms of each district so that all its firms add up to the district's target."""
    scaled = values.copy()
    for d, target in enumerate(targets.tolist()):
        here = district == d
        moving = here & free
        if not moving.any():
            continue
        rest = max(target - values[here & ~free].sum(), 0.02 * target)
        scaled[moving] = scale_to(values[moving], rest, None if cap is None else cap[moving])
    return scaled


def raked_within(
    values: Floats, district: Ints, free: Bools, targets: Floats, least: Floats, most: Floats
) -> Floats:
    """As :func:`raked_by_district`, but each ``free`` firm stays between its limits, whatever the target."""
    scaled = values.copy()
    for d, target in enumerate(targets.tolist()):
        here = district == d
        moving = here & free
        rest = target - values[here & ~free].sum()
        scaled[moving] = scaled_within(values[moving], rest, least[moving], most[moving])
    # A district with few firms may miss its share, so fit the rest to the city's total.
    rest = targets.sum() - scaled[(district >= 0) & ~free].sum()
    scaled[free] = scaled_within(scaled[free], rest, least[free], most[free])
    return scaled


def scaled_within(values: Floats, total: float, least: Floats, most: Floats) -> Floats:
    """Multiply by one factor so that the sum is ``total``; values stop at their limits, the others take the rest.

    >>> scaled_within(np.array([1.0, 1.0, 2.0]), 9.0, np.zeros(3), np.array([9.0, 1.0, 9.0])).round(6).tolist()
    [2.666667, 1.0, 5.333333]
    """
    low, high = -10.0, 10.0
    for _ in range(60):
        middle = (low + high) / 2
        reached = float(np.clip(np.exp(middle) * values, least, most).sum())
        low, high = (middle, high) if reached < total else (low, middle)
    scaled: Floats = np.clip(np.exp(low) * values, least, most)
    return scaled


def fitted_value_added(
    share: Floats, output: Floats, value_added: Floats, district: Ints, free: Bools, targets: Floats
) -> Floats:
    """Value added with that of the ``free`` firms of each district fitted to its target, below its limit.

    Args:
        share: odds of value added against output (see ``shares.py``).
        value_added: that of the firms that are not free.
    """
    values = value_added.copy()
    for d, target in enumerate(targets.tolist()):
        here = district == d
        moving = here & free
        rest = max(target - values[here & ~free].sum(), 0.02 * target)
        values[moving] = fitted(share[moving], MOST_VALUE_ADDED, output[moving], rest)
    # A district with few firms may miss its share, so fit the rest to the city's total.
    rest = targets.sum() - values[(district >= 0) & ~free].sum()
    odds = odds_of(np.where(free, values / np.maximum(output, 1e-9), 0.0), MOST_VALUE_ADDED)
    values[free] = fitted(odds[free], MOST_VALUE_ADDED, output[free], rest)
    return values


def district_targets(p: Parameters, attribute: str, scale: float, total: str | None = None) -> Floats:
    """Targets of the districts in 万元, persons or 亩; they add up to the city's total times the scale."""
    values = np.array([getattr(d, attribute) for d in p.districts], dtype=np.float64)
    entry = p.total(total or attribute)
    unit = YI if entry.unit == "亿元" else 1.0
    scaled: Floats = values * (entry.value * unit * scale / values.sum())
    return scaled
