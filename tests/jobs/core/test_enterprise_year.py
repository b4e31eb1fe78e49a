"""core.enterprise_year: months add up, cumulative figures do not, missing stays missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from frames import frame

from jobs.core.enterprise_year import JOB, enterprise_year

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

U = "91350100M000100Y43"


def year(spark: SparkSession, period: str = "2024", **given: list[dict[str, Any]]) -> Any:
    frames = {name: frame(spark, i.table, given.get(name, [])) for name, i in JOB.inputs.items()}
    frames["enterprises"] = frame(
        spark, "core.enterprise", [{"uscc": U, "year": period, "identity_flags": [], "is_above_scale": True}]
    )
    [row] = enterprise_year(**frames).collect()
    return row


def test_months_are_added_and_cumulative_months_are_not(spark: SparkSession) -> None:
    row = year(
        spark,
        tax=[{"uscc": U, "period": f"2024-{m:02}", "tax_vat_wan_yuan": "1.5"} for m in range(1, 13)],
        monthly=[
            {"uscc": U, "period": "2024-02", "output_wan_yuan": "20"},
            {"uscc": U, "period": "2024-12", "output_wan_yuan": "120", "value_added_wan_yuan": "-3"},
        ],
        electricity=[
            {"uscc": U, "period": "2024-01", "meter_account_code": a, "power_kwh": "10"} for a in "ab"
        ],
        insurance=[
            {"uscc": U, "period": "2024-01", "insured_count": 10},
            {"uscc": U, "period": "2024-02", "insured_count": 11},
        ],
    )
    assert str(row["tax_vat_wan_yuan"]) == "18.000000"  # 12 x 1.5
    assert str(row["output_wan_yuan"]) == "120.000000"  # December is the year
    assert str(row["value_added_wan_yuan"]) == "-3.000000"
    assert str(row["power_kwh"]) == "20.00"  # two accounts
    assert row["insured_count"] == 11  # 10.5, half up
    assert row["tax_income_wan_yuan"] is None and row["land_area_mu"] is None
    assert row["missing_feeds"] == ["gov_energy"]


def test_what_is_missing_and_what_was_refused_is_said(spark: SparkSession) -> None:
    refused = [
        {"feed": "gov_tax", "period": "2023", "uscc": U, "reasons": ["a:b"]},
        {"feed": "gov_electricity", "period": "2022", "uscc": U, "reasons": ["a:b"]},
        {"feed": "gov_energy", "period": "2023", "uscc": U, "reasons": ["key:duplicate"]},
    ]
    row = year(spark, "2023", refused=refused)
    assert row["missing_feeds"] == [
        "gov_electricity", "gov_energy", "gov_social_insurance", "gov_statistics", "gov_tax",
    ]  # fmt: skip
    assert row["quarantined_feeds"] == ["gov_tax"]


def test_a_refused_month_of_statistics_matters_only_without_an_annual_report(spark: SparkSession) -> None:
    refused = [{"feed": "gov_statistics_monthly", "period": "2024-03", "uscc": U, "reasons": ["a:b"]}]
    months = [{"uscc": U, "period": "2024-12", "output_wan_yuan": "120"}]
    without = year(spark, refused=refused, monthly=months)
    assert without["quarantined_feeds"] == ["gov_statistics_monthly"]
    annual = [{"uscc": U, "period": "2024", "output_wan_yuan": "121"}]
    reported = year(spark, refused=refused, monthly=months, annual=annual)
    assert reported["quarantined_feeds"] == []
    assert str(reported["output_wan_yuan"]) == "121.000000"


def test_land_is_own_use_plus_leased(spark: SparkSession) -> None:
    uses = [
        {"parcel_id": "a", "uscc": U, "use_type_code": "own", "year": "2023", "used_area_mu": "6"},
        {"parcel_id": "b", "uscc": U, "use_type_code": "lease", "year": "2023", "used_area_mu": "2.5"},
        {
            "parcel_id": "a", "uscc": "t", "lessor_uscc": U, "use_type_code": "lease", "year": "2023",
            "used_area_mu": "4",
        },
    ]  # fmt: skip
    row = year(spark, "2023", uses=uses)
    figures = [
        str(row[c].normalize()) for c in ("land_area_mu", "land_own_mu", "land_lease_mu", "land_let_mu")
    ]
    assert figures == ["8.5", "6", "2.5", "4"]
