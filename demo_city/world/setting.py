"""Inputs that all figures of a year share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from demo_city.world.draws import Bools, Floats, Ints
from demo_city.world.figures import YI, Base
from demo_city.world.parameters import Parameters
from demo_city.world.paths import drifted
from demo_city.world.population import Population
from demo_city.world.raking import district_targets


@dataclass(frozen=True)
class Setting:
    """A year of the city: output by site, who is above scale, states and drifts of the firms. Money in 万元."""

    p: Parameters
    population: Population
    base: Base
    year: int
    #: Sites whose firm is above scale.
    above: Bools
    output: Floats
    states: dict[str, Bools]
    drift: dict[str, Floats]
    rng: np.random.Generator

    @property
    def level(self) -> float:
        """The city's growth since the base year."""
        return self.p.grown("value_added", self.year)

    @property
    def district(self) -> Ints:
        """District of each firm above scale, -1 for all others."""
        return np.where(self.above, self.population.district, -1)

    @property
    def landmark(self) -> Bools:
        landmark: Bools = (self.population.giant >= 0) & (self.population.giant < len(self.p.landmarks))
        return landmark

    def of_landmarks(self, figures: Sequence[float], growth: Floats | float = 1.0) -> Floats:
        """Figures of the landmarks in 亿元, as 万元 by site; 0 for all other sites."""
        values = np.zeros(self.population.sites)
        values[self.landmark] = (
            np.array(figures)[self.population.giant[self.landmark]] * YI * self.population.scale
        )
        return values * growth

    @property
    def free(self) -> Bools:
        """Firms above scale that are fitted to totals: all but the landmarks in the base year."""
        return self.above & ~(self.landmark & (self.year == self.p.base_year))

    @property
    def volume(self) -> Floats:
        """Each site's output against the base year."""
        grown: Floats = self.output / np.maximum(self.base.money["output"], 1e-9)
        return grown

    def total(self, key: str, level: float | None = None) -> float:
        """The city's total of the year."""
        return self.p.total(key).value * YI * self.population.scale * (self.level if level is None else level)

    def targets(self, attribute: str, total: str | None = None, level: float | None = None) -> Floats:
        """The year's targets of the districts; their shares drift, and the city's total is kept."""
        goals = district_targets(self.p, attribute, self.population.scale, total)
        goals = goals * (self.level if level is None else level)
        return drifted(self.p, goals, self.population.seed, self.year)
