"""The tax authority (税务局): taxes paid and revenue declared."""

from __future__ import annotations

import numpy as np

from demo_city.cells import amounts, take
from demo_city.frame import Frame
from demo_city.senders.months import between, period_of, reached
from demo_city.world.city import City
from demo_city.world.figures import TAXES
from schemas.contract import feed

_TAX_COLUMNS = {key: f"tax_{key}_wan_yuan" for key in TAXES}
#: Cumulative share of income tax, and of land and property tax, paid by the end of each month. Assumed.
_QUARTERLY = (0.22, 0.22, 0.22, 0.42, 0.55, 0.55, 0.78, 0.78, 0.78, 1.0, 1.0, 1.0)
_HALF_YEARLY = (0, 0, 0, 0, 0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 1.0)


def tax(city: City, year: int, month: int | None = None) -> Frame:
    """A row for each firm: taxes paid and revenue declared in the year or month."""
    contract, q, figures = feed("gov_tax"), city.population, city.year(year)
    sites = q.in_year(year)
    columns = {"uscc": city.uscc(sites, year), "纳税人名称": city.name(sites, year)}
    offices = [f"国家税务总局宁波市{d.name}税务局" for d in city.p.districts]
    columns["主管税务机关"] = take(offices, city.moves.district[year][sites])
    before, after = reached(city, "tax", year, month) if month else (np.zeros(q.sites), np.ones(q.sites))
    steps: dict[str, tuple[float, ...]] = {
        "income": _QUARTERLY,
        "land_use": _HALF_YEARLY,
        "property": _HALF_YEARLY,
    }
    for key, column in _TAX_COLUMNS.items():
        if month and key in steps:
            values = between(figures.taxes[key], (0.0, *steps[key])[month - 1], steps[key][month - 1])
        else:
            values = between(figures.taxes[key], before, after)
        columns[column] = amounts(contract, column, values[sites], "元", 2)
    declared = between(figures.declared, before, after)[sites]
    columns["declared_revenue_wan_yuan"] = amounts(contract, "declared_revenue_wan_yuan", declared, "元", 2)
    return Frame(contract, period_of(year, month), "", columns)
