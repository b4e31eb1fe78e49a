"""Parks (园区) and the parcels that belong to them.

A small park has parcels of its own. A part of an industrial area has the parcels of a zone, and
others of its district.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from demo_city.world.city import City
from demo_city.world.draws import Ints, shares_to_counts, stream
from demo_city.world.land import LET_WHOLLY


@dataclass(frozen=True)
class Parks:
    """Small parks, areas and parts of areas, in this order; and the small park and the part of each parcel."""

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


#: 131 parks for small firms at scale 1, and 20 key industrial areas with 57 parts at every scale; the counts are
#: printed in 宁波市制造业高质量发展"十四五"规划.
SMALL_PARKS, AREAS, AREA_PARTS = 131, 20, 57


def parks(city: City) -> Parks:
    """Lay out the parks; 40 % of the wholly let parcels are in a park for small firms."""
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
        # in turn, so that each park has a parcel before any has two
        park[chosen] = first[d] + np.arange(len(chosen)) % count
    return np.repeat(np.arange(len(counts)), counts), park


def _parts_of_parcels(city: City, first_part: Ints, parts: Ints) -> Ints:
    """Area part of each parcel, -1 for none: a zone's parcels share one, half of the others have one.

    The others take the parts of their district in turn, so that small cities, too, have parcels in each area.
    """
    land, rng = city.land, stream(city.population.seed, "area-parts")
    zone = land.zone
    outside = rng.permutation(np.flatnonzero(zone < 0))
    outside = outside[np.argsort(land.district[outside], kind="stable")]
    turn = np.zeros(land.parcels, dtype=np.int64)
    turn[outside] = np.arange(len(outside)) - np.searchsorted(land.district[outside], land.district[outside])
    inside = (zone >= 0) | (turn % 2 == 0)
    within = np.where(zone >= 0, zone % city.p.zones.per_district, turn // 2) % parts[land.district]
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
