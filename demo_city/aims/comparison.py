"""A built city set beside its aims."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from demo_city.aims.aims import Aim, Group, Interval, groups
from demo_city.aims.built import Built
from demo_city.aims.measures import MEASURES
from demo_city.world.city import City, build_city
from demo_city.world.parameters import parameters
from schemas.errors import UsageError

#: In a smaller city, shares rest on too few firms to be judged.
LEAST_SCALE = 0.1


@dataclass(frozen=True)
class Outcome:
    """An aim and what the built city has: one value for each of its years."""

    aim: Aim
    bound: Interval | None
    values: tuple[float, ...]

    @property
    def years(self) -> range:
        first, last = self.aim.years
        return range(first, last + 1)

    @property
    def missed(self) -> tuple[int, ...]:
        """Years whose value is outside the bound."""
        if self.bound is None:
            return ()
        return tuple(y for y, v in zip(self.years, self.values, strict=True) if not _within(v, self.bound))

    def rows(self) -> list[dict[str, Any]]:
        """A record for each year."""
        aim = self.aim
        return [
            {
                "key": aim.key,
                "title_zh": aim.title.zh,
                "title_en": aim.title.en,
                "unit": aim.unit,
                "year": year,
                "aimed": aim.aim,
                "built": value,
                "bound": self.bound,
                "is_kept": None if self.bound is None else year not in self.missed,
                "source_mark": aim.source.mark,
                "source": aim.source.text,
            }
            for year, value in zip(self.years, self.values, strict=True)
        ]


def _within(value: float, bound: Interval) -> bool:
    """Whether a value keeps a bound; no number never does."""
    low, high = bound
    return not math.isnan(value) and (low is None or value >= low) and (high is None or value <= high)


def measured(city: City, aim: Aim, built: Built | None = None) -> Outcome:
    """One aim set beside a city."""
    seen = built or Built(city)
    first, last = aim.years
    values = (MEASURES[aim.measure](seen, year, **aim.arguments) for year in range(first, last + 1))
    return Outcome(aim, aim.bound_at(seen.scale), tuple(values))


def compare_with_aims(city: City) -> tuple[tuple[Group, tuple[Outcome, ...]], ...]:
    """All aims set beside a city, group by group."""
    built = Built(city)
    return tuple((group, tuple(measured(city, aim, built) for aim in group.aims)) for group in groups())


def city_for_aims(seed: int, scale: float) -> City:
    """A city built for this comparison, in memory.

    Raises:
        UsageError: the scale is too small.
    """
    if scale < LEAST_SCALE:
        raise UsageError(
            f"scale {scale}: give at least {LEAST_SCALE}; in a smaller city too few firms make a share"
        )
    return build_city(parameters(), seed, scale)
