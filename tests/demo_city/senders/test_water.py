"""Water: volume per value added, months, and firms with two accounts."""

from __future__ import annotations

from collections import Counter

import numpy as np

from demo_city.senders.water import water, yearly_water
from demo_city.world.city import City
from demo_city.world.population import ABOVE
from tests.demo_city.senders.test_places import rows
from tests.demo_city.sent_city import Sent


def test_water_per_value_added_is_plausible(city: City) -> None:
    above = city.population.status[2022] == ABOVE
    value_added = city.year(2022).money["value_added"][above].sum() / 10  # 千元 in 万元
    per_wan_yuan = yearly_water(city, 2022)[above].sum() / value_added
    assert 8 < per_wan_yuan < 15


def test_months_of_water_add_up_to_the_year(city: City) -> None:
    total: Counter[str] = Counter()
    for month in range(1, 13):
        cells = water(city, 2024, month).columns
        for uscc, cubic in zip(cells["uscc"].to_pylist(), cells["water_m3"].to_pylist(), strict=True):
            total[uscc] += cubic
    sites = np.flatnonzero(city.population.firm[2024] >= 0)
    year = dict(
        zip(city.uscc(sites, 2024).to_pylist(), yearly_water(city, 2024)[sites].tolist(), strict=True)
    )
    off = {uscc: (cubic, year[uscc]) for uscc, cubic in total.items() if abs(cubic - year[uscc]) > 12}
    assert len(total) > 1000 and off == {}


def test_some_firms_have_two_water_accounts(sent: Sent) -> None:
    cells = rows(sent, "water_2022.csv")
    accounts = [c["用水户号"] for c in cells]
    assert len(accounts) == len(set(accounts))
    firms = Counter(c["社会信用代码"] for c in cells)
    assert set(firms.values()) == {1, 2}
    assert {c["用水户号"] for c in rows(sent, "water_2021.csv")} & set(accounts)


def test_water_follows_output_not_value_added(city: City) -> None:
    q, volume = city.population, yearly_water(city, 2022)
    tobacco = int(np.flatnonzero(q.giant == 0)[0])
    output = city.year(2022).money["output"][tobacco] / 10  # 千元 in 万元
    assert 0 < volume[tobacco] < 1.0 * output
