"""Cumulative figures of the monthly statistics (月度统计累计数): each figure has a curve of its own through the year.

All follow output, whose curve has the season and the firm's ups and downs; they depart from it by less or more. In
December each has reached the year's figure.
"""

from __future__ import annotations

import numpy as np

from demo_city.senders.months import reached
from demo_city.world.city import City
from demo_city.world.draws import Floats, Ints, stream

#: How far a month's part of a figure departs from that of output: standard deviation of the logarithm. Assumed.
_DEPARTURES = {
    "sales_output": 0.04,
    "value_added": 0.08,
    "revenue": 0.07,
    "tax_paid_stat": 0.30,
    "rd_expense": 0.25,
    "new_product_output": 0.15,
    "export_value": 0.20,
}
#: Swing of a month's profit: standard deviation as a share of the usual profit, and of the revenue. Assumed.
_SWING_OF_PROFIT, _SWING_OF_REVENUE = 0.25, 0.01
#: Figures that are a part of another, in every month.
_PARTS = {
    "value_added": "output",
    "new_product_output": "output",
    "export_value": "sales_output",
    "rd_expense": "revenue",
    "profit": "value_added",
}
#: Years of curves kept: a month is sent with the same month of the year before.
_KEPT = 2


def cumulative(city: City, year: int, month: int) -> dict[str, Ints]:
    """Figures from January to the month of the year's firms above scale, thousand yuan."""
    sites, curves = city.above(year), _curves(city, year)
    money = {key: values[sites] for key, values in city.year(year).money.items()}
    reach = {key: curve[month - 1] for key, curve in curves.items() if key != "swing"}
    reach["output"] = reached(city, "statistics", year, month)[1][sites]
    reach["profit"] = reach["revenue"]
    found = {key: values * reach[key] for key, values in money.items()}
    swing = _SWING_OF_PROFIT * np.abs(money["profit"]) + _SWING_OF_REVENUE * money["revenue"]
    found["profit"] = found["profit"] + swing * curves["swing"][month - 1]
    for part, whole in _PARTS.items():
        # a year's figure may be negative, and is then no part of the other
        is_part = (money[part] >= 0) & (money[part] <= money[whole])
        found[part] = np.where(is_part, np.minimum(found[part], found[whole]), found[part])
    return {key: np.rint(values).astype(np.int64) for key, values in found.items()}


def cumulative_before(city: City, year: int, month: int) -> tuple[Ints, Ints]:
    """Output and value added of the same months a year before, by site, as they were sent if the firm sent them."""
    output, value_added = city.year_before(year)
    share = reached(city, "statistics", year - 1, month)[1]
    reached_output, reached_added = (np.rint(v * share).astype(np.int64) for v in (output, value_added))
    above = city.above(year - 1)
    sent = cumulative(city, year - 1, month)["value_added"]
    reached_added[above] = np.where(output[above] > 0, sent, reached_added[above])
    return reached_output, reached_added


def _curves(city: City, year: int) -> dict[str, Floats]:
    """Cumulative shares by figure (month x site above scale), drawn once for a year.

    ``swing`` is what profit is ahead of revenue, in standard deviations of a month's profit; 0 in December.
    """
    if year not in city.statistics_shares:
        rng, sites = stream(city.population.seed, f"statistics-curves-{year}"), city.above(year)
        output = np.stack([reached(city, "statistics", year, month)[1][sites] for month in range(1, 13)])
        part = np.diff(output, axis=0, prepend=0)
        curves = {}
        for key, spread in _DEPARTURES.items():
            curve = np.cumsum(part * np.exp(spread * rng.standard_normal(part.shape)), axis=0)
            curves[key] = curve / curve[-1]
        swing = np.cumsum(part * rng.standard_normal(part.shape), axis=0)
        curves["swing"] = swing - output * swing[-1]
        while len(city.statistics_shares) >= _KEPT:
            del city.statistics_shares[min(city.statistics_shares)]
        city.statistics_shares[year] = curves
    return city.statistics_shares[year]
