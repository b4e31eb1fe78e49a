"""Bad rows of quotas, rights and carbon codes: check → part of the key that its failure names."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from tests.expectations.good_city import YEARS, code_of

Row = dict[str, Any]
Rows = list[Row]
ONE = Decimal(1)


def _allocation(rows: Rows) -> dict[str, str]:
    first, second, third = rows[:3]
    first["quota_tce"] += ONE
    second["full_quota_tce"] += ONE
    third["energy_standard"] += ONE
    return {
        "parts": first["uscc"],
        "by_the_standard": second["uscc"],
        "one_standard": f"year={YEARS[0]}",
    }


def _quota(rows: Rows) -> dict[str, str]:
    first, second, third = rows[:3]
    first["full_quota_tce"] += ONE
    second["weight_pct"] = Decimal(90)
    third["quota_state_code"] = "shortage"
    rows[0]["energy_standard"] += ONE
    year = f"year={YEARS[0]}"
    return {
        "sums_of_firms": f"{year}|district_code={first['district_code']}",
        "weights": f"{year}|district_code={second['district_code']}",
        "balance": f"year={third['year']}",
        "one_standard": year,
    }


def _quota_district(rows: Rows) -> dict[str, str]:
    first, second = rows[:2]
    first["energy_standard"] += ONE
    second["balance_tce"] += ONE
    first["full_quota_tce"] += ONE
    first["received_tce"] += ONE
    year = f"year={YEARS[0]}"
    return {
        "weighted_mean": f"{year}|district_code={first['district_code']}",
        "city_is_weighted_sum": year,
        "closing": f"{year}|district_code={second['district_code']}",
        "trade_sums_to_zero": year,
    }


def _energy_ledger(rows: Rows) -> dict[str, str]:
    trade = [row for row in rows if row["ledger_movement"] == "YN1"]
    trade[0]["amount_tce"] -= ONE
    rows[0]["counter_account"] = "330299"
    return {
        "two_lines": "ledger_movement=YN1",
        "sums_to_zero": f"year={YEARS[0]}",
        "sides_agree": rows[0]["ledger_movement"],
        "closed": f"year={YEARS[0]}",
        "as_registered": "ledger_movement=YN1",
    }


def _emission_ledger(rows: Rows) -> dict[str, str]:
    sale = [row for row in rows if row["ledger_movement"] == "PQ1"]
    sale[0]["amount_t"] -= 9
    rows[0]["counter_account"] = "330299"
    return {
        "two_lines": "ledger_movement=PQ1",
        "sums_to_zero": f"year={YEARS[0]}",
        "sides_agree": rows[0]["ledger_movement"],
        "never_negative": code_of(3),
        "as_registered": "ledger_movement=PQ1",
    }


def _transfer(rows: Rows) -> dict[str, str]:
    rows[0].update(transfer_state_code="refused", booked_date=date(2001, 1, 1))
    key = f"year={YEARS[0]}"
    return {"booked_in_the_year": key, "reason_of_refusal": key}


def _right(rows: Rows) -> dict[str, str]:
    first, second, third = rows[:3]
    first["held_t"] += ONE
    second["right_balance_t"] += ONE
    third["right_state_code"] = "no_permit"
    return {
        "held": first["uscc"],
        "balance": second["uscc"],
        "permit": third["uscc"],
        "sums_to_rights_granted": f"year={YEARS[0]}",
    }


def _carbon(rows: Rows) -> dict[str, str]:
    rows[0]["carbon_efficiency_level"] = None
    return {"noted": rows[0]["uscc"]}


BAD_QUOTAS: dict[str, Callable[[Rows], dict[str, str]]] = {
    "resource.carbon_code": _carbon,
    "resource.emission_ledger": _emission_ledger,
    "resource.emission_right": _right,
    "resource.emission_transfer": _transfer,
    "resource.energy_allocation": _allocation,
    "resource.energy_ledger": _energy_ledger,
    "resource.energy_quota": _quota,
    "resource.energy_quota_district": _quota_district,
    "resource.energy_transfer": _transfer,
}
