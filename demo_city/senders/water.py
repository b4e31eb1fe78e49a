"""Water (用水) of the demo city.

Assumed, not facts: process water follows the output, by industry; each person at work uses some more.
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

#: m3 of process water per 万元 of output by division group. Assumed.
_WATER = {
    "16": 0.1,
    "17": 5.0,
    "22-23": 4.0,
    "26": 3.5,
    "28": 4.0,
    "13-15": 4.0,
    "25": 1.5,
    "27": 3.0,
    "30": 2.5,
    "31": 2.5,
    "44": 4.0,
}
#: The same for all other groups.
_WATER_ELSEWHERE = 1.0
#: m3 that a person at work uses in a year, canteen and dormitory included. Assumed.
_WATER_PER_PERSON = 60.0


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
    # 千元 and 0.01 yuan in 万元
    above = q.status[year] == ABOVE
    made = np.where(above, figures.money["output"] / 10, figures.declared / 1e6)
    persons = np.where(above, figures.employees, figures.insured)
    volume: Ints = np.rint((made * rate + persons * _WATER_PER_PERSON) * spread).astype(np.int64)
    return volume
