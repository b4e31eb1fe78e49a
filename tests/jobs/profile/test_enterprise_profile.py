"""Profiles: arithmetic that a person can check, and the periods that are computed."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from pipeline.periods import input_periods, target_periods
from pipeline.registry import registry
from schemas.contract import contract
from tests.jobs.profile.conftest import Golden
from tests.jobs.profile.golden import (
    CASES,
    GRADED,
    GROWER,
    LEADER,
    MONTH,
    ORDERED,
    OTHER,
    SIZES,
    STARTS,
    WORLD,
)
from tests.jobs.profile.world import World, run

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

TABLE = "profile.enterprise_profile"


def test_a_profile_has_at_least_eighty_columns() -> None:
    assert len(contract(TABLE).columns) >= 80


def test_growth_compares_with_the_year_before(golden: Golden) -> None:
    # 2022: 133.1 / 121 = 1.1; 2023: 90 / 133.1 = 0.676183..., rounded at six digits, less one
    assert golden.column(GROWER, "output_growth_pct", "2022") == "10.000000"
    assert golden.column(GROWER, "output_growth_pct") == "-32.381700"
    # 3 - 1 in both years
    assert golden.column(GROWER, "tax_total_wan_yuan") == "2.000000"
    assert golden.column(GROWER, "tax_growth_pct") == "0.0000"


def test_compound_growth_spans_three_years(golden: Golden) -> None:
    # (90 / 100)^(1/3) = 0.965489...; the edges of -3.45 %: 100 x 0.96545³ = 89.989 ≤ 90 < 90.017 = 100 x 0.96555³
    assert golden.column(GROWER, "output_cagr_pct") == "-3.4500"
    assert golden.column(GROWER, "tax_cagr_pct") == "0.0000"
    # no figures exist for 2019, three years before 2022
    assert golden.column(GROWER, "output_cagr_pct", "2022") is None


def test_growth_from_almost_nothing_is_missing_with_its_reason(golden: Golden) -> None:
    found = {
        name: (golden.column(name, "value_added_growth_pct"), golden.profile(name)["growth_notes"])
        for name in STARTS
    }
    assert found == {
        name: (growth, [f"{note}:value_added_growth_pct"] if note else [])
        for name, (_, _, growth, note) in STARTS.items()
    }


def test_growth_over_three_years_needs_figures_above_zero_at_both_ends(golden: Golden) -> None:
    # no figures exist for 2019
    assert golden.profile(GROWER, "2022")["growth_notes"] == [
        "no_base:tax_cagr_pct", "no_base:output_cagr_pct",
    ]  # fmt: skip


def test_an_incomplete_year_is_not_compared_with_other_years(golden: Golden) -> None:
    row = golden.profile(GROWER, "2024")
    assert row["growth_notes"] == [
        f"not_comparable:{name}"
        for name in ("tax_growth_pct", "output_growth_pct", "tax_cagr_pct", "output_cagr_pct")
    ]
    assert row["output_growth_pct"] is None and row["output_cagr_pct"] is None
    assert (row["figures_year"], row["output_as_of"], row["tax_as_of"]) == ("2024", "2024-06", "2024-06")
    # the month's figures are those of the last complete year
    month = golden.profile(GROWER, MONTH)
    assert (month["figures_year"], month["output_as_of"], month["as_of_date"]) == (
        "2023",
        "2023",
        date(2024, 6, 30),
    )
    assert golden.column(GROWER, "output_growth_pct", MONTH) == "-32.381700"


def test_a_size_class_needs_both_limits_and_micro_only_one(golden: Golden) -> None:
    found = {name: golden.column(name, "size_class_code") for name in SIZES}
    assert found == {
        "LARGE": "large", "MEDIUM": "medium", "MEDIUM2": "medium", "SMALL": "small", "SMALL2": "small",
        "MICRO": "micro", "MICRO2": "micro", "MICRO3": "micro", "NOT_KNOWN": None,
    }  # fmt: skip
    assert golden.column("BELOW", "size_class_code") == "small"
    assert golden.column("BELOW", "size_staff_count") == "25.00"


def test_a_profile_has_the_grades_of_five_years_and_the_years_in_d(golden: Golden) -> None:
    row = golden.profile(GRADED)
    # the correction of 2023 is in force; D in 2021, 2022 and 2023
    assert row["grade_history"] == ["2019=A", "2020=B", "2021=D", "2022=D", "2023=D"]
    assert (row["final_grade"], row["grade_d_years"], row["rank_in_list"]) == ("D", 3, 3)
    # last of three: 1/3, rounded at six digits
    assert golden.column(GRADED, "list_percentile_pct") == "33.3333"
    assert golden.column(GRADED, "total_score") == "12.500000"
    assert golden.column(GRADED, "grade_d_years", "2022") == 2
    assert golden.column(GROWER, "grade_d_years") is None and golden.column(GROWER, "grade_history") == []


def test_honours_cases_and_listings_are_as_of_the_periods_last_day(golden: Golden) -> None:
    before, now, later = (golden.profile(CASES, year) for year in ("2022", "2023", "2024"))
    # the national award was valid to the last day of 2022
    assert [r["little_giant_level_code"] for r in (before, now)] == ["national", "provincial"]
    assert [r["honour_count"] for r in (before, now)] == [2, 1]
    assert set(before["case_codes"]) == {"safety_fatal", "minor_fine"}
    # the accident of 31 December 2020 is three years old on 31 December 2023, the fine a day younger
    assert now["case_codes"] == ["minor_fine"] and (now["accident_count"], now["penalty_count"]) == (0, 1)
    assert later["case_codes"] == []
    # the listing was open at the end of 2022, whatever was reported in 2023
    assert (before["open_listing_codes"], now["open_listing_codes"]) == (["dishonest_debtor"], [])
    assert (before["risk_level_code"], before["risk_reasons"]) == (
        "high",
        ["listed_serious", "fatal_accident"],
    )
    assert (now["risk_level_code"], now["risk_reasons"]) == ("low", [])


def test_a_profile_has_the_main_node_and_the_firms_share_of_its_output(golden: Golden) -> None:
    row = golden.profile(LEADER)
    assert (row["main_chain_code"], row["main_node_code"], row["placed_node_count"]) == (
        "XTCX",
        "XTCX-M01",
        2,
    )
    # 0.75 x 80,000 of 0.75 x 80,000 + 0.5 x 40,000
    assert golden.column(LEADER, "node_output_wan_yuan") == "60000.000000"
    assert golden.column(LEADER, "node_output_share_pct") == "75.0000"
    assert golden.column(OTHER, "main_node_share") == "0.500000"
    assert golden.column(GROWER, "main_node_code") is None and golden.column(GROWER, "chain_as_of") is None


def test_orders_of_three_months_are_compared_with_the_three_months_before(golden: Golden) -> None:
    # orders 60 x 3 after 100 x 3; cumulative output 600 after 480
    assert golden.column(ORDERED, "orders_change_pct", MONTH) == "-40.0000"
    assert golden.column(ORDERED, "output_ytd_growth_pct", MONTH) == "25.0000"
    assert golden.column(ORDERED, "orders_as_of", MONTH) == "2024-06"
    assert golden.column(ORDERED, "report_month_count", MONTH) == 6
    assert golden.column(ORDERED, "report_month_count", "2023") is None


def test_completeness_is_the_share_of_a_groups_fields_that_are_known(golden: Golden) -> None:
    row = golden.profile(LEADER)
    # output: 1 field of 5; innovation: R&D, 1 of 6; register: district, industry, date and status are known
    found = {g: str(row[f"{g}_completeness"]) for g in ("output", "innovation", "register", "water", "chain")}
    assert found == {
        "output": "0.2000",
        "innovation": "0.1667",
        "register": "1.0000",
        "water": "0.0000",
        "chain": "1.0000",
    }
    # 4 of the register, 1 of output, 1 of innovation, 2 of the chain, of 36 fields
    assert str(row["profile_completeness"]) == "0.2222"
    assert row["water_as_of"] is None and row["output_as_of"] == "2023"


def test_profiles_exist_for_exactly_the_firms_of_the_directory(golden: Golden) -> None:
    listed = {(r["uscc"], r["year"]) for r in WORLD.tables["enterprises"] if r["year"] >= "2022"}
    months = {(uscc, MONTH) for uscc, year in listed if year == "2024"}
    assert golden.profiles.keys() == listed | months


@pytest.mark.parametrize("periods", [["2023"], [MONTH], ["2022", MONTH]])
def test_only_the_requested_periods_are_computed(
    spark: SparkSession, golden: Golden, periods: list[str]
) -> None:
    """One period or several: the rows equal those of a run over all periods."""
    _, rows = run(spark, WORLD, periods)
    expected = {key: row for key, row in golden.profiles.items() if key[1] in periods}
    assert {(r["uscc"], r["period"]): r for r in rows} == expected


def test_without_requested_periods_there_are_no_rows(spark: SparkSession) -> None:
    assert run(spark, World(), [])[1] == []


def test_years_and_the_latest_month_are_tables_of_their_own() -> None:
    years, months = registry()[TABLE], registry()[f"{TABLE}_month"]
    known = {
        "core.enterprise": dict.fromkeys(["2023", "2024"], ""),
        "core.enterprise_month": dict.fromkeys(["2024-02", "2024-03"], ""),
    }
    assert target_periods(years, known) == ["2023", "2024"]
    assert target_periods(months, known) == ["2024-03"]
    # months of 2025 come before its directory
    ahead = known | {"core.enterprise_month": {**known["core.enterprise_month"], "2025-05": "later"}}
    assert target_periods(months, ahead) == ["2024-03"]
    # the year and its latest month depend on the same months, so they become stale together
    of_year, of_month = (
        input_periods(job.inputs["months_to_date"].periods, period, known["core.enterprise_month"])
        for job, period in ((years, "2024"), (months, "2024-03"))
    )
    assert of_year == of_month == ["2024-02", "2024-03"]
