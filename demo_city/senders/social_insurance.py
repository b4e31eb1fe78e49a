"""The social insurance office (人力资源和社会保障局): insured persons."""

from __future__ import annotations

import pyarrow as pa

from demo_city.cells import amounts
from demo_city.frame import Frame
from demo_city.senders.months import period_of, persons_in
from demo_city.world.city import City
from schemas.contract import feed


def social_insurance(city: City, year: int, month: int | None = None) -> Frame:
    """A row for each firm: insured persons in the year or month."""
    contract, q = feed("gov_social_insurance"), city.population
    sites = q.in_year(year)
    persons = persons_in(city, "insured", year, month) if month else city.year(year).insured
    return Frame(
        contract,
        period_of(year, month),
        "",
        {
            "uscc": city.uscc(sites, year),
            "单位编号": pa.array(30_000_000 + sites).cast(pa.string()),
            "insured_count": amounts(contract, "insured_count", persons[sites], "人", 0),
        },
    )
