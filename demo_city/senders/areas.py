"""Parks and zones (园区、开发区) as their managers report them.

Irregularity for the platform to detect: some parks have no star rating.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from demo_city.cells import amounts, dates, days_in_year, decimals, take, words
from demo_city.frame import Frame
from demo_city.senders.buildings import buildings, floor_areas, standing
from demo_city.senders.land import land_uses
from demo_city.senders.parks import Parks, parks
from demo_city.world.city import City
from demo_city.world.draws import Ints, stream
from schemas.contract import code_list, feed


def park(city: City, year: int) -> Frame:
    """A row for each park: its land, buildings and residents."""
    contract, land, layout = feed("gov_park"), city.land, parks(city)
    now, every = city.land_in(year), buildings(city)
    stand, floor_of = standing(city, every, year), floor_areas(city, every, year)
    floor = np.bincount(every.parcel[stand], weights=floor_of[stand], minlength=land.parcels).astype(np.int64)
    uses = land_uses(city, year)
    used = np.bincount(uses.parcel, weights=uses.area, minlength=land.parcels).astype(np.int64)
    used *= now.floor_per_land
    parcel = np.flatnonzero(now.exists)
    n = len(layout.codes)
    area, floors, occupied = (
        _by_park(layout, parcel, amount[parcel]) for amount in (land.area, floor, np.minimum(used, floor))
    )
    share = occupied * 10_000 // np.maximum(floors, 1)
    stars = stream(city.population.seed, "park-stars").integers(0, 6, n)
    names = ("示范{}号小微企业园（合成）", "示范{}号工业集聚区（合成）", "示范集聚区{}分片（合成）")
    titles = [
        city.p.districts[d].name + names[k].format(code[-3:])
        for d, k, code in zip(layout.district.tolist(), layout.kind.tolist(), layout.codes, strict=True)
    ]
    kinds = ["small_micro", "industrial_area", "area_part"]
    return Frame(
        contract,
        str(year),
        "",
        {
            "park_code": pa.array(layout.codes),
            "park_name": pa.array(titles),
            "park_kind_code": words(contract, "park_kind_code", kinds, layout.kind),
            "parent_park_code": take(layout.codes, layout.parent),
            "reported_district_code": take([d.code for d in city.p.districts], layout.district),
            "park_area_mu": amounts(contract, "park_area_mu", area, "亩", 2),
            "building_area_m2": amounts(contract, "building_area_m2", floors, "平方米", 0),
            "resident_firm_count": decimals(_residents(layout, uses.parcel, uses.site), 0),
            "occupancy_pct": decimals(share, 2, floors == 0),
            "star_count": decimals(stars, 0, (layout.kind != 0) | (stars == 0)),
            "recognised_date": _recognised(city, layout, year),
            "备注": pa.nulls(n, pa.string()),
        },
    )


def _recognised(city: City, layout: Parks, year: int) -> pa.Array:
    """Day on which each park for small firms was recognised; one in eight in the city's years."""
    rng, n = stream(city.population.seed, "park-recognition"), len(layout.codes)
    since = np.where(rng.random(n) < 0.125, city.p.base_year + rng.integers(0, 6, n), city.p.base_year - 4)
    days = days_in_year(since, rng.random(n))
    contract = feed("gov_park")
    return dates(contract, "recognised_date", days, (layout.kind != 0) | (since > year))


#: Spread of a park's points around its own level, and of the level around the mean. Assumed.
_MEAN, _LEVEL, _SPREAD = 72.0, 9.0, 7.0


def park_assessment(city: City, year: int) -> Frame:
    """A row for each park for small firms and dimension; 1 % of the marks are not given."""
    contract, layout = feed("gov_park_assessment"), parks(city)
    small = np.flatnonzero(layout.kind == 0)
    dimensions = list(code_list("park_dimension"))
    level = _MEAN + _LEVEL * stream(city.population.seed, "park-levels").standard_normal(len(small))
    rng = stream(city.population.seed, f"park-points-{year}")
    points = level[:, None] + _SPREAD * rng.standard_normal((len(small), len(dimensions)))
    points = np.clip(np.rint(points * 2) / 2, 20, 100)
    given = np.flatnonzero(rng.random(points.size) >= 0.01)
    park, dimension = np.divmod(given, len(dimensions))
    titles = [
        f"{city.p.districts[layout.district[k]].name}示范{layout.codes[k][-3:]}号小微企业园（合成）"
        for k in small.tolist()
    ]
    return Frame(
        contract,
        str(year),
        "",
        {
            "park_code": take([layout.codes[k] for k in small.tolist()], park),
            "园区名称": take(titles, park),
            "park_dimension_code": words(contract, "park_dimension_code", dimensions, dimension),
            "reported_district_code": take([d.code for d in city.p.districts], layout.district[small][park]),
            "dimension_points": decimals(np.rint(points.ravel()[given] * 10).astype(np.int64), 1),
        },
    )


def _by_park(layout: Parks, parcel: Ints, amount: Ints) -> Ints:
    """Sum of the parcels' amounts by park, area and part."""
    total = np.zeros(len(layout.codes), dtype=np.int64)
    for at, number in layout.members(parcel):
        np.add.at(total, number, amount[at])
    return total


def _residents(layout: Parks, parcel: Ints, site: Ints) -> Ints:
    """Number of distinct firms that use land in each park."""
    count = np.zeros(len(layout.codes), dtype=np.int64)
    for at, number in layout.members(parcel):
        pairs = np.unique(np.stack([number, site[at]]), axis=1)
        np.add.at(count, pairs[0], 1)
    return count


def zone(city: City, year: int) -> Frame:
    """A row for each zone that other feeds refer to; its planned area is 1.4 to 2.2 times the area of its parcels."""
    contract, land = feed("gov_zone"), city.land
    rng = stream(city.population.seed, "zone-plans")
    n, per_district = len(city.zone_codes), city.p.zones.per_district
    inside = land.zone >= 0
    area = np.bincount(land.zone[inside], weights=land.area[inside], minlength=n)
    # 0.01 mu to whole hectares (15 mu each), at least ten
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
    in_english = [
        f"{code_list('district')[city.p.districts[d].code]['en']} Demonstration Development Zone {k + 1} (synthetic)"
        for d, k in zip(district.tolist(), number.tolist(), strict=True)
    ]
    return Frame(
        contract,
        str(year),
        "",
        {
            "zone_code": pa.array(city.zone_codes),
            "zone_name": pa.array(titles),
            "zone_name_en": pa.array(in_english),
            "level_code": words(contract, "level_code", ["national", "provincial"], np.minimum(number, 1)),
            "reported_district_code": take([d.code for d in city.p.districts], district),
            "planned_area_mu": amounts(contract, "planned_area_mu", hectares, "公顷", 0),
            "leading_division_code": pa.array(first),
            "second_division_code": pa.array(second),
        },
    )
