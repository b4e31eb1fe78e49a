"""Faults of the business registry: renamed firms, an invalid date, and a firm that moved away."""

from __future__ import annotations

import numpy as np

from demo_city.faults.plan import ACCEPTED, Edit, quarantined
from demo_city.faults.planner import Planner
from demo_city.world.names import renamed


def registry(planner: Planner) -> None:
    """Renamed firms, an invalid date, and a firm that moved out of Ningbo."""
    register, year = "gov_business_registry", planner.year
    again = planner.city.reported_again.setdefault(year, [])
    for site in (planner.site(planner.large), planner.site(planner.small)):
        again.append(int(planner.city.population.firm[year][site]))
        old = planner.name(site)
        new = renamed(old)
        shown = {**ACCEPTED, "table": "core.enterprise", "column": "former_name", "value": old}
        planner.add("renamed", register, site, {"enterprise_name": new, "former_name": old}, shown)
        for later in range(year, max(planner.city.population.status) + 1):
            if (
                planner.uscc(site, later) == planner.uscc(site)
                and planner.city.population.status[later][site]
            ):
                planner.add(
                    "renamed",
                    "gov_statistics_directory",
                    site,
                    {"enterprise_name": new},
                    period=str(later),
                )
    born = np.flatnonzero(planner.city.population.firm_born == year)
    if year == planner.city.p.base_year:
        born = np.array([planner.city.population.firm[year][planner.site(planner.small)]])
    firm = int(born[len(born) // 2])
    where = {"uscc": str(planner.city.codes[firm].as_py())}
    planner.edits.append(
        Edit(
            "bad_date",
            register,
            str(year),
            where,
            {"registered_date": f"{year}-02-30"},
            (quarantined("registered_date:date"),),
        )
    )
    site = planner.site(planner.small)
    again.append(int(planner.city.population.firm[year][site]))
    planner.add(
        "district_outside_ningbo",
        register,
        site,
        {"reported_district_code": "330602"},
        quarantined("reported_district_code:pattern"),
    )
