"""The market regulator (市场监督管理局): the business registry."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow as pa

from demo_city.cells import amounts, dates, take, words
from demo_city.frame import Frame
from demo_city.world.city import City
from demo_city.world.draws import Ints, stream
from demo_city.world.identity import registration_numbers
from schemas.contract import feed


def business_registry(city: City, year: int, complete: bool) -> Frame:
    """A row for each firm that is new, cancelled or changed in the year; with ``complete``, for each firm so far.

    A change is a move, or one of what the registry does not tell here.
    """
    contract, q = feed("gov_business_registry"), city.population
    rng = stream(q.seed, f"registry-{year}")
    cancelled_year = np.full(len(q.firm_site), 9999)
    years = [y for y in sorted(q.firm) if y <= year]
    for before, after in pairwise(years):
        replaced = (q.firm[before] >= 0) & (q.firm[before] != q.firm[after])
        cancelled_year[q.firm[before][replaced]] = after
    known = q.firm_born <= year
    reported = known & ((q.firm_born == year) | (cancelled_year == year) | (rng.random(len(known)) < 0.003))
    reported[q.firm[year][city.moves.moving[year]]] = True
    reported[city.reported_again.get(year, [])] = True
    firms = np.flatnonzero(known if complete else reported & known)
    sites = q.firm_site[firms]
    status = np.where(cancelled_year[firms] <= year, 1, 0)
    capital = np.rint(50 * np.exp(0.9 * stream(q.seed, "capital").standard_normal(len(known))))[firms]
    capital = np.where(sites < q.first_above, capital * 30, capital).astype(np.int64)
    n, areas = len(firms), [d.code for d in city.p.districts]
    town = _towns(city, sites, np.minimum(cancelled_year[firms] - 1, year))
    district = np.array([areas.index(code[:6]) for code in city.towns.codes])[town]
    streets = pa.array([f"宁波市{d.name}示范路" for d in city.p.districts])
    # A firm in another town has another number in its street.
    house = (firms + 131 * (town - city.towns.site[sites])) % 997 + 1
    address = pa.compute.binary_join_element_wise(
        take(streets, district), pa.array(house).cast(pa.string()), "号", ""
    )
    # credit codes exist since 1 October 2015; older firms also have a registration number and an organisation code
    old = city.registered[firms] < np.datetime64("2015-10-01")
    uscc = take(city.codes, firms)
    number = registration_numbers(areas, q.district[sites], firms)
    organisation = pa.compute.if_else(
        pa.array(old), pa.compute.utf8_slice_codeunits(uscc, 8, 17), None
    ).to_pylist()
    row_of = {int(firm): row for row, firm in enumerate(firms)} if city.organisation_codes else {}
    for firm, (since, code) in city.organisation_codes.items():
        if year >= since and firm in row_of:
            organisation[row_of[firm]] = code
    return Frame(
        contract,
        str(year),
        "",
        {
            "uscc": uscc,
            "registration_number": pa.compute.if_else(pa.array(old), number, None),
            "organisation_code": pa.array(organisation, pa.string()),
            "enterprise_name": take(city.names, firms),
            "former_name": pa.nulls(n, pa.string()),
            "registered_date": dates(contract, "registered_date", city.registered[firms]),
            "registration_status_code": words(
                contract, "registration_status_code", ["active", "cancelled"], status
            ),
            "registered_capital_wan_yuan": amounts(
                contract, "registered_capital_wan_yuan", capital, "万元", 0
            ),
            "industry_code": take(city.classes, firms),
            "industry_edition": take(["2017"], np.zeros(n, dtype=np.int64)),
            "reported_district_code": take(areas, district),
            "reported_town": take(city.towns.names, town),
            "registered_address": address,
        },
    )


def _towns(city: City, sites: Ints, year: Ints) -> Ints:
    """Town of the firm on each site in a year of its own."""
    town = np.empty(len(sites), dtype=np.int64)
    for y in np.unique(year).tolist():
        at = year == y
        town[at] = city.moves.town[y][sites[at]]
    return town
