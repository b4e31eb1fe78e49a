"""core.enterprise_year: monthly figures are added up, cumulative figures are not, missing figures stay missing."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from jobs.core.enterprise_year import JOB, enterprise_year
from tests.frames import frame

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
    assert str(row["output_wan_yuan"]) == "120.000000"  # December holds the whole year
    assert str(row["value_added_wan_yuan"]) == "-3.000000"
    assert str(row["power_kwh"]) == "20.00"  # two accounts
    assert row["insured_count"] == 11  # 10.5, half up
    assert row["tax_income_wan_yuan"] is None and row["land_area_mu"] is None
    assert row["missing_feeds"] == ["gov_energy"]


def test_a_year_in_progress_says_how_far_its_figures_reach(spark: SparkSession) -> None:
    """The last month of the statistics decides for all firms, until there is an annual report or December."""
    other = {"uscc": "91370200797522673R"}
    months = [{"uscc": U, "period": "2024-02"}, {**other, "period": "2024-06", "output_wan_yuan": "60"}]
    tax = [{"uscc": U, "period": f"2024-{month:02}", "tax_vat_wan_yuan": "1"} for month in range(1, 9)]
    report = {**other, "period": "2024", "output_wan_yuan": "130"}
    before = {"uscc": U, "period": "2023", "output_wan_yuan": "100"}  # the year before has its report

    def as_of(**given: Any) -> str:
        return str(year(spark, **given)["figures_as_of"])

    assert as_of(monthly=months, tax=tax, annual=[before]) == "2024-06"
    assert as_of(tax=tax) == "2024-08"  # no statistics of the year at all
    assert as_of(monthly=months, tax=tax, annual=[report]) == "2024"
    assert as_of(monthly=[*months, {**other, "period": "2024-12"}]) == "2024"
    assert as_of(tax=[{"uscc": U, "period": "2024", "tax_vat_wan_yuan": "8"}]) == "2024"
    assert as_of() == "2024"


OLD, BRANCH = "91110000600037341L", "91370200797522673R"
#: OLD was absorbed on 15 May 2024; BRANCH has been a branch since 1 January 2024.
BECAME = [
    {"from_uscc": OLD, "to_uscc": U, "year": "2024", "valid_from_date": date(2024, 5, 15)},
    {"from_uscc": BRANCH, "to_uscc": U, "year": "2024", "valid_from_date": date(2024, 1, 1)},
]


def test_rows_of_an_absorbed_firm_and_of_a_branch_count_for_the_enterprise_behind_them(
    spark: SparkSession,
) -> None:
    months: dict[str, list[dict[str, Any]]] = {
        "tax": [{"uscc": OLD, "period": f"2024-{m:02}", "tax_vat_wan_yuan": "1"} for m in range(1, 13)],
        "electricity": [
            {"uscc": BRANCH, "period": f"2024-{m:02}", "meter_account_code": "b", "power_kwh": "10"}
            for m in (1, 2)
        ],
        "water": [
            {"uscc": u, "period": "2024-06", "water_account_code": a, "water_m3": "5"}
            for u, a in ((U, "u"), (OLD, "o"))
        ],
        "insurance": [
            *({"uscc": U, "period": f"2024-{m:02}", "insured_count": 10} for m in (1, 2, 7)),
            {"uscc": OLD, "period": "2024-07", "insured_count": 4},
            {"uscc": BRANCH, "period": "2024-01", "insured_count": 1},
        ],
        "emission": [
            {"uscc": BRANCH, "period": "2024", "cod_t": "2", "nh3n_t": "0", "so2_t": "0", "nox_t": "1"}
        ],
        "energy": [{"uscc": BRANCH, "period": "2024", "energy_tce": "9"}],
        "refused": [{"feed": "gov_tax", "period": "2024-08", "uscc": OLD, "reasons": ["a:b"]}],
    }
    row = year(spark, "2024", **months, succession=BECAME)
    assert str(row["tax_vat_wan_yuan"]) == "7.000000"  # June to December; May began before 15 May
    assert str(row["power_kwh"]) == "20.00"
    assert str(row["water_m3"]) == "10.00"
    assert row["insured_count"] == 12  # (11 + 10 + 14) / 3 months = 11.67
    assert str(row["emission_t"]) == "3.000000"
    assert row["energy_tce"] is None  # figures that a directory firm reports about itself stay with it
    assert row["quarantined_feeds"] == ["gov_tax"]
    assert row["missing_feeds"] == ["gov_energy", "gov_statistics"]


def test_customs_are_summed_and_patents_are_counted_as_known_in_the_year(spark: SparkSession) -> None:
    def patent(
        number: int, period: str, status: str, applied: str, granted: str | None = None, **more: Any
    ) -> Any:
        return {
            "uscc": U, "patent_code": f"p{number}", "period": period, "patent_status_code": status,
            "patent_kind_code": "utility_model", "applied_date": date.fromisoformat(applied),
            "granted_date": granted and date.fromisoformat(granted), **more,
        }  # fmt: skip

    patents = [
        patent(1, "2022", "pending", "2022-05-01"), patent(1, "2023", "granted", "2022-05-01", "2023-04-01"),
        patent(2, "2022", "granted", "2018-01-01", "2019-01-01", patent_kind_code="invention"),
        patent(3, "2022", "granted", "2018-01-01", "2019-01-01"),
        patent(3, "2023", "lapsed", "2018-01-01", "2019-01-01"),
        patent(4, "2023", "pending", "2023-02-01"), patent(4, "2024", "granted", "2023-02-01", "2024-02-01"),
        patent(5, "2023", "granted", "2023-02-01", "2023-12-31", uscc=OLD),
    ]  # fmt: skip
    customs = [
        {"uscc": U, "period": period, "trade_direction_code": direction, "customs_value_wan_yuan": value}
        for period, direction, value in (
            ("2023-01", "export", "2"),
            ("2023-12", "export", "3"),
            ("2023-12", "import", "1"),
        )
    ]
    row = year(spark, "2023", patents=patents, customs=customs)
    # applied for: 4; granted: 1; in force: 1 and 2 (2 is an invention); 3 has lapsed, 4 is granted in 2024
    counts = (
        "patents_applied_count",
        "patents_granted_count",
        "patents_valid_count",
        "inventions_valid_count",
    )
    assert [row[c] for c in counts] == [1, 1, 2, 1]
    assert [str(row[f"customs_{d}_wan_yuan"]) for d in ("export", "import")] == ["5.000000", "1.000000"]
    blank = year(spark, "2023")
    assert blank["patents_valid_count"] is None and blank["customs_export_wan_yuan"] is None


def test_missing_and_quarantined_feeds_are_listed(spark: SparkSession) -> None:
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


def test_a_quarantined_month_of_statistics_is_listed_only_without_an_annual_report(
    spark: SparkSession,
) -> None:
    refused = [{"feed": "gov_statistics_monthly", "period": "2024-03", "uscc": U, "reasons": ["a:b"]}]
    months = [{"uscc": U, "period": "2024-12", "output_wan_yuan": "120"}]
    without = year(spark, refused=refused, monthly=months)
    assert without["quarantined_feeds"] == ["gov_statistics_monthly"]
    annual = [{"uscc": U, "period": "2024", "output_wan_yuan": "121"}]
    reported = year(spark, refused=refused, monthly=months, annual=annual)
    assert reported["quarantined_feeds"] == []
    assert str(reported["output_wan_yuan"]) == "121.000000"


def test_land_area_is_own_use_plus_leased_land(spark: SparkSession) -> None:
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


def permit(code: str, kind: str, since: str, until: str, period: str = "2024", **more: Any) -> dict[str, Any]:
    return {
        "uscc": U, "permit_code": code, "permit_class_code": kind, "period": period,
        "permit_from_date": date.fromisoformat(since), "permit_to_date": date.fromisoformat(until), **more,
    }  # fmt: skip


REPORT = {"uscc": U, "period": "2024", "cod_t": "0", "nh3n_t": "0", "so2_t": "0", "nox_t": "0"}


def test_the_strictest_permit_counts_and_amounts_are_summed(spark: SparkSession) -> None:
    row = year(
        spark,
        permit=[
            permit("a", "registered", "2020-01-01", "2030-01-01"),
            permit("b", "simplified", "2022-01-01", "2028-01-01", cod_permitted_t="1.5", so2_permitted_t="2"),
            permit("c", "key", "2022-01-01", "2027-01-01", nox_permitted_t="4"),
        ],
    )
    assert (row["permit_class_code"], row["permit_code"]) == ("key", "c")
    assert str(row["emission_permitted_t"]) == "7.500000"
    assert "gov_emission" in row["missing_feeds"]


def test_a_report_of_zero_tonnes_is_a_report(spark: SparkSession) -> None:
    row = year(spark, permit=[permit("c", "key", "2022-01-01", "2027-01-01")], emission=[REPORT])
    assert str(row["emission_t"]) == "0.000000" and "gov_emission" not in row["missing_feeds"]


def test_only_a_permit_held_for_three_months_of_the_year_obliges(spark: SparkSession) -> None:
    def owed(*rows: dict[str, Any]) -> tuple[str | None, bool]:
        row = year(spark, permit=list(rows))
        return row["permit_class_code"], "gov_emission" in row["missing_feeds"]

    assert owed() == (None, False)
    assert owed(permit("r", "registered", "2020-01-01", "2030-01-01")) == ("registered", False)
    # 1 October to 31 December are three months, 2 October to 31 December are not
    assert owed(permit("n", "key", "2024-10-01", "2029-09-30")) == ("key", True)
    assert owed(permit("n", "key", "2024-10-02", "2029-10-01")) == (None, False)
    assert owed(permit("e", "simplified", "2019-04-01", "2024-03-31")) == ("simplified", True)
    assert owed(permit("e", "simplified", "2019-03-31", "2024-03-30")) == (None, False)
    assert owed(permit("o", "key", "2015-01-01", "2023-12-31")) == (None, False)  # expired before the year
    # renewed in November: last year's register tells the first term
    renewed = permit("n", "key", "2024-11-01", "2029-10-31")
    assert owed(renewed, permit("n", "key", "2019-11-01", "2024-10-31", "2023")) == ("key", True)
    # a cancelled permit is no longer on the register of the year's end
    assert owed(permit("x", "key", "2019-11-01", "2029-10-31", "2023")) == (None, False)
