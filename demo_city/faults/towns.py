"""Faults of towns: former, unknown and missing ones, and towns of another district. No record is refused for them."""

from __future__ import annotations

from demo_city.faults.plan import ACCEPTED, Edit, Outcome
from demo_city.faults.planner import Planner
from demo_city.senders.land import land_uses, parcel_codes

#: A town of Haishu; firms and parcels of other districts cannot lie there.
ELSEWHERE = "330203102"


def towns(planner: Planner) -> None:
    """Faults in the towns of the directory, the registry and the parcels."""
    directory = "gov_statistics_directory"

    def shown(column: str, value: str, table: str = "core.enterprise") -> Outcome:
        return {**ACCEPTED, "table": table, "column": column, "value": value}

    for district, sent, outcome in (
        ("330203", "330212115", shown("town_code", "330203102")),
        ("330213", "尚田镇", shown("town_code", "330213007")),
        ("330206", "白峰镇", shown("town_note_code", "divided")),
    ):
        site = planner.site(planner.small, district=planner.district(district))
        planner.add("former_town", directory, site, {"reported_town": sent}, outcome)
    for pool in (planner.large, planner.small):
        site = planner.site(pool, district=planner.district("330282"))
        planner.add(
            "town_of_other_district",
            directory,
            site,
            {"reported_town": ELSEWHERE},
            shown("town_note_code", "other_district"),
        )
    site = planner.site(planner.small)
    planner.add(
        "unknown_town", directory, site, {"reported_town": "示范镇"}, shown("town_note_code", "unknown")
    )
    site = planner.site(planner.small)
    firm = int(planner.city.population.firm[planner.year][site])
    planner.city.reported_again.setdefault(planner.year, []).append(firm)
    planner.add("missing_town", "gov_business_registry", site, {"reported_town": None})
    planner.add(
        "missing_town", directory, site, {"reported_town": None}, shown("town_note_code", "not_reported")
    )
    land, surveyed = planner.city.land, land_uses(planner.city, planner.year).parcel
    parcel = int(surveyed[land.district[surveyed] == planner.district("330282")][0])
    where = {"parcel_id": str(parcel_codes(planner.city)[parcel].as_py())}
    planner.edits.append(
        Edit(
            "town_of_other_district",
            "gov_land_parcel",
            str(planner.year),
            where,
            {"reported_town": "集士港镇"},
            (shown("town_note_code", "other_district", "core.parcel"),),
        )
    )
