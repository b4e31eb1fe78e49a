"""per_mu.land_review: land that cannot carry the people or the output on it, by bounds of the industry."""

from __future__ import annotations

from decimal import Decimal

from jobs.per_mu.rules.land_limits import land_limits
from schemas.contract import code_list
from tests.jobs.per_mu.world import WORLD, Results, firm, tenant

#: Vehicles: 12 m² of floor, three floors, two shifts: 2 m² of land a person. A mu is 2000/3 m².
VEHICLES = {"industry_code": "3670", "industry_division_code": "36"}
#: Electronics: 8 m², four floors, two shifts: 1 m².
ELECTRONICS = {"industry_code": "3985", "industry_division_code": "39"}

FIRMS = [
    firm("crowded", 5, land_area_mu="0.3", employees_average="101", **VEHICLES),
    firm("dense", 5, land_area_mu="0.3", employees_average="100", **VEHICLES),
    firm("stacked", 5, land_area_mu="0.3", employees_average="101", **ELECTRONICS),
    firm("insured", 5, land_area_mu="0.3", insured_count=101, **VEHICLES),
    firm("statistics first", 5, land_area_mu="0.3", employees_average="100", insured_count=500, **VEHICLES),
    firm("rich", "3000.1", land_area_mu="0.3", value_added_wan_yuan="6000.2", **VEHICLES),
    firm("at the bound", "3000", land_area_mu="0.3", value_added_wan_yuan="6000", **VEHICLES),
    firm("no land", 5, land_area_mu="0", employees_average="100", **VEHICLES),
    firm("holder", 5, **VEHICLES),
    tenant("tenant", 5, holder="holder", land_area_mu="0.01", insured_count=4, **VEHICLES),
    firm(
        "crowded and young",
        5,
        land_area_mu="0.3",
        employees_average="101",
        registration_status_code="cancelled",
    ),
]
JUDGED = WORLD.district(*FIRMS, rule={"impossible_land": "data_incomplete"})
LET_BE = WORLD.district(*FIRMS)
FOLLOWS = WORLD.district(*FIRMS, rule={"impossible_land": "data_incomplete", "tenants": {"mode": "inherit"}})
MERGES = WORLD.district(*FIRMS, rule={"impossible_land": "data_incomplete", "tenants": {"mode": "merge"}})


def reasons(evaluated: Results, district: str) -> dict[str, list[str]]:
    found = evaluated.statuses(district)
    return {
        name: short
        for name, (status, why) in found.items()
        if (short := [reason.removeprefix("land_too_small:") for reason in why if "too_small" in reason])
        and status == "data_incomplete"
    }


def test_land_that_cannot_carry_its_people_or_output_is_not_graded(evaluated: Results) -> None:
    # 0.3 mu = 200 m²: 100 persons at 2 m², 200 at 1 m²; 6000 万元 of value added and 3000 of tax
    assert reasons(evaluated, JUDGED) == {
        "crowded": ["staff"],
        "insured": ["staff"],
        "rich": ["value_added", "tax"],
        "tenant": ["staff"],  # 0.01 mu = 6.67 m² for four persons
    }
    assert evaluated.statuses(JUDGED)["no land"] == ("data_incomplete", ["zero_land"])
    assert evaluated.statuses(JUDGED)["crowded and young"][0] == "out_of_scope"
    assert reasons(evaluated, LET_BE) == {}


def test_a_tenant_that_follows_its_holder_is_judged_by_the_holders_land(evaluated: Results) -> None:
    assert evaluated.statuses(FOLLOWS)["tenant"] == ("graded", [])
    # merged, it would bring its people and output without the land under them
    assert evaluated.statuses(MERGES)["tenant"] == ("data_incomplete", ["land_too_small:staff"])


def test_the_work_list_says_how_much_land_is_needed_at_least(evaluated: Results) -> None:
    rows = {
        (r["uscc"].removeprefix(f"{JUDGED}-"), r["land_measure_code"]): r
        for r in evaluated.table("land_review", JUDGED)
    }
    assert set(rows) == {
        ("crowded", "staff"), ("insured", "staff"), ("rich", "value_added"), ("rich", "tax"), ("tenant", "staff")
    }  # fmt: skip
    crowded, rich = rows["crowded", "staff"], rows["rich", "tax"]
    # 101 x 2 m² = 202 m² = 0.303 mu; 3000.1 / 10000 mu
    assert (crowded["carried_amount"], crowded["land_area_mu"], crowded["least_land_mu"]) == (
        101, Decimal("0.3"), Decimal("0.303")
    )  # fmt: skip
    assert (rich["carried_amount"], rich["least_land_mu"]) == (Decimal("3000.1"), Decimal("0.30001"))
    assert rows["tenant", "staff"]["parcel_ids"] == [f"{JUDGED}-of holder"]
    assert evaluated.table("land_review", LET_BE) == []


def test_every_industry_has_bounds_that_only_catch_the_impossible() -> None:
    rows = list(land_limits().rows())
    assert sorted(division for division, *_ in rows) == sorted(code_list("industry_division"))
    for _, area, added, tax in rows:
        assert 1 <= area <= 3  # m² a person; offices need four of floor
        assert added >= 20_000 and tax >= 10_000  # a hundred times the city's targets
