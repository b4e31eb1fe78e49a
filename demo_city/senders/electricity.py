"""The power supplier (供电公司): electricity of each meter account."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from demo_city.cells import amounts
from demo_city.frame import Frame
from demo_city.senders.months import between, period_of, reached
from demo_city.world.city import City
from demo_city.world.draws import Ints
from demo_city.world.population import ABSENT
from schemas.contract import feed


def meter_accounts(city: City, meters: Ints) -> pa.Array:
    """Account codes, 33 and eight digits; they are unique because 61,803,399 is coprime to 10^8."""
    return pa.array(33 * 10**8 + (meters * 61803399 + city.population.seed) % 10**8).cast(pa.string())


def electricity(city: City, year: int, month: int | None = None) -> Frame:
    """A row for each meter account: its electricity in the year or month."""
    contract, q = feed("gov_electricity"), city.population
    power = city.year(year).power
    meters = np.flatnonzero(q.status[year][city.meter_site] != ABSENT)
    sites = city.meter_site[meters]
    kwh = np.rint(power[sites] * city.meter_share[meters]).astype(np.int64)
    if month:
        before, after = reached(city, "power", year, month)
        kwh = between(kwh, before[sites], after[sites])
    return Frame(
        contract,
        period_of(year, month),
        "",
        {
            "meter_account_code": meter_accounts(city, meters),
            "户名": city.name(sites, year),
            "uscc": city.uscc(sites, year),
            "power_kwh": amounts(contract, "power_kwh", kwh, "万千瓦时", 4),
        },
    )
