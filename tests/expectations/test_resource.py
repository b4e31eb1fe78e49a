"""Suites of the area resource: checks that read rules, or that need many rows."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from jobs.resource.rules.consequences import consequence_rules
from jobs.resource.rules.efficiency import efficiency_rules
from schemas.contract import contract
from tests.expectations.conftest import Judge
from tests.expectations.good_city import YEARS, City, code_of, row_for

RULES: dict[str, Any] = {**consequence_rules().tables(), **efficiency_rules().tables()}


def failed(judge: Judge, *changed: str, tables: list[str] | None = None) -> set[str]:
    report = judge(*changed, tables=tables or changed, rules=RULES)
    return {v.expectation for v in report.verdicts if not v.success and v.suite.endswith("/domain")}


def test_good_rows_pass_with_the_shipped_rules(judge: Judge) -> None:
    tables = ("consequence", "low_efficiency", "low_efficiency_district", "land_potential_district")
    assert failed(judge, *(f"resource.{name}" for name in tables)) == set()


def test_another_rate_than_the_rules_is_refused(city: City, judge: Judge) -> None:
    row = next(r for r in city["resource.consequence"] if r["final_grade"] == "B")
    row.update(rate=Decimal("-0.9"), amount_wan_yuan=Decimal(-9))
    assert failed(judge, "resource.consequence") == {"rate_of_rule"}


def test_a_rule_past_its_last_day_is_refused(city: City, judge: Judge) -> None:
    city["resource.consequence"][0]["consequence_rule_id"] = "land_use_tax_2019"
    assert failed(judge, "resource.consequence") == {"rate_of_rule"}


def test_a_step_for_other_years_in_d_is_refused(city: City, judge: Judge) -> None:
    city["resource.power_price_month"].append(
        row_for(
            contract("resource.power_price_month"), meter_account_code="m", month="2023-10", uscc=code_of(3),
            evaluation_year=YEARS[0], final_grade="D", years_in_d_count=1, evaluation_version=1,
            power_kwh=Decimal(10_000), price_step_yuan=Decimal("0.4"),
            surcharge_wan_yuan=Decimal("0.4"), difference_wan_yuan=Decimal("0.4"),
            consequence_rule_id="power_price_ningbo",
        )
    )  # fmt: skip
    assert failed(judge, "resource.power_price_month") == {"step_of_rule", "grade_in_force"}


def test_a_condition_that_its_figure_does_not_meet_is_refused(city: City, judge: Judge) -> None:
    city["resource.low_efficiency"][0]["tax_per_mu_wan_yuan"] = Decimal(34)
    assert failed(judge, "resource.low_efficiency") == {"conditions_hold"}


def test_every_firm_in_d_is_listed_and_charged(city: City, judge: Judge) -> None:
    grade = next(
        r for r in city["per_mu.enterprise_grade"] if r["final_grade"] == "C" and r["year"] == YEARS[0]
    )
    grade["final_grade"] = "D"
    for row in city["per_mu.publication"]:
        if (row["uscc"], row["year"]) == (grade["uscc"], grade["year"]):
            row["final_grade"] = "D"
    changed = ("per_mu.enterprise_grade", "per_mu.publication")
    tables = ["resource.low_efficiency", "resource.consequence"]
    assert failed(judge, *changed, tables=tables) >= {"every_d_is_listed", "every_relief_and_surcharge"}


def test_aims_sum_to_the_plans(city: City, judge: Judge) -> None:
    city["resource.low_efficiency_district"][-1]["aim_count"] += 100
    city["resource.land_potential_district"][-1]["aim_mu"] += 100
    tables = ("resource.low_efficiency_district", "resource.land_potential_district")
    report = judge(*tables, rules=RULES)
    assert [v.expectation for v in report.failures()] == ["aims_of_the_city"] * 2


def test_a_firm_that_hides_from_its_surcharge_is_named(city: City, judge: Judge) -> None:
    row = next(r for r in city["resource.consequence"] if r["uscc"] == code_of(1) and r["year"] == YEARS[0])
    twin = {**row, "measure_code": "power_price", "row_id": "x", "amount_wan_yuan": Decimal(5)}
    city["resource.consequence"].append(twin)
    assert "hidden_from_d" in failed(judge, "resource.consequence")


def test_relief_beyond_the_city_is_refused_and_doubted(city: City, judge: Judge) -> None:
    for row in city["core.enterprise_year"]:
        row["tax_land_use_wan_yuan"] = Decimal(1)
    for row in city["resource.consequence_district"]:
        row.update(amount_wan_yuan=-row["before_wan_yuan"], after_wan_yuan=Decimal(0))
    found = failed(
        judge,
        "core.enterprise_year",
        "resource.consequence_district",
        tables=["resource.consequence_district"],
    )
    assert {"before_within_tax", "relief_of_the_city"} <= found


def test_a_district_that_gains_more_than_it_pays_is_named(city: City, judge: Judge) -> None:
    first = city["resource.consequence"][0]["district_code"]
    for row in city["resource.consequence"]:
        if row["district_code"] != first:
            row.update(amount_wan_yuan=Decimal(0), rate=Decimal(0))
    assert "district_gain" in failed(judge, "resource.consequence")


def test_shares_of_lists_and_promises_warn(city: City, judge: Judge) -> None:
    sample = city["resource.land_promise"][1]
    city["resource.land_promise"] += [
        {**sample, "land_contract_code": f"X{n}", "parcel_id": f"330203001GB{n:06}9", "row_id": f"x{n}"}
        for n in range(60)
    ]
    city["resource.land_promise"] += [
        {**sample, "land_contract_code": f"Y{n}", "row_id": f"y{n}", "promise_state_code": "doubtful",
         "missed_since_year": None}
        for n in range(10)
    ]  # fmt: skip
    assert failed(judge, "resource.land_promise") == {"doubtful_share", "missed_share", "parcel_registered"}
    for number in range(100):
        row = city["per_mu.population"][0]
        city["per_mu.population"].append({**row, "uscc": code_of(500 + number), "eval_status_code": "graded"})
    found = failed(judge, "per_mu.population", tables=["resource.low_efficiency"])
    assert found == {"share_of_graded"}


def test_a_measure_without_its_figures_warns(city: City, judge: Judge) -> None:
    for row in city["resource.consequence"]:
        if row["rate"]:
            row.update(base_amount=None, amount_wan_yuan=None, consequence_note_code="no_base")
    assert "no_base_share" in failed(judge, "resource.consequence")


def test_visits_are_counted_again_from_the_feed(city: City, judge: Judge) -> None:
    """A visit under a former code counts from the year on that begins with the change, no other visit does."""
    [visit] = [r for r in city["raw.gov_enterprise_visit"] if r["visit_purpose_code"] == "low_efficiency"]
    visit["uscc"] = code_of(70)
    changed = ("raw.gov_enterprise_visit", "core.succession")
    assert failed(judge, *changed, tables=["resource.low_efficiency"]) == {"visits_of_feed"}
    given = {
        "from_uscc": code_of(70),
        "to_uscc": code_of(3),
        "year": YEARS[0],
        "identifier_kind_code": "former_uscc",
    }
    followed = row_for(contract("core.succession"), **given, valid_from_date=date(int(YEARS[0]), 1, 1))
    city["core.succession"].append(followed)
    assert failed(judge, *changed, tables=["resource.low_efficiency"]) == set()
    followed["valid_from_date"] = date(int(YEARS[0]), 1, 2)
    assert failed(judge, *changed, tables=["resource.low_efficiency"]) == {"visits_of_feed"}
    followed["valid_from_date"] = date(int(YEARS[0]), 1, 1)
    # what the gate cannot order it does not judge
    city["raw.gov_enterprise_visit"].append({**visit, "visited_date": date(int(YEARS[1]), 12, 1)})
    assert failed(judge, *changed, tables=["resource.low_efficiency"]) == set()
    visit["visit_purpose_code"] = "safety"
    city["raw.gov_enterprise_visit"].pop()
    assert failed(judge, *changed, tables=["resource.low_efficiency"]) == {"visits_of_feed"}
