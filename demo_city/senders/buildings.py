"""Buildings (工业楼宇): each has a share of its parcel's floor area, as in the land survey.

The plot ratio is 1.2, and higher after a rebuilding, which replaces all buildings of the parcel: the new ones have
numbers of their own.

Irregularities for the platform to detect: 2 % of the buildings have a blank vacancy, and 1 % are reported as
wholly let although a part is vacant.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from demo_city.cells import amounts, dates, days_in_year, decimals, take
from demo_city.frame import Frame
from demo_city.senders.land import land_uses, parcel_codes
from demo_city.senders.months import between
from demo_city.senders.parks import parks
from demo_city.world.city import City
from demo_city.world.draws import Bools, Floats, Ints, stream
from schemas.contract import feed

#: A parcel has one building more for each of these areas (0.01 mu) that it exceeds. Assumed.
_MORE_BUILDINGS = (1_000, 4_000, 16_000)
#: Years from the grant of land to the first building. Assumed.
_BUILDING_YEARS = 2
#: Storeys that a rebuilt works has at least.
_LEAST_STOREYS = 4


@dataclass(frozen=True)
class Buildings:
    """Buildings by number."""

    parcel: Ints
    #: Cumulative share of the parcel's floor before and after this building.
    before: Floats
    after: Floats

    def split(self, by_parcel: Ints) -> Ints:
        """Each parcel's amount, distributed over its buildings; the sums are exact."""
        return between(by_parcel[self.parcel], self.before, self.after)

    @property
    def number(self) -> Ints:
        """Each building's number on its parcel, from 0."""
        return np.arange(len(self.parcel)) - np.searchsorted(self.parcel, self.parcel)


def buildings(city: City) -> Buildings:
    """All buildings of all years; larger parcels have up to four."""
    land, rng = city.land, stream(city.population.seed, "buildings")
    count = 1 + sum((land.area > more).astype(np.int64) for more in _MORE_BUILDINGS)
    parcel = np.repeat(np.arange(land.parcels), count)
    first = np.cumsum(count) - count
    weight = rng.uniform(0.5, 1.5, len(parcel))
    running = np.cumsum(weight)
    start = (running - weight)[first][parcel]
    total = np.bincount(parcel, weights=weight)[parcel]
    before, after = (running - weight - start) / total, (running - start) / total
    last = np.append(first[1:], len(parcel)) - 1
    before[first], after[last] = 0.0, 1.0
    return Buildings(parcel, before, after)


def floor_areas(city: City, every: Buildings, year: int) -> Ints:
    """Floor area of each building in the year, square metres."""
    return every.split(city.land.area * city.land_in(year).floor_per_land)


def standing(city: City, every: Buildings, year: int) -> Bools:
    """Whether each building exists at the end of the year: its parcel exists and is no longer under construction."""
    now = city.land_in(year)
    exists: Bools = (now.exists & now.is_built)[every.parcel]
    return exists


def building(city: City, year: int) -> Frame:
    """A row for each building that exists in the year: its floor area, and the part that is let."""
    contract, land, park = feed("gov_building"), city.land, parks(city)
    now, every = city.land_in(year), buildings(city)
    every_floor = floor_areas(city, every, year)
    uses = land_uses(city, year)
    let, own = (
        np.bincount(uses.parcel[rows], weights=uses.area[rows], minlength=land.parcels).astype(np.int64)
        * now.floor_per_land
        for rows in (uses.kind > 0, uses.kind == 0)
    )
    rng = stream(city.population.seed, "building-facts")
    floors = rng.choice(
        [1, 2, 3, 4, 5, 6, 8, 12], len(every.parcel), p=[0.3, 0.2, 0.2, 0.1, 0.1, 0.05, 0.03, 0.02]
    )
    day, later = rng.random(len(every.parcel)), rng.integers(1, _BUILDING_YEARS + 1, len(every.parcel))
    at = np.flatnonzero(standing(city, every, year))
    parcel, floor = every.parcel[at], every_floor[at]
    let_here = np.minimum(every.split(let)[at], floor)
    vacant = np.clip(floor - let_here - every.split(own)[at], 0, None)
    noise = stream(city.population.seed, f"building-noise-{year}").random(len(every.parcel))[at]
    share = np.where((noise < 0.01) & (vacant > 0), 10_000, let_here * 10_000 // floor)
    is_new = now.rebuilt[parcel] > 0
    built_year = np.where(land.is_bare, land.ready, land.acquired)[parcel]
    built_year = np.minimum(built_year + np.where(land.is_bare[parcel], 0, later[at]), year)
    built_year = np.where(is_new, now.rebuilt[parcel], built_year)
    storeys = np.where(is_new, np.maximum(floors[at], _LEAST_STOREYS), floors[at])
    return Frame(
        contract,
        str(year),
        "",
        {
            "building_code": pa.compute.binary_join_element_wise(
                parcel_codes(city).take(pa.array(parcel)),
                take([f"F{n:04d}" for n in range(1, 11)], every.number[at] + 5 * is_new),
                "",
            ),
            "parcel_id": parcel_codes(city).take(pa.array(parcel)),
            "reported_district_code": take([d.code for d in city.p.districts], land.district[parcel]),
            "park_code": take(park.codes, park.small_of_parcel[parcel]),
            "area_part_code": take(park.codes, park.part_of_parcel[parcel]),
            "building_area_m2": amounts(contract, "building_area_m2", floor, "平方米", 0),
            "floor_count": decimals(storeys, 0),
            "built_date": dates(contract, "built_date", days_in_year(built_year, day[at])),
            "let_share_pct": decimals(share, 2),
            "vacant_area_m2": amounts(contract, "vacant_area_m2", vacant, "平方米", 0, blank=noise > 0.98),
        },
    )
