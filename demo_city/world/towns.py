"""Towns (镇街) of the demo city's firms and parcels.

Works are rare in inner-city streets and mountain towns. A development zone lies in one town, a functional zone in the
towns that it manages. A tenant is in the town of the parcel it rents, and all parcels of a firm are in its town.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from demo_city.world.draws import Ints, stream
from demo_city.world.land import Land
from demo_city.world.parameters import Parameters
from demo_city.world.population import Population
from schemas.contract import code_list


@dataclass(frozen=True)
class Places:
    """The towns' codes and names, and positions in them by site and by parcel."""

    codes: list[str]
    names: list[str]
    site: Ints
    parcel: Ints


def draw_towns(p: Parameters, population: Population, land: Land, zone: Ints, manager: Ints) -> Places:
    """Draw the town of each site and parcel among the towns of its district that existed in the base year."""
    rng = stream(population.seed, "towns")
    towns = {c: t for c, t in code_list("town").items() if int(t["valid_from"] or 0) <= p.base_year}
    codes = list(towns)
    place = {code: number for number, code in enumerate(codes)}
    site = np.zeros(population.sites, dtype=np.int64)
    village = np.zeros(land.villages, dtype=np.int64)
    for d, district in enumerate(p.districts):
        inside = np.array([place[c] for c in codes if towns[c]["district"] == district.code])
        weight = np.array([p.towns.weight(codes[i], district.code) for i in inside])
        for drawn, here in ((site, population.district == d), (village, land.village_district == d)):
            drawn[here] = rng.choice(inside, int(here.sum()), p=weight / weight.sum())
        zones = np.array([place[c] for c in p.towns.zones[district.code]])
        in_zone = (zone >= 0) & (population.district == d)
        site[in_zone] = zones[zone[in_zone] % p.zones.per_district]
    for number, managed in enumerate(p.managing_zones):
        here = manager == number
        site[here] = rng.choice([place[c] for c in managed.towns], int(here.sum()))
    parcel = np.where(
        land.holder >= 0, site[np.maximum(land.holder, 0)], village[np.maximum(land.village, 0)]
    )
    site = np.where(land.host >= 0, parcel[np.maximum(land.host, 0)], site)
    return Places(codes, [towns[c]["zh"] for c in codes], site, parcel)
