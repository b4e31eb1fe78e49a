"""Buildings, parks and zones (工业楼宇、园区、开发区): where the demo city's firms are.

All follow from the parcels: a building has its share of the parcel's floor area (plot ratio 1.2, as in the
land survey), a park its parcels, a part of an industrial area the parcels of a zone or near it.

Irregularities, for the platform to find: 2 % of the buildings have no vacancy, and 1 % are reported as wholly
let though a part is vacant; parks are partly without stars.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from demo_city.delivery import Frame, amounts, dates, days_in_year, decimals, take, words
from demo_city.senders.land import land_uses, parcel_codes
from demo_city.senders.months import between
from demo_city.world.city import City
from demo_city.world.draws import Bools, Floats, Ints, shares_to_counts, stream
from demo_city.world.land import LET_WHOLLY
from schemas.contract import feed

#: 131 parks for small firms at scale 1, and 20 key industrial areas with 57 parts at every scale: printed in
#: 宁波市制造业高质量发展"十四五"规划.
SMALL_PARKS, AREAS, AREA_PARTS = 131, 20, 57
#: Square metres of floor on 0.01 mu of land at a plot ratio of 1.2.
FLOOR_PER_LAND = 8
#: A parcel with more land than this (0.01 mu) has one building more. Assumed.
_MORE_BUILDINGS = (1_000, 4_000, 16_000)
#: Years from the grant of land to the first building. Assumed.
_BUILDING_YEARS = 2


@dataclass(frozen=True)
class Parks:
    """Small parks, then areas, then their parts, by number; and the small park and part of each parcel."""

    district: Ints
    #: 0 small park, 1 area, 2 part of an area
    kind: Ints
    #: Number of the area that a part belongs to, -1 for others.
    parent: Ints
    codes: list[str]
    small_of_parcel: Ints
    part_of_parcel: Ints

    def members(self, parcel: Ints) -> list[tuple[Ints, Ints]]:
        """Pairs of (position in ``parcel``, park) for each of the three kinds."""
        pairs = []
        part = self.part_of_parcel[parcel]
        area = np.where(part >= 0, self.parent[np.maximum(part, 0)], -1)
        for park in (self.small_of_parcel[parcel], area, part):
            at = np.flatnonzero(park >= 0)
            pairs.append((at, park[at]))
        return pairs


def parks(city: City) -> Parks:
    """Lay out the parks; 40 % of the wholly let parcels lie in one for small firms."""
    small_district, small = _small_parks(city)
    areas = np.repeat(np.arange(len(city.p.districts)), AREAS // len(city.p.districts))
    parts = shares_to_counts([d.land for d in city.p.districts], AREA_PARTS, minimum=2)
    part_district = np.repeat(np.arange(len(parts)), parts)
    first_part = np.cumsum(parts) - parts
    number = np.arange(AREA_PARTS) - first_part[part_district]
    n = len(small_district)
    district = np.concatenate([small_district, areas, part_district])
    kind = np.repeat([0, 1, 2], [n, AREAS, AREA_PARTS])
    parent = np.full(len(kind), -1)
    per_district = AREAS // len(city.p.districts)
    parent[n + AREAS :] = n + part_district * per_district + number % per_district
    part = _parts_of_parcels(city, first_part, parts)
    return Parks(
        district=district,
        kind=kind,
        parent=parent,
        codes=_park_codes(city, district, kind),
        small_of_parcel=small,
        part_of_parcel=np.where(part >= 0, part + n + AREAS, -1),
    )


def _small_parks(city: City) -> tuple[Ints, Ints]:
    """District of each park for small firms, and the park of every parcel (-1: none)."""
    land, rng = city.land, stream(city.population.seed, "parks")
    let = np.flatnonzero((land.kind == LET_WHOLLY) & (land.created == city.p.base_year))
    here = np.bincount(land.district[let], minlength=len(city.p.districts))
    wanted = max(len(here), round(SMALL_PARKS * city.population.scale))
    counts = np.minimum(shares_to_counts(here.astype(np.float64), wanted, minimum=1), here)
    first = np.cumsum(counts) - counts
    park = np.full(land.parcels, -1)
    for d, count in enumerate(counts.tolist()):
        parcels = rng.permutation(let[land.district[let] == d])
        chosen = parcels[: max(count, round(0.4 * len(parcels)))]
        # each park has a parcel before one has two
        park[chosen] = first[d] + np.arange(len(chosen)) % count
    return np.repeat(np.arange(len(counts)), counts), park


def _parts_of_parcels(city: City, first_part: Ints, parts: Ints) -> Ints:
    """Part of an industrial area of each parcel: all parcels of a zone lie in one, others half of the time."""
    land, rng = city.land, stream(city.population.seed, "area-parts")
    zone = np.where(land.holder >= 0, city.zone[np.maximum(land.holder, 0)], -1)
    drawn = rng.integers(0, 10**6, land.parcels)
    inside = (zone >= 0) | (rng.random(land.parcels) < 0.5)
    within = np.where(zone >= 0, zone % city.p.zones.per_district, drawn) % parts[land.district]
    return np.where(inside, first_part[land.district] + within, -1)


def _park_codes(city: City, district: Ints, kind: Ints) -> list[str]:
    """District, a letter (P park, Q area, F part) and a number."""
    letters = "PQF"
    serial = [0, 0, 0]
    codes = []
    for d, k in zip(district.tolist(), kind.tolist(), strict=True):
        serial[k] += 1
        codes.append(f"{city.p.districts[d].code}{letters[k]}{serial[k]:03d}")
    return codes


# --- gov_building ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Buildings:
    """Buildings by number. Floor areas in square metres."""

    parcel: Ints
    floor: Ints
    #: Floor of the parcel's buildings before this one, and with it, as shares.
    before: Floats
    after: Floats

    def split(self, by_parcel: Ints) -> Ints:
        """An amount of each parcel, spread over its buildings; the sums are exact."""
        return between(by_parcel[self.parcel], self.before, self.after)

    @property
    def number(self) -> Ints:
        """Each building's number on its parcel, from 0."""
        return np.arange(len(self.parcel)) - np.searchsorted(self.parcel, self.parcel)


def buildings(city: City) -> Buildings:
    """All buildings that ever stand; larger parcels have up to four."""
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
    floor = between((land.area * FLOOR_PER_LAND)[parcel], before, after)
    return Buildings(parcel, floor, before, after)


def standing(city: City, all_of_them: Buildings, year: int) -> Bools:
    """Which buildings stand at the end of the year: those of parcels that are not being built on."""
    land = city.land
    built = land.created + np.where(land.in_construction, _BUILDING_YEARS, 0) <= year
    found: Bools = built[all_of_them.parcel]
    return found


def building(city: City, year: int) -> Frame:
    contract, land, park = feed("gov_building"), city.land, parks(city)
    every = buildings(city)
    uses = land_uses(city, year)
    let, own = (
        np.bincount(uses.parcel[rows], weights=uses.area[rows], minlength=land.parcels).astype(np.int64)
        * FLOOR_PER_LAND
        for rows in (uses.kind > 0, uses.kind == 0)
    )
    rng = stream(city.population.seed, "building-facts")
    floors = rng.choice(
        [1, 2, 3, 4, 5, 6, 8, 12], len(every.parcel), p=[0.3, 0.2, 0.2, 0.1, 0.1, 0.05, 0.03, 0.02]
    )
    day, later = rng.random(len(every.parcel)), rng.integers(1, _BUILDING_YEARS + 1, len(every.parcel))
    at = np.flatnonzero(standing(city, every, year))
    let_here = np.minimum(every.split(let)[at], every.floor[at])
    vacant = np.clip(every.floor[at] - let_here - every.split(own)[at], 0, None)
    noise = stream(city.population.seed, f"building-noise-{year}").random(len(every.parcel))[at]
    share = np.where((noise < 0.01) & (vacant > 0), 10_000, let_here * 10_000 // every.floor[at])
    parcel = every.parcel[at]
    built_year = np.minimum(land.acquired[parcel] + later[at], year)
    return Frame(
        contract,
        str(year),
        "",
        {
            "building_code": pa.compute.binary_join_element_wise(
                parcel_codes(city).take(pa.array(parcel)),
                take([f"F{n:04d}" for n in range(1, 6)], every.number[at]),
                "",
            ),
            "parcel_id": parcel_codes(city).take(pa.array(parcel)),
            "reported_district_code": take([d.code for d in city.p.districts], land.district[parcel]),
            "park_code": take(park.codes, park.small_of_parcel[parcel]),
            "area_part_code": take(park.codes, park.part_of_parcel[parcel]),
            "building_area_m2": amounts(contract, "building_area_m2", every.floor[at], "平方米", 0),
            "floor_count": decimals(floors[at], 0),
            "built_date": dates(contract, "built_date", days_in_year(built_year, day[at])),
            "let_share_pct": decimals(share, 2),
            "vacant_area_m2": amounts(contract, "vacant_area_m2", vacant, "平方米", 0, blank=noise > 0.98),
        },
    )


# --- gov_park ----------------------------------------------------------------------------------------


def park(city: City, year: int) -> Frame:
    contract, land, found = feed("gov_park"), city.land, parks(city)
    every = buildings(city)
    stand = standing(city, every, year)
    floor = np.bincount(every.parcel[stand], weights=every.floor[stand], minlength=land.parcels).astype(
        np.int64
    )
    uses = land_uses(city, year)
    used = (
        np.bincount(uses.parcel, weights=uses.area, minlength=land.parcels).astype(np.int64) * FLOOR_PER_LAND
    )
    there = np.flatnonzero(land.created <= year)
    n = len(found.codes)
    area, floors, busy = (
        _by_park(found, there, amount[there]) for amount in (land.area, floor, np.minimum(used, floor))
    )
    share = busy * 10_000 // np.maximum(floors, 1)
    stars = stream(city.population.seed, "park-stars").integers(0, 6, n)
    names = ("示范{}号小微企业园（合成）", "示范{}号工业集聚区（合成）", "示范集聚区{}分片（合成）")
    titles = [
        city.p.districts[d].name + names[k].format(code[-3:])
        for d, k, code in zip(found.district.tolist(), found.kind.tolist(), found.codes, strict=True)
    ]
    kinds = ["small_micro", "industrial_area", "area_part"]
    return Frame(
        contract,
        str(year),
        "",
        {
            "park_code": pa.array(found.codes),
            "park_name": pa.array(titles),
            "park_kind_code": words(contract, "park_kind_code", kinds, found.kind),
            "parent_park_code": take(found.codes, found.parent),
            "reported_district_code": take([d.code for d in city.p.districts], found.district),
            "park_area_mu": amounts(contract, "park_area_mu", area, "亩", 2),
            "building_area_m2": amounts(contract, "building_area_m2", floors, "平方米", 0),
            "resident_firm_count": decimals(_residents(found, uses.parcel, uses.site), 0),
            "occupancy_pct": decimals(share, 2, floors == 0),
            "star_count": decimals(stars, 0, (found.kind != 0) | (stars == 0)),
            "备注": pa.nulls(n, pa.string()),
        },
    )


def _by_park(found: Parks, parcel: Ints, amount: Ints) -> Ints:
    """Sum of the parcels' amounts by park, area and part."""
    total = np.zeros(len(found.codes), dtype=np.int64)
    for at, number in found.members(parcel):
        np.add.at(total, number, amount[at])
    return total


def _residents(found: Parks, parcel: Ints, site: Ints) -> Ints:
    """Different firms that use land in each park."""
    count = np.zeros(len(found.codes), dtype=np.int64)
    for at, number in found.members(parcel):
        pairs = np.unique(np.stack([number, site[at]]), axis=1)
        np.add.at(count, pairs[0], 1)
    return count


# --- gov_zone ----------------------------------------------------------------------------------------


def zone(city: City, year: int) -> Frame:
    """The zones that the other feeds' zone codes name; planned for 1.4 to 2.2 times the land of their parcels."""
    contract, land = feed("gov_zone"), city.land
    rng = stream(city.population.seed, "zone-plans")
    n, per_district = len(city.zone_codes), city.p.zones.per_district
    of_parcel = np.where(land.holder >= 0, city.zone[np.maximum(land.holder, 0)], -1)
    inside = of_parcel >= 0
    area = np.bincount(of_parcel[inside], weights=land.area[inside], minlength=n)
    # 0.01 mu in hectares: 15 mu are one; whole hectares, ten at least
    hectares = np.maximum(np.rint(area * rng.uniform(1.4, 2.2, n) / 1500), 10).astype(np.int64)
    district, number = np.divmod(np.arange(n), per_district)
    leading = [city.p.districts[d].leading for d in district.tolist()]
    first = [f"{codes[k]:02d}" for codes, k in zip(leading, number.tolist(), strict=True)]
    second = [
        f"{codes[k + per_district]:02d}" if len(codes) > k + per_district else None
        for codes, k in zip(leading, number.tolist(), strict=True)
    ]
    titles = [
        f"{city.p.districts[d].name}示范第{k + 1}开发区（合成）"
        for d, k in zip(district.tolist(), number.tolist(), strict=True)
    ]
    return Frame(
        contract,
        str(year),
        "",
        {
            "zone_code": pa.array(city.zone_codes),
            "zone_name": pa.array(titles),
            "level_code": words(contract, "level_code", ["national", "provincial"], np.minimum(number, 1)),
            "reported_district_code": take([d.code for d in city.p.districts], district),
            "planned_area_mu": amounts(contract, "planned_area_mu", hectares, "公顷", 0),
            "leading_division_code": pa.array(first),
            "second_division_code": pa.array(second),
        },
    )
