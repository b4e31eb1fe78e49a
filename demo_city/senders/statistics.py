"""The statistics bureau (统计局): the directory of firms, and figures of those above scale."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from demo_city.cells import amounts, decimals, take, words
from demo_city.frame import Frame
from demo_city.senders.months import period_of, reached
from demo_city.world.city import City
from demo_city.world.figures import STATISTICS
from demo_city.world.population import ABOVE, CHANGES
from schemas.contract import Feed, feed


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
            "reported_district_code": take([d.code for d in city.p.districts], q.district[sites]),
            "reported_town": take(city.towns.codes, city.towns.site[sites]),
            "industry_code": take(city.classes, firms),
            "industry_edition": take(["2017"], np.zeros(n, dtype=np.int64)),
            "is_above_scale": words(
                contract,
                "is_above_scale",
                ["false", "true"],
                (q.status[year][sites] == ABOVE).astype(np.int64),
            ),
            "directory_change_code": words(contract, "directory_change_code", CHANGES, q.change[year][sites]),
            "zone_code": take(city.zone_codes, city.zone[sites]),
            "managing_zone_code": words(
                contract,
                "managing_zone_code",
                [z.code for z in city.p.managing_zones],
                city.manager[sites],
            ),
            "序号": decimals(np.arange(1, n + 1), 0),
        },
    )


def statistics_annual(city: City, year: int) -> Frame:
    """A row for each firm above scale: its figures of the year."""
    return _statistics(city, feed("gov_statistics_annual"), year, None)


def statistics_monthly(city: City, year: int, month: int) -> Frame:
    """A row for each firm above scale: cumulative figures from January, and those of the same months a year before."""
    contract, sites = feed("gov_statistics_monthly"), city.above(year)
    frame = _statistics(city, contract, year, month)
    share = reached(city, "statistics", year - 1, month)[1]
    output, value_added = city.year_before(year)
    for column, values in (
        ("output_last_year_wan_yuan", output),
        ("value_added_last_year_wan_yuan", value_added),
    ):
        cumulative = np.rint(values * share)[sites].astype(np.int64)
        frame.columns[column] = amounts(contract, column, cumulative, "千元", 0, blank=output[sites] == 0)
    return frame


def _statistics(city: City, contract: Feed, year: int, month: int | None) -> Frame:
    sites = city.above(year)
    figures = city.year(year)
    share = np.ones(city.population.sites) if month is None else reached(city, "statistics", year, month)[1]
    columns = {"uscc": city.uscc(sites, year), "单位详细名称": city.name(sites, year)}
    for key in STATISTICS:
        values = np.rint((figures.money[key] * share)[sites]).astype(np.int64)
        columns[f"{key}_wan_yuan"] = amounts(contract, f"{key}_wan_yuan", values, "千元", 0)
    columns["employees_average"] = amounts(contract, "employees_average", figures.employees[sites], "人", 0)
    if month:
        for key in ("output", "value_added"):
            columns[f"{key}_last_year_wan_yuan"] = pa.nulls(len(sites), pa.string())
    return Frame(contract, period_of(year, month), "", columns)
