"""Raking: scales drawn figures to totals by district; fixed figures are excluded."""

from __future__ import annotations

import numpy as np

from demo_city.world.draws import Bools, Floats, Ints, scale_to
from demo_city.world.figures import YI
from demo_city.world.parameters import Parameters
from demo_city.world.population import Population


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


def district_targets(p: Parameters, attribute: str, scale: float, total: str | None = None) -> Floats:
    """Targets of the districts in 万元, persons or 亩; they add up to the city's total times the scale."""
    values = np.array([getattr(d, attribute) for d in p.districts], dtype=np.float64)
    entry = p.total(total or attribute)
    unit = YI if entry.unit == "亿元" else 1.0
    scaled: Floats = values * (entry.value * unit * scale / values.sum())
    return scaled
