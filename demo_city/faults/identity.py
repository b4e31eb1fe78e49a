"""Faults of identity: credit codes, districts and industries in the directory and in other feeds."""

from __future__ import annotations

import numpy as np

from demo_city.faults.plan import ACCEPTED, INCOMPLETE, Change, quarantined
from demo_city.faults.planner import Planner
from demo_city.world.identity import broken


def identity(planner: Planner) -> None:
    """Faults in credit codes, names, districts and industries of the directory, tax and electricity."""
    bad: dict[str, Change] = {"uscc": broken}
    check = quarantined("uscc:check")
    planner.add("wrong_check_digit_tax", "gov_tax", planner.site(planner.large), bad, check)
    planner.add("wrong_check_digit_tax", "gov_tax", planner.site(planner.small), bad, check)
    for _ in range(2):
        planner.add(
            "wrong_check_digit_electricity", "gov_electricity", planner.site(planner.small), bad, check
        )
    flag = {
        "type": "flag",
        "table": "core.enterprise",
        "column": "identity_flags",
        "value": "invalid_uscc",
    }
    directory = "gov_statistics_directory"
    # No other record carries the broken code; the firm stays in the population, with any status.
    stays = {"type": "population"}
    planner.add(
        "wrong_check_digit_directory", directory, planner.site(planner.large), bad, check, flag, stays
    )
    planner.add(
        "wrong_check_digit_directory", directory, planner.site(planner.small), bad, check, flag, stays
    )
    unknown: dict[str, Change] = {"industry_code": "3999"}
    code = quarantined("industry_code:code")
    planner.add(
        "unknown_industry_directory", directory, planner.site(planner.large), unknown, code, INCOMPLETE
    )
    planner.add("unknown_industry_directory", directory, planner.site(planner.small), unknown, code, stays)
    planner.add(
        "unknown_code_word",
        directory,
        planner.site(planner.small),
        {"directory_change_code": "转入"},
        quarantined("directory_change_code:code"),
        stays,
    )
    planner.add(
        "missing_required",
        directory,
        planner.site(planner.small),
        {"enterprise_name": None},
        quarantined("enterprise_name:missing"),
        stays,
    )
    planner.add(
        "district_outside_ningbo",
        directory,
        planner.site(planner.small),
        {"reported_district_code": "330602"},
        quarantined("reported_district_code:pattern"),
    )
    for successor, former, count in (("330212", "330204", 3), ("330213", "330283", 2)):
        shown = {**ACCEPTED, "table": "core.enterprise", "column": "district_code", "value": successor}
        for _ in range(count):
            site = planner.site(planner.small, district=planner.district(successor))
            planner.add("old_district_code", directory, site, {"reported_district_code": former}, shown)
    for site in np.flatnonzero(planner.city.population.collective).tolist():
        planner.add("valid_code_stdnum_rejects", directory, site, {}, ACCEPTED)
