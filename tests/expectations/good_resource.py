"""Consequences, lists and promises of the good city, of the simplest kind that every suite accepts.

Every graded firm pays 10 万元 of land-use tax. Firms 3 and 6 are listed for their tax; firm 6 is lifted in the second
year. Firm 3 is visited after the first. Two contracts have one promise each: firm 9's is met, firm 12's is missed.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Decimal
from typing import Any

from schemas.contract import contract
from tests.expectations.good_city import DISTRICTS, YEARS, City, Row, code_of, district_of, parcel_of, row_for

RATES = {"A": Decimal(-1), "B": Decimal("-0.8"), "C": Decimal(0), "D": Decimal(0)}
TAX = Decimal(10)
#: The plan's aims, by two districts.
AIM_FIRMS, AIM_MU = 500, 40_000
#: Day of the only visit.
VISITED = date(int(YEARS[0]) + 1, 10, 16)


def add_resources(city: City) -> None:
    _consequences(city)
    city["resource.consequence_correction"] = []
    city["resource.power_price_month"] = []
    _lists(city)
    city["resource.land_potential"] = []
    _land(city)
    _promises(city)


def add_visits(city: City) -> None:
    """The record of firm 3 that the feed has of the first year is a visit for low efficiency; the others are not."""
    [visit] = [
        row
        for row in city["raw.gov_enterprise_visit"]
        if (row["uscc"], row["period"]) == (code_of(3), YEARS[0])
    ]
    visit.update(visit_purpose_code="low_efficiency", visited_date=VISITED, visit_finding_code="improving")


def _add(city: City, table: str, **given: Any) -> Row:
    row = row_for(contract(f"resource.{table}"), **given)
    city[f"resource.{table}"].append(row)
    return row


def _consequences(city: City) -> None:
    groups: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for of in city["per_mu.enterprise_grade"]:
        year, grade = of["year"], of["final_grade"]
        row = _add(
            city, "consequence",
            **{k: of[k] for k in ("uscc", "year", "district_code", "list_code", "final_grade", "evaluation_version")},
            measure_code="land_use_tax", base_name="tax_land_use_wan_yuan", base_amount=TAX, base_share=Decimal(1),
            rate=RATES[grade], amount_wan_yuan=TAX * RATES[grade], executed_from_month=f"{int(year) + 1}-09",
            is_month_assumed=True, consequence_rule_id="land_use_tax_continued", measure_source="测试",
            is_assumed=True, years_in_d_count=0,
        )  # fmt: skip
        groups[year, of["district_code"], grade].append(row)
        groups[year, "", grade].append(row)
    for (year, district, grade), rows in sorted(groups.items()):
        touched = len(rows) if RATES[grade] else 0
        counts = {
            "firm_count": len(rows), "touched_firm_count": touched, "base_firm_count": len(rows),
            "no_base_firm_count": 0, "least_firm_count": len(rows),
        }  # fmt: skip
        amount = sum((row["amount_wan_yuan"] for row in rows), Decimal(0))
        _add(
            city, "consequence_district" if district else "consequence_city", year=year, measure_code="land_use_tax",
            final_grade=grade, **({"district_code": district} if district else {}), **counts, is_assumed=True,
            before_wan_yuan=TAX * len(rows), amount_wan_yuan=amount, after_wan_yuan=TAX * len(rows) + amount,
        )  # fmt: skip


def _lists(city: City) -> None:
    grades = {(r["uscc"], r["year"]): r for r in city["per_mu.enterprise_grade"]}
    first, second = YEARS
    for number, year in ((3, first), (3, second), (6, first)):
        of = grades[code_of(number), year]
        _add(
            city, "low_efficiency", **{k: of[k] for k in ("uscc", "year", "district_code", "town_code", "list_code")},
            enterprise_name="某厂", final_grade=of["final_grade"], years_in_d_count=0,
            failed_conditions=["low_tax"], tax_per_mu_wan_yuan=Decimal(8), tax_per_mu_bound=Decimal("33.3333"),
            land_own_mu=Decimal(12), persons_per_mu=Decimal(4), persons_per_mu_bound=Decimal("0.5"),
            listing_state_code="new" if year == first else "kept", listed_since_year=first,
            low_efficiency_measure_code="transform", deadline_date=date(int(first) + 3, 12, 31), is_overdue=False,
            reviewed_year=str(int(year) + 1), visit_count=int(number == 3),
            last_visit_date=VISITED if number == 3 else None,
            last_visit_finding_code="improving" if number == 3 else None,
        )  # fmt: skip
    up = grades[code_of(6), second]
    _add(
        city, "lifted", **{k: up[k] for k in ("uscc", "year", "district_code", "town_code", "list_code")},
        enterprise_name="某厂", failed_conditions_before=["low_tax"], listed_since_year=first,
        final_grade_before="B", final_grade=up["final_grade"], tax_per_mu_wan_yuan_before=Decimal(8),
        tax_per_mu_wan_yuan=Decimal(40), persons_per_mu_before=Decimal(4), persons_per_mu=Decimal(4),
    )  # fmt: skip
    of_district = {district_of(n): n for n in (3, 6)}
    for year in YEARS:
        for district in DISTRICTS:
            is_second, is_up = year == second, of_district[district] == 6
            listed = 0 if is_second and is_up else 1
            _add(
                city, "low_efficiency_district", year=year, district_code=district, graded_count=28,
                listed_count=listed, new_count=0 if is_second else 1, kept_count=listed if is_second else 0,
                visited_firm_count=0 if is_up else 1,
                listed_before_count=1 if is_second else 0, lifted_count=1 if is_second and is_up else 0,
                aim_count=Decimal(AIM_FIRMS) / 2 if is_second else None,
            )  # fmt: skip


def _land(city: City) -> None:
    for year in YEARS:
        for district in DISTRICTS:
            parcels = [r for r in city["core.parcel"] if (r["year"], r["district_code"]) == (year, district)]
            _add(
                city, "land_potential_district", year=year, district_code=district, parcel_count=len(parcels),
                land_total_mu=sum((r["parcel_area_mu"] for r in parcels), Decimal(0)),
                aim_mu=Decimal(AIM_MU) / 2, freed_share_pct=Decimal(0),
            )  # fmt: skip


def _promises(city: City) -> None:
    for year in YEARS:
        for number, actual, state, since in ((9, 40, "met", None), (12, 20, "missed", YEARS[0])):
            _add(
                city, "land_promise", land_contract_code=f"HT{number}", year=year, promise_indicator_code="tax_per_mu",
                parcel_id=parcel_of(number), uscc=code_of(number), district_code=district_of(number),
                signed_date=date(2016, 1, 1), production_due_date=date(2019, 1, 1), land_term_code="full_term",
                promised_value=Decimal(30), actual_value=Decimal(actual), promise_state_code=state,
                missed_since_year=since,
            )  # fmt: skip
