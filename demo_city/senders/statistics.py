"""The statistics bureau (统计局): the directory of firms, and figures of those above scale."""

from __future__ import annotations

import numpy as np

from demo_city.cells import amounts, decimals, take, words
from demo_city.frame import Frame
from demo_city.senders.months import period_of, persons_until
from demo_city.senders.statistics_months import cumulative, cumulative_before
from demo_city.world.city import City
from demo_city.world.draws import Ints, stream
from demo_city.world.figures import STATISTICS
from demo_city.world.population import ABOVE, CHANGES
from schemas.contract import Feed, feed

#: Share of the firms above scale that invest in their works in a year, their median share of revenue, and the most.
#: Assumed.
_INVESTING, _OF_REVENUE, _MOST_OF_REVENUE = 0.45, 0.02, 0.5


def statistics_directory(city: City, year: int) -> Frame:
    """A row for each firm of the year: industry, district, zone, and whether it is above scale."""
    contract, q = feed("gov_statistics_directory"), city.population
    sites = q.in_year(year)
    firms = city.firms(sites, year)
    n = len(sites)
    return Frame(
        contract,
        str(year),
        "",
        {
            "uscc": take(city.codes, firms),
            "enterprise_name": take(city.names, firms),
            "reported_district_code": take(
                [d.code for d in city.p.districts], city.moves.district[year][sites]
            ),
            "reported_town": take(city.towns.codes, city.moves.town[year][sites]),
            "industry_code": take(city.classes, firms),
            "industry_edition": take(["2017"], np.zeros(n, dtype=np.int64)),
            "is_above_scale": words(
                contract,
                "is_above_scale",
                ["false", "true"],
                (q.status[year][sites] == ABOVE).astype(np.int64),
            ),
            "directory_change_code": words(contract, "directory_change_code", CHANGES, q.change[year][sites]),
            "zone_code": take(city.zone_codes, city.zone_in(year)[sites]),
            "managing_zone_code": words(
                contract,
                "managing_zone_code",
                [z.code for z in city.p.managing_zones],
                city.manager_in(year)[sites],
            ),
            "序号": decimals(np.arange(1, n + 1), 0),
        },
    )


def statistics_annual(city: City, year: int) -> Frame:
    """A row for each firm above scale: its figures of the year."""
    sites, figures = city.above(year), city.year(year)
    money = {key: figures.money[key][sites] for key in STATISTICS}
    contract = feed("gov_statistics_annual")
    frame = _statistics(city, contract, year, None, money, figures.employees[sites])
    rng = stream(city.population.seed, f"technical-investment-{year}")
    share = np.where(
        rng.random(len(sites)) < _INVESTING, rng.lognormal(np.log(_OF_REVENUE), 0.8, len(sites)), 0
    )
    invested = np.rint(figures.money["revenue"][sites] * np.minimum(share, _MOST_OF_REVENUE)).astype(np.int64)
    frame.columns["technical_investment_wan_yuan"] = amounts(
        contract, "technical_investment_wan_yuan", invested, "千元", 0
    )
    return frame


def statistics_monthly(city: City, year: int, month: int) -> Frame:
    """A row for each firm above scale: cumulative figures from January, and those of the same months a year before."""
    contract, sites = feed("gov_statistics_monthly"), city.above(year)
    staff = np.rint(persons_until(city, "employees", year, month)[sites] / month).astype(np.int64)
    frame = _statistics(city, contract, year, month, cumulative(city, year, month), staff)
    is_new = city.year_before(year)[0][sites] == 0
    for column, values in zip(
        ("output_last_year_wan_yuan", "value_added_last_year_wan_yuan"),
        cumulative_before(city, year, month),
        strict=True,
    ):
        frame.columns[column] = amounts(contract, column, values[sites], "千元", 0, blank=is_new)
    return frame


def _statistics(
    city: City, contract: Feed, year: int, month: int | None, money: dict[str, Ints], staff: Ints
) -> Frame:
    """Figures of the firms above scale: thousand yuan by figure, and average employees."""
    sites = city.above(year)
    columns = {"uscc": city.uscc(sites, year), "单位详细名称": city.name(sites, year)}
    for key in STATISTICS:
        columns[f"{key}_wan_yuan"] = amounts(contract, f"{key}_wan_yuan", money[key], "千元", 0)
    columns["employees_average"] = amounts(contract, "employees_average", staff, "人", 0)
    return Frame(contract, period_of(year, month), "", columns)
