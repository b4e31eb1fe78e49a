"""Water (用水) of the demo city.

Assumed, not facts: 8 to 15 m3 of water per 万元 of value added, by industry.
Irregularity for the platform to detect: a few firms have two water accounts.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from demo_city.cells import amounts, take
from demo_city.frame import Frame
from demo_city.senders.months import between, period_of, reached
from demo_city.world.city import City
from demo_city.world.draws import Ints, stream
from demo_city.world.population import ABOVE, ABSENT, LANDED, ROOMS
from schemas.contract import feed

#: m3 of water per 万元 of value added by division group. Assumed.
_WATER = {
    "17": 15.0,
    "22-23": 15.0,
    "26": 14.0,
    "28": 14.0,
    "13-15": 13.0,
    "25": 12.0,
    "31": 12.0,
    "44": 15.0,
}
#: The same for all other groups.
_WATER_ELSEWHERE = 8.0
#: Value added per revenue of firms below scale: 1,003.6 亿 / 3,900 亿.
_BELOW_VALUE_RATE = 0.257


def water(city: City, year: int, month: int | None = None) -> Frame:
    """A row for each water account: firms above scale and firms with land of their own; others use their landlord's."""
    contract, q = feed("gov_water"), city.population
    holds = (q.tenure == LANDED) | ((q.status[year] == ABOVE) & (q.tenure != ROOMS))
    # one site in a hundred has a second account, for a third of its water
    site = np.flatnonzero(holds & (q.status[year] != ABSENT))
    second = site[site % 100 == 7]
    site, number = np.concatenate([site, second]), np.repeat([0, 1], [len(site), len(second)])
    volume = yearly_water(city, year)
    if month:
        before, after = reached(city, "water", year, month)
        volume = between(volume, before, after)
    part = between(
        volume[site], number * 2 / 3, np.where(number == 1, 1.0, np.where(site % 100 == 7, 2 / 3, 1.0))
    )
    account = (site * 2 + number) * 61803399 % 10**9
    return Frame(
        contract,
        period_of(year, month),
        "",
        {
            "water_account_code": pa.array([f"W{a:09d}" for a in account.tolist()]),
            "uscc": city.uscc(site, year),
            "water_m3": amounts(contract, "water_m3", part, "立方米", 0),
            "水价类别": take(["工业用水"], np.zeros(len(site), dtype=np.int64)),
        },
    )


def yearly_water(city: City, year: int) -> Ints:
    """Cubic metres of water that each site uses in the year."""
    q, figures = city.population, city.year(year)
    rate = np.array([_WATER.get(d.group, _WATER_ELSEWHERE) for d in city.p.divisions])[q.group]
    spread = np.exp(0.25 * stream(q.seed, "water").standard_normal(q.sites) - 0.03)
    # 千元 in 万元; a firm with negative value added still uses water
    large = np.maximum(figures.money["value_added"], figures.money["output"] * 0.05) / 10
    small = figures.declared / 1e6 * _BELOW_VALUE_RATE
    value_added = np.where(q.status[year] == ABOVE, large, small)
    volume: Ints = np.rint(value_added * rate * spread).astype(np.int64)
    return volume
