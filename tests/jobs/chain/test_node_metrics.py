"""Node figures: arithmetic that a person can check."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from tests.jobs.chain.golden import ODD, STRANGER
from tests.jobs.chain.world import Results, World, code_of, run

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_the_figures_of_a_year_sum_the_firms_parts(golden: Results) -> None:
    """TST-M01 in 2024: weaver 120,000 × 0.833334 = 100,000.08, odd firm 50,000, no figures of the other two."""
    row = golden.one("node_metrics", node_code="TST-M01", year="2024")
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
    row = golden.one("node_metrics", node_code="TST-M01", year="2024")
    assert row["comparable_count"] == 2
    assert row["comparable_output_before_wan_yuan"] == Decimal("116666.72")
    assert row["output_growth_pct"] == Decimal("28.5714")
    # the tailor has its own figures of 2023, and no report of a month: 100,000 of 50,000
    assert golden.one("node_metrics", node_code="TST-D01", year="2024")["output_growth_pct"] == 100


def test_a_firm_that_came_above_scale_is_compared_by_its_own_statement(golden: Results) -> None:
    """The spinner reports nothing of 2023; in December 2024 it states 24,000 for last year: 30,000 is 25 % more.

    The year and its months to December have one growth.
    """
    year = golden.one("node_metrics", node_code="TST-U01", year="2024")
    december = golden.one("node_metrics_month", node_code="TST-U01", month="2024-12")
    assert year["output_wan_yuan"] == december["output_ytd_wan_yuan"] == 30_000
    for row in (year, december):
        assert row["comparable_count"] == 1
        assert (row["output_growth_pct"], row["value_added_growth_pct"]) == (25, 20)


def test_a_statement_of_december_comes_before_the_own_figures_of_last_year(spark: SparkSession) -> None:
    """甲 took over another firm: of 2023 it reported 100, and states 150 for its present extent. 乙 states nothing."""
    world = World()
    for name, before in (("甲", 100), ("乙", 300)):
        world.firm(name, "1712", before, year="2023", makes={"171201": "100"})
        world.firm(name, "1712", 330, makes={"171201": "100"})
    for name, stated in (("甲", 150), ("乙", None)):
        world.months.append(
            {
                "uscc": name, "month": "2024-12", "year": "2024", "district_code": "330203",
                "output_ytd_wan_yuan": 330, "output_last_year_wan_yuan": stated,
            }
        )  # fmt: skip
    results = run(spark, world)
    for table, place in (
        ("node_metrics", {"node_code": "TST-M01"}),
        ("chain_metrics", {"chain_code": "TST"}),
    ):
        year = results.one(table, **place, year="2024")
        december = results.one(f"{table}_month", **place, month="2024-12")
        assert year["comparable_output_before_wan_yuan"] == 450
        assert december["comparable_output_before_ytd_wan_yuan"] == 450
        assert year["output_growth_pct"] == december["output_growth_pct"] == Decimal("46.6667")


def test_a_month_compares_cumulative_figures_of_the_same_months(golden: Results) -> None:
    """110,000 compared with 80,000, both × 0.833334; a lead firm needs eleven twelfths of 100,000."""
    row = golden.one("node_metrics_month", node_code="TST-M01", month="2024-11")
    assert row["output_ytd_wan_yuan"] == Decimal("91666.74") and row["output_growth_pct"] == Decimal("37.5")
    assert row["lead_firm_count"] == 1 and row["firm_count"] == 4
    assert golden.one("node_metrics_month", node_code="TST-M01", month="2024-02")["lead_firm_count"] == 1


def test_local_supply_and_outside_dependence_come_from_the_flows(golden: Results) -> None:
    """Cloth: 300 of 400 are supplied locally. TST-M01 bought 158: the weaver yarn (90 local, 60 outside), the buyer
    wadding (8 outside)."""
    row = golden.one("node_metrics", node_code="TST-M01", year="2024")
    assert (row["demand_wan_yuan"], row["local_supply_pct"]) == (400, 75)
    assert (row["purchases_wan_yuan"], row["outside_dependence_pct"]) == (158, Decimal("43.038"))
    # only December has trades; up to November there are statistics but no trades, so no local supply rate
    assert (row["trade_month_count"], row["demand_wan_yuan"]) == (1, 400)
    assert golden.one("node_metrics_month", node_code="TST-M01", month="2024-11")["local_supply_pct"] is None


def test_coverage_compares_recorded_and_estimated_purchases_of_the_same_firms(golden: Results) -> None:
    """Estimates of one month: weaver (120,000 − 30,000) / 12 × 0.833334 = 6,250.005, odd firm 37,500 / 12 = 3,125.

    The weaver's 150 × 0.833334 are recorded. The buyer reports no revenue, so its 8 cover nothing.
    """
    row = golden.one("node_metrics", node_code="TST-M01", year="2024")
    assert row["estimated_purchases_wan_yuan"] == Decimal("9375.005")
    assert row["covered_purchases_wan_yuan"] == Decimal("125.0001")
    assert (row["purchase_coverage_pct"], row["excess_purchases_wan_yuan"]) == (Decimal("1.3333"), 0)


def test_a_months_trades_are_cumulative_like_its_output_and_december_is_the_year(spark: SparkSession) -> None:
    """Cloth for 100 in February, 50 in March and 30 in December; the firms report February and December.

    Up to February: 100 of one month with trades, and an estimate of (3,000 − 1,000) / 2 = 1,000 for it. Up to December
    and in the year: 180 of three months, and 3 × (12,000 − 3,000) / 12 = 2,250.
    """
    world = World()
    maker, buyer = (
        world.firm(code_of(n), "1712", output, makes={"171201": "100"})
        for n, output in ((1, 12_000), (2, None))
    )
    for month, amount in (("02", 100), ("03", 50), ("12", 30)):
        world.trade(STRANGER, maker, "171201", amount, f"2024-{month}")
        world.trade(maker, buyer, "171201", amount, f"2024-{month}")
    for month, revenue, added in (("02", 3_000, 1_000), ("12", 12_000, 3_000)):
        world.months.append(
            {
                "uscc": maker, "month": f"2024-{month}", "year": "2024", "district_code": "330203",
                "output_ytd_wan_yuan": revenue, "revenue_ytd_wan_yuan": revenue, "value_added_ytd_wan_yuan": added,
            }
        )  # fmt: skip
    results = run(spark, world)
    names = (
        "trade_month_count",
        "demand_ytd_wan_yuan",
        "demand_local_ytd_wan_yuan",
        "estimated_purchases_ytd_wan_yuan",
    )
    for month, expected in (("2024-02", (1, 200, 100, 1_000)), ("2024-12", (3, 360, 180, 2_250))):
        row = results.one("node_metrics_month", node_code="TST-M01", month=month)
        assert tuple(row[name] for name in names) == expected, month
        of_chain = results.one("chain_metrics_month", chain_code="TST", month=month)
        assert tuple(of_chain[name] for name in names) == expected, month
    year = results.one("node_metrics", node_code="TST-M01", year="2024")
    assert tuple(year[name.replace("_ytd", "")] for name in names) == (3, 360, 180, 2_250)
    assert results.one("chain_metrics", chain_code="TST", year="2024")["trade_month_count"] == 3


def test_a_month_before_its_years_directory_has_no_row(spark: SparkSession) -> None:
    """The directory of 2025 is not there yet: its months would show every node without firms."""
    world = World()
    maker = world.firm(code_of(1), "1712", 12_000, makes={"171201": "100"})
    for month in ("2024-12", "2025-02"):
        world.months.append(
            {
                "uscc": maker, "month": month, "year": month[:4], "district_code": "330203",
                "output_ytd_wan_yuan": 100, "revenue_ytd_wan_yuan": 100, "value_added_ytd_wan_yuan": 30,
            }
        )  # fmt: skip
    results = run(spark, world)
    assert {row["month"] for row in results.rows["node_metrics_month"]} == {"2024-12"}
    assert {row["month"] for row in results.rows["chain_metrics_month"]} == {"2024-12"}


def test_purchases_above_the_estimate_are_a_figure_of_their_own(spark: SparkSession) -> None:
    """甲 trades: it needs (12,000 − 3,000) / 12 = 750 a month and bought 2,000; 乙 needs 1,500 and bought 600.

    丙 is below scale and bought 5,000: without an estimate it neither covers nor exceeds one.
    """
    world = World()
    for number, output, bought in ((1, 12_000, 2_000), (2, 24_000, 600), (3, None, 5_000)):
        world.firm(code_of(number), "1712", output, makes={"171201": "100"})
        world.trade(STRANGER, code_of(number), "171101", bought)
    row = run(spark, world).one("node_metrics", node_code="TST-M01", year="2024")
    assert row["purchases_wan_yuan"] == 7_600
    assert (row["estimated_purchases_wan_yuan"], row["covered_purchases_wan_yuan"]) == (2_250, 1_350)
    assert (row["purchase_coverage_pct"], row["excess_purchases_wan_yuan"]) == (60, 1_250)


def test_the_location_quotient_is_that_of_the_best_district(golden: Results) -> None:
    """All of TST-U01 is in 330203, which has 213,000 of the city's output of 413,000: 1 / 0.515738."""
    row = golden.one("node_metrics", node_code="TST-U01", year="2024")
    assert row["specialised_district_code"] == "330203"
    assert row["location_quotient"] == Decimal("1.938969")


def test_a_node_without_firms_has_a_row(golden: Results) -> None:
    row = golden.one("node_metrics", node_code="TST-M03", year="2024")
    assert (row["firm_count"], row["output_wan_yuan"], row["cr1_pct"]) == (0, None, None)
    assert not [r for r in golden.rows["node_metrics"] if r["node_code"] == "TST-M03" and r["year"] == "2023"]


def test_the_latest_version_of_a_grade_is_in_force(golden: Results) -> None:
    """Version 2 of the odd firm's grade is D."""
    rows = [r for r in golden.rows["local_supplier"] if r["uscc"] == ODD and r["year"] == "2024"]
    assert [r["final_grade"] for r in rows] == ["D"]
