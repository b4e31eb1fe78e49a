"""The energy office (能源局): energy consumption of firms above scale."""

from __future__ import annotations

import numpy as np

from demo_city.cells import amounts, take
from demo_city.frame import Frame
from demo_city.world.city import City
from schemas.contract import feed


def energy(city: City, year: int) -> Frame:
    """A row for each firm above scale: energy in the year, by equivalent and by calorific value."""
    contract, sites, figures = feed("gov_energy"), city.above(year), city.year(year)
    return Frame(
        contract,
        str(year),
        "",
        {
            "uscc": city.uscc(sites, year),
            "energy_tce": amounts(contract, "energy_tce", figures.energy[sites], "吨标准煤", 2),
            "energy_calorific_tce": amounts(
                contract, "energy_calorific_tce", figures.calorific[sites], "吨标准煤", 2
            ),
            "单位": take(["吨标准煤"], np.zeros(len(sites), dtype=np.int64)),
        },
    )
