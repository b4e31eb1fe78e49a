"""Node figures: arithmetic that a person can check."""

from __future__ import annotations

from decimal import Decimal

from tests.jobs.chain.golden import ODD
from tests.jobs.chain.world import Results


def test_the_figures_of_a_year_sum_the_firms_parts(golden: Results) -> None:
    """TST-M01 in 2024: weaver 120,000 × 0.833334 = 100,000.08, odd firm 50,000, no figures of the other two."""
    row = golden.one("node_metrics", node_code="TST-M01", period="2024")
    assert (row["firm_count"], row["above_scale_count"], row["reporting_count"]) == (4, 2, 2)
    assert row["output_wan_yuan"] == Decimal("150000.08")
    assert row["cr1_pct"] == Decimal("66.6667") and row["cr5_pct"] == 100
    # 66.6667² + 33.3333²
    assert row["hhi"] == Decimal("5555.557778")
    assert (row["champion_count"], row["grade_d_count"], row["grade_b_count"]) == (1, 1, 0)
    # 100,000.08 is a lead firm's output, 50,000 is not
    assert row["lead_firm_count"] == 1


def test_growth_compares_the_same_firms(golden: Results) -> None:
    """With this year's shares: 120,000 × 0.833334 + 50,000, compared with 80,000 × 0.833334 + 50,000."""
    row = golden.one("node_metrics", node_code="TST-M01", period="2024")
    assert row["comparable_count"] == 2
    assert row["comparable_output_before_wan_yuan"] == Decimal("116666.72")
    assert row["output_growth_pct"] == Decimal("28.5714")
    # the spinner is new: nothing to compare
    new = golden.one("node_metrics", node_code="TST-U01", period="2024")
    assert (new["output_wan_yuan"], new["comparable_count"], new["output_growth_pct"]) == (30_000, 0, None)


def test_a_month_compares_cumulative_figures_of_the_same_months(golden: Results) -> None:
    """110,000 compared with 80,000, both × 0.833334; a lead firm needs eleven twelfths of 100,000."""
    row = golden.one("node_metrics", node_code="TST-M01", period="2024-11")
    assert row["output_wan_yuan"] == Decimal("91666.74") and row["output_growth_pct"] == Decimal("37.5")
    assert row["lead_firm_count"] == 1 and row["firm_count"] == 4
    assert golden.one("node_metrics", node_code="TST-M01", period="2024-02")["lead_firm_count"] == 1


def test_local_supply_and_outside_dependence_come_from_the_flows(golden: Results) -> None:
    """Cloth: 300 of 400 are supplied locally. TST-M01 bought 158: the weaver yarn (90 local, 60 outside), the buyer
    wadding (8 outside).

    Purchases estimated for one month: (150,000.08 − 37,500.02) / 12 = 9,375.005; 158 are recorded.
    """
    row = golden.one("node_metrics", node_code="TST-M01", period="2024")
    assert (row["demand_wan_yuan"], row["local_supply_pct"]) == (400, 75)
    assert (row["purchases_wan_yuan"], row["outside_dependence_pct"]) == (158, Decimal("43.038"))
    assert row["estimated_purchases_wan_yuan"] == Decimal("9375.005")
    assert row["purchase_coverage_pct"] == Decimal("1.6853")
    # only December has trades; November has statistics but no trades, so no local supply rate
    assert golden.one("node_metrics", node_code="TST-M01", period="2024-11")["local_supply_pct"] is None


def test_the_location_quotient_is_that_of_the_best_district(golden: Results) -> None:
    """All of TST-U01 is in 330203, which has 213,000 of the city's output of 413,000: 1 / 0.515738."""
    row = golden.one("node_metrics", node_code="TST-U01", period="2024")
    assert row["specialised_district_code"] == "330203"
    assert row["location_quotient"] == Decimal("1.938969")


def test_a_node_without_firms_has_a_row(golden: Results) -> None:
    row = golden.one("node_metrics", node_code="TST-M03", period="2024")
    assert (row["firm_count"], row["output_wan_yuan"], row["cr1_pct"]) == (0, None, None)
    assert not [r for r in golden.rows["node_metrics"] if r["node_code"] == "TST-M03" and r["year"] == "2023"]


def test_the_latest_version_of_a_grade_is_in_force(golden: Results) -> None:
    """Version 2 of the odd firm's grade is D."""
    rows = [r for r in golden.rows["local_supplier"] if r["uscc"] == ODD and r["year"] == "2024"]
    assert [r["final_grade"] for r in rows] == ["D"]
