"""per_mu.district_summary: counts and sums that a person can check."""

from __future__ import annotations

from decimal import Decimal

from tests.jobs.per_mu.world import WORLD, Results, firm, quota

TOWN = WORLD.district(
    firm("giant", "600", land_area_mu="2", value_added_wan_yuan="1000"),
    firm("a", "90", land_area_mu="2", value_added_wan_yuan="100"),
    firm("b", "60", land_area_mu="4", value_added_wan_yuan="-10"),
    firm("c", "50", land_area_mu="5"),
    firm("exempt", "100", land_area_mu="3", industry_code="4411", industry_division_code="44"),
    firm("no land", "100", land_area_mu=None),
    firm("closed", "100", land_area_mu="100", registration_status_code="cancelled"),
    rule={"giant_share": "0.5", "exempt_industries": ["44"], "quota": quota(a="0.25", b="0.25", d="0.25")},
)


def test_counts_and_sums_exist_with_and_without_the_giants(evaluated: Results) -> None:
    scopes = {r["scope_code"]: r for r in evaluated.table("district_summary", TOWN)}
    assert set(scopes) == {"all", "without_giants"}
    everyone, others = scopes["all"], scopes["without_giants"]
    # the giant has 600 of 1100 tax, above the share of 0.5
    assert (everyone["firm_count"], others["firm_count"]) == (7, 6)
    counts = (
        "graded_count",
        "exempt_count",
        "protected_count",
        "data_incomplete_count",
        "out_of_scope_count",
    )
    assert [everyone[c] for c in counts] == [4, 1, 0, 1, 1]
    grades = ("grade_a_count", "grade_b_count", "grade_c_count", "grade_d_count")
    assert [everyone[g] for g in grades] == [1, 1, 1, 1]
    assert [others[g] for g in grades] == [0, 1, 1, 1]
    # in scope with land: giant, a, b, c, exempt: 2 + 2 + 4 + 5 + 3 mu; 600 + 90 + 60 + 50 + 100
    assert (everyone["landed_firm_count"], everyone["land_total_mu"]) == (5, 16)
    assert (everyone["tax_contribution_wan_yuan"], everyone["tax_per_mu_wan_yuan"]) == (900, Decimal("56.25"))
    assert everyone["value_added_total_wan_yuan"] == 1090
    # value added is of the giant, a and b; without the giant it is of a and b, and the difference of both rows is the
    # giant's own figure
    assert (everyone["least_firm_count"], others["least_firm_count"]) == (3, 1)
    assert (others["land_total_mu"], others["tax_contribution_wan_yuan"]) == (14, 300)
    assert others["tax_per_mu_wan_yuan"] == Decimal("21.428571")  # 300/14
    assert others["value_added_per_mu_wan_yuan"] == Decimal("6.428571")  # 90/14


def test_statuses_and_grades_of_every_list_sum_to_its_firms(evaluated: Results) -> None:
    rows = [r for r in evaluated.rows["district_summary"] if r["scope_code"] == "all"]
    for r in rows:
        statuses = ("graded", "exempt", "protected", "data_incomplete", "out_of_scope")
        assert sum(r[f"{s}_count"] for s in statuses) == r["firm_count"]
        assert sum(r[f"grade_{g}_count"] for g in "abcd") == r["graded_count"]
    assert sum(r["firm_count"] for r in rows) == len(WORLD.firms)
