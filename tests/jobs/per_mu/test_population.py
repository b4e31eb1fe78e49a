"""per_mu.population: every firm has one list, one status and the reasons for it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from tests.jobs.per_mu.world import (
    WORLD,
    Results,
    every_list,
    firm,
    indicator,
    small,
    tenant,
)

GRADED: tuple[str, list[str]] = ("graded", [])


def lists(evaluated: Results, district: str) -> dict[str, str]:
    return evaluated.column("population", "list_code", district)


# --- lists ------------------------------------------------------------------------------------------

FOUR = WORLD.district(
    firm("above", land_area_mu="0.5"),
    small("three mu", land_area_mu="3"),
    small("less", land_area_mu="2.999999"),
    firm("holder"),
    tenant("tenant", holder="holder"),
    firm("above tenant", land_own_mu=None, rents_from="holder"),
)


def test_directory_land_area_and_land_title_decide_the_list(evaluated: Results) -> None:
    assert lists(evaluated, FOUR) == {
        "above": "above_scale",
        "three mu": "below_scale_ge3",  # 三亩以上（含）
        "less": "below_scale_lt3",
        "holder": "above_scale",
        "tenant": "tenant",
        "above tenant": "above_scale",  # 规上 by the directory, whatever its land
    }


MOVED = [
    firm("dropped", is_above_scale=False, directory_change_code="dropped"),
    firm("upgraded", directory_change_code="upgraded"),
]
LONGYOU = WORLD.district(*MOVED)
REVERSED = WORLD.district(*MOVED, rule={"dropped_list": "below_scale", "upgraded_list": "above_scale"})


def test_upgraded_and_dropped_firms_go_to_the_list_that_the_rule_set_names(evaluated: Results) -> None:
    # 龙游: in the year of the change 退规 firms still count as above scale, 小升规 firms still as below
    assert lists(evaluated, LONGYOU) == {"dropped": "above_scale", "upgraded": "below_scale_lt3"}
    assert lists(evaluated, REVERSED) == {"dropped": "below_scale_lt3", "upgraded": "above_scale"}


SUBLET = WORLD.district(
    small("holder", land_let_mu="5"),
    small("unregistered holder", land_area_mu="0", land_own_mu="0", land_let_mu="2"),
    tenant("lets on", land_let_mu="1"),
    tenant("subtenant"),
    tenant("of the unregistered"),
    parcels=[{"parcel_id": "p", "owner_uscc": "holder"}],
    uses=[
        {"parcel_id": "p", "uscc": "lets on", "lessor_uscc": "holder", "used_area_mu": "1"},
        {
            "parcel_id": "p",
            "uscc": "subtenant",
            "lessor_uscc": "lets on",
            "use_type_code": "sublet",
            "used_area_mu": "1",
        },
        {
            "parcel_id": "q",
            "uscc": "of the unregistered",
            "lessor_uscc": "unregistered holder",
            "used_area_mu": "2",
        },
    ],
)


def test_a_tenant_that_sublets_is_still_a_tenant(evaluated: Results) -> None:
    assert lists(evaluated, SUBLET) == {
        "holder": "below_scale_lt3",
        "unregistered holder": "below_scale_lt3",  # whoever leases land out is its holder, registered or not
        "lets on": "tenant",
        "subtenant": "tenant",
        "of the unregistered": "tenant",
    }


# --- who is not graded ------------------------------------------------------------------------------

STATES = WORLD.district(
    firm("mine 06", industry_code="0610", industry_division_code="06"),
    firm("farm 05", industry_code="0511", industry_division_code="05"),
    firm("water 46", industry_code="4610", industry_division_code="46"),
    firm("builder 47", industry_code="4710", industry_division_code="47"),
    firm("power", industry_code="4411", industry_division_code="44"),
    firm("power by division", industry_code=None, industry_division_code="44"),
    firm("revoked", registration_status_code="revoked"),
    firm("moved out", registration_status_code="moved_out"),
    firm("unregistered", registration_status_code=None),
    firm("cancelled power", industry_code="4411", industry_division_code="44", registration_status_code="cancelled"),
    rule={"exempt_industries": ["44", "4610"], "inactive_statuses": ["revoked", "cancelled"]},
)  # fmt: skip


def test_industry_and_registration_decide_first(evaluated: Results) -> None:
    assert evaluated.statuses(STATES) == {
        "mine 06": GRADED,
        "farm 05": ("out_of_scope", ["not_industry"]),
        "water 46": ("exempt", ["industry:4610"]),
        "builder 47": ("out_of_scope", ["not_industry"]),
        "power": ("exempt", ["industry:44"]),
        "power by division": ("exempt", ["industry:44"]),
        "revoked": ("out_of_scope", ["registration:revoked"]),
        "moved out": GRADED,  # this rule set names revoked and cancelled only
        "unregistered": GRADED,
        "cancelled power": ("out_of_scope", ["registration:cancelled"]),
    }


NO_RULES = WORLD.district(firm("a", year="2022"), firm("b"), rules={"2023": {}})


def test_without_a_rule_set_for_the_year_nobody_is_graded(evaluated: Results) -> None:
    assert evaluated.statuses(NO_RULES, "2022") == {"a": ("out_of_scope", ["no_rule_set"])}
    assert evaluated.statuses(NO_RULES) == {"b": GRADED}
    assert evaluated.table("enterprise_grade", NO_RULES, "2022") == []
    [row] = evaluated.table("population", NO_RULES, "2022")
    assert row["rule_set_id"] is None and row["list_code"] == "above_scale"


# --- protection -------------------------------------------------------------------------------------

YOUNG = [
    firm("two years less a day", registered_date=date(2022, 1, 1)),
    firm("two years", registered_date=date(2021, 12, 31)),
    firm("unknown", registered_date=None),
]
NEW_FIRM = WORLD.district(*YOUNG, rule={"protection": {"new_firm": {"years": 2}}})
NOT_D = WORLD.district(*YOUNG, rule={"protection": {"new_firm": {"years": 2, "effect": "not_below_c"}}})
NO_PROTECTION = WORLD.district(*YOUNG)


def test_a_firm_registered_less_than_two_years_ago_is_protected(evaluated: Results) -> None:
    # 2022-01-01 + 2 years = 2024-01-01, after 31 December 2023; 2021-12-31 + 2 years is that day itself
    assert evaluated.statuses(NEW_FIRM) == {
        "two years less a day": ("protected", ["new_firm"]),
        "two years": GRADED,
        "unknown": GRADED,
    }
    until = evaluated.column("population", "protected_until_date", NEW_FIRM)
    assert until == {"two years less a day": date(2024, 1, 1), "two years": None, "unknown": None}
    assert evaluated.statuses(NOT_D)["two years less a day"] == ("graded", ["new_firm"])
    assert evaluated.column("population", "protected_until_date", NOT_D)["two years less a day"] is None
    assert evaluated.statuses(NO_PROTECTION)["two years less a day"] == GRADED


def parcel(
    name: str, owner: str, acquired: date | None, due: date | None = None, mode: str = "granted"
) -> dict:  # type: ignore[type-arg]
    return {
        "parcel_id": name, "owner_uscc": owner, "acquired_date": acquired, "completion_due_date": due,
        "supply_mode_code": mode,
    }  # fmt: skip


NEW_LAND = WORLD.district(
    *(firm(n) for n in ("new", "old and new", "due next year", "past due", "due on the last day")),
    firm("allocated"), firm("undated"),
    rule={"protection": {"new_land": {"years": 3, "supply_modes": ["granted", "agreement"]}}},
    parcels=[
        parcel("1", "new", date(2021, 3, 1)),
        parcel("2", "new", date(2022, 7, 1), mode="agreement"),
        parcel("3", "old and new", date(2022, 7, 1)),
        parcel("4", "old and new", date(2020, 12, 31)),
        parcel("5", "due next year", date(2022, 7, 1), due=date(2024, 2, 1)),
        parcel("6", "past due", date(2022, 7, 1), due=date(2023, 6, 30)),
        parcel("7", "due on the last day", date(2022, 7, 1), due=date(2023, 12, 31)),
        parcel("8", "allocated", date(2022, 7, 1), mode="allocated"),
        parcel("9", "undated", None),
    ],
)  # fmt: skip


def test_new_land_protects_a_firm_if_all_its_land_is_new_and_not_past_completion(evaluated: Results) -> None:
    protected = ("protected", ["new_land"])
    assert evaluated.statuses(NEW_LAND) == {
        "new": protected,
        "old and new": GRADED,
        "due next year": protected,
        "past due": GRADED,  # 遂昌: past the contractual completion date firms are evaluated
        "due on the last day": GRADED,  # the protection ends on that day
        "allocated": GRADED,
        "undated": GRADED,
    }
    until = evaluated.column("population", "protected_until_date", NEW_LAND)
    assert until["new"] == date(2025, 7, 1)  # the later of 2021-03-01 and 2022-07-01, plus three years
    assert until["due next year"] == date(2024, 2, 1)


# --- incomplete data --------------------------------------------------------------------------------

GAPS = WORLD.district(
    firm("complete", value_added_wan_yuan="5", energy_tce="2"),
    firm("no tax row", tax_vat_wan_yuan=None, value_added_wan_yuan="5", energy_tce="2", missing_feeds=["gov_tax"]),
    firm("no statistics", value_added_wan_yuan=None, energy_tce="2", missing_feeds=["gov_statistics"]),
    firm("statistics without value added", value_added_wan_yuan=None, energy_tce="2"),
    firm("no energy used", value_added_wan_yuan="5", energy_tce="0"),
    firm("energy refused", value_added_wan_yuan="5", energy_tce="2", quarantined_feeds=["gov_energy"]),
    firm("insurance refused", value_added_wan_yuan="5", energy_tce="2", quarantined_feeds=["gov_social_insurance"]),
    firm("no industry", value_added_wan_yuan="5", energy_tce="2", industry_code=None, industry_division_code=None),
    firm("no land", land_area_mu=None, value_added_wan_yuan="5", energy_tce="2"),
    firm("only other tax", tax_vat_wan_yuan=None, tax_other_wan_yuan="5", value_added_wan_yuan="5", energy_tce="2"),
    rule={"lists": every_list(I1=indicator("60"), I3=indicator("40"))},
)  # fmt: skip


def test_missing_data_is_named_by_feed_or_figure(evaluated: Results) -> None:
    assert evaluated.statuses(GAPS) == {
        "complete": GRADED,
        "no tax row": ("data_incomplete", ["missing:gov_tax"]),
        "no statistics": ("data_incomplete", ["missing:gov_statistics"]),
        "statistics without value added": ("data_incomplete", ["missing:value_added_wan_yuan"]),
        "no energy used": ("data_incomplete", ["zero:energy_tce"]),
        "energy refused": ("data_incomplete", ["quarantined:gov_energy"]),
        "insurance refused": GRADED,  # no indicator needs it
        "no industry": ("data_incomplete", ["missing:industry_code"]),
        "no land": ("data_incomplete", ["no_land_use"]),
        # an empty component of a reported tax row means that none was paid, not that it is unknown
        "only other tax": GRADED,
    }
    assert set(evaluated.by_firm("enterprise_grade", GAPS)) == {
        "complete",
        "insurance refused",
        "only other tax",
    }


LENIENT = WORLD.district(
    firm("a", 10, emission_t=None, value_added_wan_yuan="5"),
    firm("b", 10, emission_t="0", value_added_wan_yuan=None, missing_feeds=["gov_statistics"]),
    rule={"lists": every_list(I1=indicator("60"), I4=indicator("40", missing="group_average"))},
)


def test_missing_figures_that_the_rule_set_replaces_keep_no_firm_out(evaluated: Results) -> None:
    assert evaluated.statuses(LENIENT) == {"a": GRADED, "b": GRADED}


LANDLESS = [
    firm("above", 5, land_area_mu="0"),
    small("below", 5, land_area_mu="0"),
    firm("holder", 5),
    tenant("tenant", 5, holder="holder", land_area_mu="0"),
    tenant("no use on record", 5),
    tenant("land refused", 5, quarantined_feeds=["gov_land_survey"], land_area_mu=None),
]
LANDLESS[4] |= {"land_area_mu": None}
#: The small firm has a land title and lets all its land.
TITLE = [{"parcel_id": "b", "owner_uscc": "below"}]
ZERO_INCOMPLETE = WORLD.district(*LANDLESS, parcels=TITLE)
ZERO_SCORED = WORLD.district(*LANDLESS, parcels=TITLE, rule={"zero_land": "zero_score"})
ZERO_TENANT = WORLD.district(*LANDLESS, parcels=TITLE, rule={"zero_land": "tenant_list"})


def test_zero_land_is_never_a_divisor_and_is_treated_as_the_rule_set_says(evaluated: Results) -> None:
    zero = ("data_incomplete", ["zero_land"])
    unknown = {
        "no use on record": ("out_of_scope", ["no_land_use"]),
        "land refused": ("data_incomplete", ["quarantined:gov_land_survey", "no_land_use"]),
    }
    assert evaluated.statuses(ZERO_INCOMPLETE) == {
        "above": zero, "below": zero, "tenant": zero, "holder": GRADED, **unknown
    }  # fmt: skip
    assert evaluated.statuses(ZERO_SCORED) == {
        "above": GRADED, "below": GRADED, "tenant": GRADED, "holder": GRADED, **unknown
    }  # fmt: skip
    # the tenants' list takes firms below scale only; a firm above scale has no other list
    assert evaluated.statuses(ZERO_TENANT) == {
        "above": zero, "below": GRADED, "tenant": GRADED, "holder": GRADED, **unknown
    }  # fmt: skip
    assert lists(evaluated, ZERO_INCOMPLETE)["below"] == "below_scale_lt3"
    assert lists(evaluated, ZERO_TENANT)["below"] == "tenant"
    for district in (ZERO_SCORED, ZERO_TENANT):
        values = evaluated.values(district, "I1")
        assert (values["below"]["value"], values["below"]["score"], values["below"]["note_code"]) == (
            None,
            0,
            "zero_land",
        )


ONE_LIST = WORLD.district(
    firm("above"),
    small("below"),
    rule={"lists": {"above_scale": {"indicators": {"I1": indicator("100")}}}},
)


def test_a_list_that_the_rule_set_leaves_out_is_not_evaluated(evaluated: Results) -> None:
    assert evaluated.statuses(ONE_LIST) == {
        "above": GRADED, "below": ("out_of_scope", ["list_not_evaluated"])
    }  # fmt: skip


# --- tenants ----------------------------------------------------------------------------------------

HOUSE = [
    firm("holder", 30),
    tenant("tenant", 5, holder="holder"),
    tenant("large", 5, holder="holder", land_area_mu="5"),
    tenant("incomplete", None, holder="holder"),
    firm("above", 5, land_own_mu=None, rents_from="holder"),
    firm("exempt holder", industry_code="4411", industry_division_code="44"),
    tenant("of exempt", 5, holder="exempt holder"),
    tenant("exempt", 5, holder="holder", industry_code="4411", industry_division_code="44"),
]
EXEMPT = {"exempt_industries": ["44"]}
SEPARATE = WORLD.district(*HOUSE, rule=EXEMPT)
INHERIT = WORLD.district(*HOUSE, rule={**EXEMPT, "tenants": {"mode": "inherit", "apart_from_land_mu": "5"}})
MERGE = WORLD.district(*HOUSE, rule={**EXEMPT, "tenants": {"mode": "merge", "apart_from_land_mu": "5"}})
ALL_FOLLOW = WORLD.district(
    *HOUSE, rule={**EXEMPT, "tenants": {"mode": "inherit", "applies_to": ["below_scale", "above_scale"]}}
)


def roles(evaluated: Results, district: str) -> dict[str, str]:
    """Role and unit of the firms that are not units of their own."""
    return {
        name: f"{row['unit_role_code']} {row['evaluation_uscc'].removeprefix(district + '-')}"
        for name, row in evaluated.by_firm("population", district).items()
        if row["unit_role_code"] != "own" or row["evaluation_uscc"] != row["uscc"]
    }


def test_tenants_are_units_of_their_own_if_the_rule_set_ranks_them_separately(evaluated: Results) -> None:
    assert roles(evaluated, SEPARATE) == {}
    statuses = evaluated.statuses(SEPARATE)
    assert statuses["tenant"] == statuses["of exempt"] == GRADED
    assert statuses["incomplete"] == ("data_incomplete", ["missing:tax_contribution"])
    assert statuses["exempt"] == ("exempt", ["industry:44"])


def test_small_tenants_inherit_the_grade_of_the_holder(evaluated: Results) -> None:
    assert roles(evaluated, INHERIT) == {"tenant": "inherits holder", "incomplete": "inherits holder"}
    statuses = evaluated.statuses(INHERIT)
    assert statuses["incomplete"] == GRADED  # its own figures do not count
    assert statuses["of exempt"] == ("graded", ["landlord_not_evaluated"])
    assert statuses["exempt"] == ("exempt", ["industry:44"])  # exempt in its own right


def test_small_tenants_are_merged_except_those_with_incomplete_data(evaluated: Results) -> None:
    assert roles(evaluated, MERGE) == {"tenant": "merged holder"}
    statuses = evaluated.statuses(MERGE)
    assert statuses["incomplete"] == ("data_incomplete", ["missing:tax_contribution"])
    assert statuses["of exempt"] == ("graded", ["landlord_not_evaluated"])
    assert statuses["large"] == GRADED  # tenants with 5 mu or more are units of their own


def test_the_rule_set_says_whether_tenants_above_scale_follow_their_holder(evaluated: Results) -> None:
    assert roles(evaluated, ALL_FOLLOW) == dict.fromkeys(
        ("tenant", "incomplete", "large", "above"), "inherits holder"
    )


TWO_PARCELS = WORLD.district(
    firm("small holder"), firm("large holder"), tenant("tenant"),
    rule={"tenants": {"mode": "inherit"}},
    parcels=[{"parcel_id": "s", "owner_uscc": "small holder"}, {"parcel_id": "l", "owner_uscc": "large holder"}],
    uses=[
        {"parcel_id": "s", "uscc": "tenant", "lessor_uscc": "small holder", "used_area_mu": "0.4"},
        {"parcel_id": "l", "uscc": "tenant", "lessor_uscc": "large holder", "used_area_mu": "0.6"},
    ],
)  # fmt: skip
ELSEWHERE = WORLD.district(
    tenant("tenant"),
    rule={"tenants": {"mode": "inherit"}},
    parcels=[{"parcel_id": "x", "owner_uscc": "nobody here"}],
    uses=[{"parcel_id": "x", "uscc": "tenant", "lessor_uscc": "nobody here", "used_area_mu": "1"}],
)


def test_a_tenant_follows_the_holder_it_rents_most_from_in_its_district(evaluated: Results) -> None:
    assert roles(evaluated, TWO_PARCELS) == {"tenant": "inherits large holder"}
    assert roles(evaluated, ELSEWHERE) == {}
    assert evaluated.statuses(ELSEWHERE) == {"tenant": ("graded", ["landlord_not_evaluated"])}


# --- all firms --------------------------------------------------------------------------------------


def test_every_firm_of_the_directory_has_one_row_with_a_status_and_its_reason(evaluated: Results) -> None:
    rows = evaluated.rows["population"]
    assert sorted((r["uscc"], r["year"]) for r in rows) == sorted((f["uscc"], f["year"]) for f in WORLD.firms)
    assert [r for r in rows if r["eval_status_code"] != "graded" and not r["status_reasons"]] == []
    assert len({r["row_id"] for r in rows}) == len(rows)
    graded = {(r["uscc"], r["year"]) for r in rows if r["eval_status_code"] == "graded"}
    assert {(g["uscc"], g["year"]) for g in evaluated.rows["enterprise_grade"]} == graded


def test_the_population_names_the_rule_set_and_its_hash(evaluated: Results) -> None:
    hashes = {r.id: r.hash for r in WORLD.rule_sets}
    for row in evaluated.rows["population"]:
        if row["rule_set_id"] is not None:
            assert row["rule_set_id"].endswith(row["year"])
            assert row["rule_set_hash"] == hashes[row["rule_set_id"]]
    assert {r["rule_set_id"] for r in evaluated.rows["population"]} >= {f"r{FOUR}-2023", f"r{MERGE}-2023"}
    assert evaluated.column("population", "land_area_mu", FOUR)["less"] == Decimal("2.999999")
