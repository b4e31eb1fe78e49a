"""per_mu.district_summary: counts and sums that a person can check."""

from __future__ import annotations

from decimal import Decimal

from schemas.contract import contract
from schemas.disclosure import withheld
from tests.jobs.per_mu.world import WORLD, Results, firm, quota, small, tenant

RULE = {"giant_share": "0.5", "giant_times_median": "1", "giant_from_units": 1, "exempt_industries": ["44"]}
TOWN = WORLD.district(
    firm("giant", "600", land_area_mu="2", value_added_wan_yuan="1000"),
    firm("a", "90", land_area_mu="2", value_added_wan_yuan="100"),
    firm("b", "60", land_area_mu="4", value_added_wan_yuan="-10"),
    firm("c", "50", land_area_mu="5"),
    firm("exempt", "100", land_area_mu="3", industry_code="4411", industry_division_code="44"),
    firm("no land", "100", land_area_mu=None),
    firm("closed", "100", land_area_mu="100", registration_status_code="cancelled"),
    rule={**RULE, "quota": quota(a="0.25", b="0.25", d="0.25")},
)
# the exempt firm is no unit, and as large as a giant of the units: 500 is half of 1000
EXEMPT_GIANT = WORLD.district(
    *(firm(f"f{n}", "100", land_area_mu="2") for n in range(10)),
    firm("exempt", "500", land_area_mu="5", industry_code="4411", industry_division_code="44"),
    rule=RULE,
)
# the holder has 10 and its tenant 30 of the list's 60: as one unit they are a giant, and both are left out
MERGED = WORLD.district(
    firm("holder", "10"),
    tenant("tenant", "30", "holder"),
    *(firm(f"f{n}", "4") for n in range(5)),
    rule={**RULE, "tenants": {"mode": "merge"}, "giant_times_median": "5"},
)
# one of four firms below scale reports value added: it was above scale the year before
BELOW = WORLD.district(
    small("fell", "5", land_area_mu="4", value_added_wan_yuan="50"),
    *(small(f"s{n}", "5", land_area_mu="4") for n in range(3)),
    rule=RULE | {"giant_from_units": 10},
)
SILENT_GIANT = WORLD.district(
    firm("giant", "600", land_area_mu="2"),
    *(firm(f"f{n}", "50", land_area_mu="2", value_added_wan_yuan="30") for n in range(3)),
    firm("silent", "50", land_area_mu="2"),
    rule=RULE,
)
ALONE = WORLD.district(firm("giant", "600"), rule=RULE)


def test_counts_and_sums_exist_with_and_without_the_giants(evaluated: Results) -> None:
    [row] = evaluated.table("district_summary", TOWN)
    # the giant has 600 of the units' 800 tax, above the share of 0.5
    assert (row["firm_count"], row["giant_count"]) == (7, 1)
    counts = (
        "graded_count",
        "exempt_count",
        "protected_count",
        "data_incomplete_count",
        "out_of_scope_count",
    )
    assert [row[c] for c in counts] == [4, 1, 0, 1, 1]
    grades = ("grade_a_count", "grade_b_count", "grade_c_count", "grade_d_count")
    assert [row[g] for g in grades] == [1, 1, 1, 1]
    # in scope with land: giant, a, b, c, exempt: 2 + 2 + 4 + 5 + 3 mu; 600 + 90 + 60 + 50 + 100
    assert (row["landed_firm_count"], row["land_total_mu"]) == (5, 16)
    assert (row["tax_contribution_wan_yuan"], row["tax_per_mu_wan_yuan"]) == (900, Decimal("56.25"))
    assert row["value_added_total_wan_yuan"] == 1090
    assert (row["landed_firm_without_giants_count"], row["land_without_giants_mu"]) == (4, 14)
    assert row["tax_contribution_without_giants_wan_yuan"] == 300
    assert row["tax_per_mu_without_giants_wan_yuan"] == Decimal("21.428571")  # 300/14
    assert row["value_added_without_giants_wan_yuan"] == 90
    # value added is of the giant, a and b; without the giant of a and b, and the difference of both is the giant's own
    assert (row["value_added_firm_count"], row["value_added_firm_without_giants_count"]) == (3, 2)
    assert row["least_firm_without_giants_count"] == row["least_value_added_firm_without_giants_count"] == 1
    assert row["value_added_per_mu_wan_yuan"] == Decimal("68.125")  # 1090/16: three of five report
    assert row["value_added_per_mu_without_giants_wan_yuan"] == Decimal(
        "6.428571"
    )  # 90/14: two of four report


def test_few_firms_that_report_value_added_withhold_neither_land_nor_tax(evaluated: Results) -> None:
    [row] = evaluated.table("district_summary", BELOW)
    assert (row["landed_firm_count"], row["value_added_firm_count"], row["giant_count"]) == (4, 1, 0)
    assert (row["land_total_mu"], row["tax_per_mu_wan_yuan"]) == (16, Decimal("1.25"))  # 20/16
    assert row["value_added_total_wan_yuan"] == 50
    # 50/16 would be the value added of one firm by the land of four
    assert row["value_added_per_mu_wan_yuan"] is None
    assert row["value_added_per_mu_without_giants_wan_yuan"] is None
    assert withheld(contract("per_mu.district_summary"), row) == {
        "value_added_total_wan_yuan", "value_added_per_mu_wan_yuan", "value_added_without_giants_wan_yuan",
        "value_added_per_mu_without_giants_wan_yuan",
    }  # fmt: skip


def test_a_giant_that_reports_no_value_added_withholds_that_of_no_others(evaluated: Results) -> None:
    [row] = evaluated.table("district_summary", SILENT_GIANT)
    assert (row["giant_count"], row["value_added_firm_count"]) == (1, 3)
    # 800 - 200 of tax is the giant's own, but there is no difference of value added
    assert row["value_added_total_wan_yuan"] == row["value_added_without_giants_wan_yuan"] == 90
    assert withheld(contract("per_mu.district_summary"), row) == {
        "land_without_giants_mu", "tax_contribution_without_giants_wan_yuan", "tax_per_mu_without_giants_wan_yuan",
    }  # fmt: skip
    # 90/10 with the giant, 90/8 without: 3 of 5 and 3 of 4 report
    assert row["value_added_per_mu_wan_yuan"] == 9
    assert row["value_added_per_mu_without_giants_wan_yuan"] == Decimal("11.25")


def test_a_firm_outside_the_grading_is_a_giant_if_it_is_as_large_as_one(evaluated: Results) -> None:
    [row] = evaluated.table("district_summary", EXEMPT_GIANT)
    assert (row["giant_count"], row["landed_firm_count"]) == (1, 11)
    assert row["tax_per_mu_wan_yuan"] == 60  # 1500/25
    assert row["tax_per_mu_without_giants_wan_yuan"] == 50  # 1000/20
    [base] = [r for r in evaluated.table("baseline", EXEMPT_GIANT) if r["list_code"] == "above_scale"]
    assert base["giant_count"] == 0  # a baseline is of units only


def test_a_merged_tenant_is_left_out_with_its_giant(evaluated: Results) -> None:
    rows = {r["list_code"]: r for r in evaluated.table("district_summary", MERGED)}
    above, of_tenant = rows["above_scale"], rows["tenant"]
    assert (above["giant_count"], above["tax_contribution_without_giants_wan_yuan"]) == (1, 20)
    assert (of_tenant["giant_count"], of_tenant["tax_contribution_without_giants_wan_yuan"]) == (1, 0)


def test_where_nobody_is_left_there_are_no_quotients(evaluated: Results) -> None:
    [row] = evaluated.table("district_summary", ALONE)
    assert (row["landed_firm_without_giants_count"], row["land_without_giants_mu"]) == (0, 0)
    assert row["tax_per_mu_without_giants_wan_yuan"] is None
    assert row["value_added_without_giants_wan_yuan"] is None


def test_statuses_and_grades_of_every_list_sum_to_its_firms(evaluated: Results) -> None:
    rows = evaluated.rows["district_summary"]
    assert len({(r["year"], r["district_code"], r["list_code"]) for r in rows}) == len(rows)
    for r in rows:
        statuses = ("graded", "exempt", "protected", "data_incomplete", "out_of_scope")
        assert sum(r[f"{s}_count"] for s in statuses) == r["firm_count"]
        assert sum(r[f"grade_{g}_count"] for g in "abcd") == r["graded_count"]
    assert sum(r["firm_count"] for r in rows) == len(WORLD.firms)
