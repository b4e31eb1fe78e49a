"""Bad rows of the area resource: check → part of the key that its failure names."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from schemas.contract import contract
from tests.expectations.good_city import DISTRICTS, YEARS, code_of, parcel_of, row_for

Row = dict[str, Any]
Rows = list[Row]


def _of(rows: Rows, grade: str) -> list[Row]:
    return [row for row in rows if row["final_grade"] == grade and row["year"] == YEARS[0]]


def _consequence(rows: Rows) -> dict[str, str]:
    a, b, c = (_of(rows, grade) for grade in "ABC")
    a[0]["evaluation_version"] = 2
    a[1]["measure_code"] = "credit"
    b[1]["amount_wan_yuan"] = Decimal(-7)
    b[2]["amount_wan_yuan"] = None
    b[3].update(amount_wan_yuan=Decimal(-11), base_share=Decimal("1.375"))
    c[0]["years_in_d_count"] = 1
    return {
        "grade_in_force": a[0]["uscc"],
        "every_relief_and_surcharge": a[1]["uscc"],
        "amount_recomputes": b[1]["uscc"],
        "amount_or_reason": b[2]["uscc"],
        "relief_within_tax": b[3]["uscc"],
        "years_in_d": c[0]["uscc"],
    }


def _totals(rows: Rows) -> dict[str, str]:
    first, second, third = rows[:3]
    first["firm_count"] += 1
    second["after_wan_yuan"] += 1
    third["least_firm_count"] -= 1
    return {
        "sums_of_firms": f"final_grade={first['final_grade']}",
        "after": f"final_grade={second['final_grade']}",
        "least_firms": f"final_grade={third['final_grade']}",
    }


def _totals_of_city(rows: Rows) -> dict[str, str]:
    return {check: key for check, key in _totals(rows).items() if check != "least_firms"}


def _correction(rows: Rows) -> dict[str, str]:
    spec = contract("resource.consequence_correction")
    good = {
        "uscc": code_of(3), "year": YEARS[0], "measure_code": "power_price", "corrected_year": YEARS[0],
        "corrected_version": 2, "amount_before_wan_yuan": Decimal(3), "difference_wan_yuan": Decimal(-3),
        "settlement_code": "refund", "grade_before": "D", "final_grade": "B",
    }  # fmt: skip
    other = {
        **good,
        "uscc": code_of(6),
        "amount_after_wan_yuan": Decimal(1),
        "difference_wan_yuan": Decimal(-1),
    }
    later = {**other, "corrected_version": 3, "amount_before_wan_yuan": Decimal(9)}
    rows += [row_for(spec, **one) for one in (good, other, later)]
    return {
        "versions_exist": code_of(3),
        "difference": code_of(6),
        "leads_to_force": code_of(6),
        "chain": f"{code_of(6)}|year={YEARS[0]}|measure_code=power_price|corrected_year={YEARS[0]}|corrected_version=3",
    }


def _power(rows: Rows) -> dict[str, str]:
    spec = contract("resource.power_price_month")
    good = {
        "month": "2023-10", "uscc": code_of(3), "evaluation_year": YEARS[0], "district_code": DISTRICTS[0],
        "final_grade": "D", "years_in_d_count": 1, "evaluation_version": 1, "power_kwh": Decimal(10_000_000),
        "price_step_yuan": Decimal("0.3"), "surcharge_wan_yuan": Decimal(300), "first_price_step_yuan": Decimal("0.3"),
        "first_surcharge_wan_yuan": Decimal(300), "consequence_rule_id": "power_price_ningbo",
    }  # fmt: skip
    slip = {**good, "surcharge_wan_yuan": Decimal(301)}
    rows += [row_for(spec, **one, meter_account_code=f"m{n}") for n, one in enumerate((good, slip))]
    return {
        "grade_in_force": "m0",
        "surcharge_recomputes": "m1",
        "within_the_year": code_of(3),
        "heavy_surcharge": "m0",
    }


def _low(rows: Rows) -> dict[str, str]:
    rows[0]["visit_count"] = 2
    rows[1].update(failed_conditions=[], last_visit_date=date(int(YEARS[0]), 12, 30))
    rows[2].update(listing_state_code="kept", final_grade="A", is_overdue=True)
    return {
        "condition_or_unjudged": code_of(3),
        "state_of_the_year_before": code_of(6),
        "good_grade_listed": code_of(6),
        "visits_of_feed": f"{code_of(3)}|year={YEARS[0]}",
        "visits_after_listing": f"{code_of(3)}|year={YEARS[1]}",
        "overdue_unvisited": code_of(6),
    }


def _lifted(rows: Rows) -> dict[str, str]:
    row = rows[0]
    twin = copy.deepcopy(row)
    row.update(final_grade="D", tax_per_mu_wan_yuan=Decimal(7))
    twin.update(uscc=code_of(9), row_id="x")
    rows.append(twin)
    return {"was_listed": code_of(9), "is_judged": code_of(6), "lifted_without_better_tax": code_of(6)}


def _low_district(rows: Rows) -> dict[str, str]:
    rows[0]["listed_count"] += 1
    last = rows[-1]
    last["listed_before_count"] += 1
    last["visited_firm_count"] += 1
    return {
        "counts_of_lists": f"year={YEARS[0]}",
        "states_sum": f"year={YEARS[0]}",
        "nobody_is_lost": f"year={YEARS[1]}",
        "visited_of_list": f"year={YEARS[1]}",
    }


def _potential(rows: Rows) -> dict[str, str]:
    spec = contract("resource.land_potential")
    given: Row = {"year": YEARS[0], "parcel_area_mu": Decimal(10), "land_tool_code": "integrate"}
    rows += [
        row_for(spec, **given, parcel_id=parcel_of(n), **more)
        for n, more in (
            (0, {"freed_mu": Decimal(11), "unused_mu": Decimal(11), "potential_reasons": ["no_user"]}),
            (1, {"freed_mu": Decimal(5), "under_used_mu": Decimal(5), "potential_reasons": ["vacant_floor"]}),
            (3, {"freed_mu": Decimal(99), "unused_mu": Decimal(99), "potential_reasons": ["no_user"],
                 "may_be_withdrawn": True}),
        )
    ]  # fmt: skip
    return {
        "within_the_parcel": parcel_of(0),
        "reasons_have_land": parcel_of(1),
        "within_the_uses": parcel_of(3),
        "withdrawn_is_late": parcel_of(3),
    }


def _land_district(rows: Rows) -> dict[str, str]:
    rows[0].update(freed_mu=Decimal(9), freed_share_pct=Decimal(31))
    key = f"year={YEARS[0]}"
    return {"sums_of_parcels": key, "share_of_land": key}


def _promise(rows: Rows) -> dict[str, str]:
    rows[0]["actual_value"] = Decimal(20)
    rows[1].update(production_due_date=date(int(YEARS[0]), 6, 1))
    rows[3]["missed_since_year"] = None
    return {
        "state_of_figures": "land_contract_code=HT9",
        "not_before_production": "land_contract_code=HT12",
        "missed_since": "land_contract_code=HT12",
    }


BAD_RESOURCE: dict[str, Callable[[Rows], dict[str, str]]] = {
    "resource.consequence": _consequence,
    "resource.consequence_city": _totals_of_city,
    "resource.consequence_correction": _correction,
    "resource.consequence_district": _totals,
    "resource.land_potential": _potential,
    "resource.land_potential_district": _land_district,
    "resource.land_promise": _promise,
    "resource.lifted": _lifted,
    "resource.low_efficiency": _low,
    "resource.low_efficiency_district": _low_district,
    "resource.power_price_month": _power,
}
