"""Suites of quotas, rights and carbon codes: checks that read rules, or that need many rows."""

from __future__ import annotations

import copy
from decimal import Decimal
from typing import Any

import pytest

from jobs.resource.rules.quotas import quota_rules
from tests.expectations.conftest import Judge
from tests.expectations.good_city import City

RULES: dict[str, Any] = dict(quota_rules().tables())


def failed(judge: Judge, table: str) -> set[str]:
    report = judge(table, tables=(table,), rules=RULES)
    return {v.expectation for v in report.verdicts if not v.success and v.suite.endswith("/domain")}


def test_good_rows_pass_with_the_shipped_rules(judge: Judge) -> None:
    for name in ("energy_allocation", "carbon_code"):
        assert failed(judge, f"resource.{name}") == set()


def test_a_reserve_of_another_share_is_refused(city: City, judge: Judge) -> None:
    row = city["resource.energy_allocation"][0]
    row.update(reserve_tce=Decimal(20), allocated_tce=Decimal(300), quota_tce=Decimal(300))
    assert failed(judge, "resource.energy_allocation") == {"reserve"}


def test_a_quota_far_above_the_use_is_told(city: City, judge: Judge) -> None:
    for row in city["resource.energy_allocation"]:
        row["energy_tce"] = Decimal(100)
    assert failed(judge, "resource.energy_allocation") == {"quota_by_use"}


def test_a_level_that_does_not_follow_is_refused(city: City, judge: Judge) -> None:
    first, second = city["resource.carbon_code"][:2]
    first["carbon_level_code"] = "high"
    second["industry_firm_count"] = 4
    assert failed(judge, "resource.carbon_code") == {"level_of_intensity", "few_firms"}


def test_an_industry_of_the_worst_and_hidden_energy_are_told(city: City, judge: Judge) -> None:
    rows = city["resource.carbon_code"]
    city["resource.carbon_code"] = [
        {**row, "uscc": f"{row['uscc'][:16]}{n:02d}", "row_id": f"{row['row_id']}{n}"}
        for row in rows
        for n in range(3)
    ]
    for row in city["resource.carbon_code"]:
        row.update(carbon_efficiency_level=5, carbon_notes=["power_above_energy"])
    assert failed(judge, "resource.carbon_code") == {"middle_of_industry", "power_within_energy"}


@pytest.mark.parametrize(
    ("table", "change", "check"),
    [
        ("resource.energy_transfer", {"transfer_state_code": "refused", "transfer_refusal_code": "above_balance"},
         "few_refused"),
        ("resource.emission_transfer", {"transfer_state_code": "refused", "transfer_refusal_code": "pledged"},
         "few_refused"),
        ("resource.emission_right", {"right_state_code": "exceeded"}, "exceeded_share"),
    ],
)  # fmt: skip
def test_shares_of_many_rows(
    city: City, judge: Judge, table: str, change: dict[str, str], check: str
) -> None:
    first = city[table][0]
    key = {"resource.emission_right": "uscc"}.get(
        table, "quota_transfer_code" if "energy" in table else "right_transfer_code"
    )
    city[table] += [
        {**copy.copy(first), **change, key: f"{first[key][:12]}{n:06d}", "row_id": f"r{n}"} for n in range(60)
    ]
    assert check in failed(judge, table)


def test_a_district_that_holds_a_quarter_is_told(city: City, judge: Judge) -> None:
    city["resource.energy_quota_district"][0].update(completed_pct=Decimal(25), least_firm_count=20)
    assert "held_of_use" in failed(judge, "resource.energy_quota_district")
