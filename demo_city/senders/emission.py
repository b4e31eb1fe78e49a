"""The environment bureau (生态环境局): emissions of firms above scale."""

from __future__ import annotations

import numpy as np

from demo_city.cells import amounts
from demo_city.frame import Frame
from demo_city.senders.discharge_permit import withholders
from demo_city.world.city import City
from schemas.contract import feed


def emission(city: City, year: int) -> Frame:
    """A row for each firm above scale with a permit, less those that withhold their report: pollutants in the year."""
    contract, figures = feed("gov_emission"), city.year(year)
    sites = city.above(year)
    sites = sites[city.base.has_permit[sites] & ~np.isin(sites, withholders(city, year).site)]
    columns = {"uscc": city.uscc(sites, year), "企业/名称": city.name(sites, year)}
    for pollutant, unit in (("cod", "千克"), ("nh3n", "千克"), ("so2", "吨"), ("nox", "吨")):
        values = figures.emissions[pollutant][sites]
        columns[f"{pollutant}_t"] = amounts(contract, f"{pollutant}_t", values, unit, 3)
    return Frame(contract, str(year), "", columns)
