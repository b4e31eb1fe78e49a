"""Land that could be freed, and promises of land contracts: golden cases."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from jobs.resource.land_potential import land_potential
from jobs.resource.land_potential_district import land_potential_district
from jobs.resource.land_promise import land_promise
from jobs.resource.rules.efficiency import efficiency_rules
from jobs.resource.rules.promises import promise_rules
from tests.frames import frame

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Row = dict[str, Any]


def test_land_is_freed_by_reason_and_never_more_than_the_parcel(spark: SparkSession) -> None:
    due = {
        "used": date(2020, 1, 1), "rest": date(2020, 1, 1), "refused": date(2020, 1, 1), "building": date(2024, 6, 1),
        "late": date(2023, 6, 1), "very late": date(2021, 12, 31), "vacant": None, "under-used": None,
    }  # fmt: skip
    key = {name: {"parcel_id": name, "year": "2023"} for name in due}
    parcels = [
        {**key[name], "owner_uscc": name, "parcel_area_mu": 10, "completion_due_date": day}
        for name, day in due.items()
    ]
    surveyed = {"used": 10, "vacant": 10, "under-used": 10}
    uses = [
        {**key[name], "uscc": name, "use_type_code": "own", "used_area_mu": 4 if name == "rest" else 10,
         "surveyed_area_mu": surveyed.get(name)}
        for name in due
    ]  # fmt: skip
    buildings = [
        {"parcel_id": name, "period": "2023", "building_area_m2": 1000, "vacant_area_m2": vacant}
        for name, vacant in (("used", 199), ("rest", 0), ("refused", 0), ("vacant", 250), ("under-used", 0))
    ]
    figures = [
        {"uscc": name, "year": "2023", "quarantined_feeds": ["gov_land_survey"] if name == "refused" else []}
        for name in due
    ]
    # 0.2 persons per mu where 0.5 are the least: two fifths of the land are needed
    listed = [
        {"uscc": "under-used", "year": "2023", "failed_conditions": ["land_under_used", "low_tax"],
         "persons_per_mu": "0.2", "persons_per_mu_bound": "0.5"}
    ]  # fmt: skip
    rules = efficiency_rules()
    found = land_potential(
        frame(spark, "core.parcel", parcels),
        frame(spark, "core.parcel_use", uses),
        frame(spark, "raw.gov_building", buildings),
        frame(spark, "core.enterprise_year", figures),
        frame(spark, "resource.low_efficiency", listed),
        rules=rules,
    )
    rows = {
        r["parcel_id"]: (r["potential_reasons"], r["freed_mu"], r["land_tool_code"]) for r in found.collect()
    }
    assert rows == {
        "rest": (["no_user"], 4, "split_transfer"),
        "late": (["no_user", "past_completion"], 10, "press_for_completion"),
        "very late": (["no_user", "past_completion"], 10, "withdraw"),
        "vacant": (["vacant_floor"], Decimal("2.5"), "let_floor"),
        "under-used": (["under_used"], 6, "integrate"),
    }
    [district] = land_potential_district(frame(spark, "core.parcel", parcels), found, rules=rules).collect()
    # 4 + 10 + 10 + 2.5 + 6 of 80 mu
    assert (district["land_total_mu"], district["freed_mu"], district["freed_share_pct"]) == (
        80, Decimal("32.5"), Decimal("40.625"),
    )  # fmt: skip
    assert (district["withdrawable_count"], district["aim_mu"]) == (1, 40000)


def contract(name: str, year: int, **given: Any) -> Row:
    return {
        "land_contract_code": name, "parcel_id": f"330206001GB{name}", "uscc": name, "period": str(year),
        "reported_district_code": "330206", "signed_date": date(2018, 1, 1), "land_term_code": "full_term",
        "production_due_date": date(2021, 1, 1), **given,
    }  # fmt: skip


def firm(name: str, year: int, **given: Any) -> Row:
    return {"uscc": name, "year": str(year), "figures_as_of": str(year), "land_area_mu": 10, **given}


def test_promises_are_judged_from_full_production_on(spark: SparkSession) -> None:
    years = (2020, 2021, 2022, 2023)
    tax = {2020: 500, 2021: 200, 2022: 300, 2023: 250}
    contracts = [contract("c", y, promised_tax_per_mu_wan_yuan=30) for y in years]
    signed = frame(spark, "raw.gov_land_contract", contracts)
    rows = land_promise(
        signed,
        signed,
        frame(spark, "core.enterprise_year", [firm("c", y, tax_vat_wan_yuan=tax[y]) for y in years]),
        frame(spark, "core.succession", []),
        rules=promise_rules(),
    ).collect()
    # full production is due on 1 January 2021; 20, 30 and 25 万元 a mu against 30
    assert [
        (r["year"], r["actual_value"], r["promise_state_code"], r["missed_since_year"])
        for r in sorted(rows, key=lambda r: r["year"])
    ] == [
        ("2020", 50, "not_due", None), ("2021", 20, "missed", "2021"), ("2022", 30, "met", None),
        ("2023", 25, "missed", "2023"),
    ]  # fmt: skip


def test_earlier_years_only_tell_since_when_a_promise_is_missed(spark: SparkSession) -> None:
    contracts = [contract("c", y, promised_tax_per_mu_wan_yuan=30) for y in (2021, 2022, 2023)]
    [row] = land_promise(
        frame(spark, "raw.gov_land_contract", contracts[-1:]),
        frame(spark, "raw.gov_land_contract", contracts),
        frame(
            spark, "core.enterprise_year", [firm("c", y, tax_vat_wan_yuan=100) for y in (2021, 2022, 2023)]
        ),
        frame(spark, "core.succession", []),
        rules=promise_rules(),
    ).collect()
    assert (row["year"], row["missed_since_year"]) == ("2023", "2021")


def test_investment_per_hectare_is_read_per_mu_and_a_slip_is_doubtful(spark: SparkSession) -> None:
    contracts = [
        contract("hectare", 2023, stated_investment_wan_yuan=8250, investment_area_code="hectare"),
        contract("slip", 2023, stated_investment_wan_yuan=8250, investment_area_code="mu"),
        contract(
            "mu", 2023, stated_investment_wan_yuan=216, investment_area_code="mu", promised_rd_pct="3.6"
        ),
    ]
    figures = [firm("mu", 2023, rd_expense_wan_yuan=36, revenue_wan_yuan=1000)]
    signed = frame(spark, "raw.gov_land_contract", contracts)
    rows = land_promise(
        signed,
        signed,
        frame(spark, "core.enterprise_year", figures),
        frame(spark, "core.succession", []),
        rules=promise_rules(),
    ).collect()
    found = {
        (r["land_contract_code"], r["promise_indicator_code"]): (r["promised_value"], r["promise_state_code"])
        for r in rows
    }
    assert found == {
        ("hectare", "investment"): (550, "no_figure"),
        ("slip", "investment"): (8250, "doubtful"),
        ("mu", "investment"): (216, "no_figure"),
        ("mu", "rd"): (Decimal("3.6"), "met"),
    }
