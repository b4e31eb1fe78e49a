"""Quotas, rights and carbon codes of the good city, of the simplest kind that every suite accepts.

Every firm above scale plans 100 万元 at 3.2 tce each: 320 tce, of which 16 stay with the district and 304 are its own;
it uses 300 and a little. The first district sells the second 10 tce of its reserve in the first year. Firms 3 and 6
have 5 t of NOx each, 2 t discharged; firm 3 sells 1 t to firm 6 and pledges 1 t.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from schemas.contract import contract
from tests.expectations.good_city import DISTRICTS, YEARS, City, Row, code_of, district_of, row_for

PLANNED, STANDARD = Decimal(100), Decimal("3.2")
FULL, RESERVE, TRADED = Decimal(320), Decimal(16), Decimal(10)
OFFICE = "330200"
GRANTED, MOVED, DISCHARGED = Decimal(5), Decimal(1), Decimal(2)


def add_quotas(city: City) -> None:
    for year in YEARS:
        above = [r for r in city["core.enterprise_year"] if r["year"] == year and r["is_above_scale"]]
        for firm in above:
            _firm(city, firm)
        for district in DISTRICTS:
            _district(city, year, district, [r for r in above if r["district_code"] == district])
        _emission(city, year)
    _trade(city)


def _add(city: City, table: str, **given: Any) -> Row:
    row = row_for(contract(f"resource.{table}"), **given)
    city[f"resource.{table}"].append(row)
    return row


def _firm(city: City, firm: Row) -> None:
    who = {k: firm[k] for k in ("uscc", "year", "district_code")} | {"industry_division_code": "34"}
    _add(
        city, "energy_allocation", **who, energy_allocation_state_code="allocated",
        planned_value_added_wan_yuan=PLANNED, energy_standard=STANDARD, full_quota_tce=FULL, reserve_tce=RESERVE,
        allocated_tce=FULL - RESERVE, cut_tce=Decimal(0), quota_tce=FULL - RESERVE, energy_tce=firm["energy_tce"],
        energy_class_code="C", standard_firm_count=20,
    )  # fmt: skip
    _add(
        city, "carbon_code", **who, value_added_wan_yuan=firm["value_added_wan_yuan"], power_co2_t=Decimal(200),
        fuel_co2_t=Decimal(50), co2_t=Decimal(250), carbon_intensity=Decimal("0.5"), carbon_level_code="low",
        industry_carbon_intensity=Decimal("0.5"), industry_firm_count=20, carbon_efficiency=Decimal(1),
        carbon_efficiency_level=3,
    )  # fmt: skip


def _district(city: City, year: str, district: str, firms: list[Row]) -> None:
    n, used = len(firms), sum((r["energy_tce"] for r in firms), Decimal(0))
    sells = year == YEARS[0]
    given = TRADED if sells and district == DISTRICTS[0] else Decimal(0)
    received = TRADED if sells and district == DISTRICTS[1] else Decimal(0)
    held = FULL * n + received - given
    counts = {"firm_count": n, "quota_firm_count": n, "least_firm_count": n}
    common = {
        "year": year,
        "district_code": district,
        **counts,
        "energy_standard": STANDARD,
        "energy_tce": used,
    }
    _add(
        city, "energy_quota", **common, industry_division_code="34", standard_firm_count=20, weight_pct=Decimal(100),
        full_quota_tce=FULL * n, balance_tce=FULL * n - used, quota_state_code="surplus",
    )  # fmt: skip
    _add(
        city, "energy_quota_district", **common, full_quota_tce=FULL * n, reserve_tce=RESERVE * n, given_tce=given,
        received_tce=received, held_tce=held, balance_tce=held - used, quota_state_code="surplus",
        completed_pct=Decimal(105), energy_warning_code="green",
    )  # fmt: skip
    for kind, amount, takes in (
        ("allocation", FULL * n, True),
        ("use", used, False),
        ("closing", held - used, False),
    ):
        giver, taker = (OFFICE, district) if takes else (district, OFFICE)
        _movement(city, year, f"{kind}:{district}", kind, giver, taker, amount, least_firm_count=n)


def _movement(
    city: City, year: str, code: str, kind: str, giver: str, taker: str, amount: Decimal, **given: Any
) -> None:
    for side, account, other, sign in (("giver", giver, taker, -1), ("taker", taker, giver, 1)):
        _add(
            city, "energy_ledger", year=year, ledger_movement=code, ledger_side=side, ledger_entry_kind_code=kind,
            booked_date=date(int(year), 1, 1), account=account, counter_account=other, district_code=account,
            amount_tce=sign * amount, **given,
        )  # fmt: skip


def _trade(city: City) -> None:
    year, (giver, taker) = YEARS[0], DISTRICTS
    day = date(int(year), 3, 1)
    _add(
        city, "energy_transfer", year=year, quota_transfer_code="YN1", energy_transfer_kind_code="existing",
        giver_account=giver, taker_account=taker, giver_district_code=giver, taker_district_code=taker,
        transferred_tce=TRADED, transfer_from_date=day, booked_date=day, transfer_state_code="accepted",
    )  # fmt: skip
    _movement(city, year, "YN1", "transfer", giver, taker, TRADED)


# --- emission rights -----------------------------------------------------------------------------------


def _emission(city: City, year: str) -> None:
    seller, buyer = code_of(3), code_of(6)
    day = date(int(YEARS[0]), 1, 1).replace(year=int(year))
    for code, kind, taker in (("PQ1", "transfer", buyer), ("PQ2", "pledge", "91330200BANK000000")):
        _add(
            city, "emission_transfer", year=year, right_transfer_code=code, right_transfer_kind_code=kind,
            pollutant_code="nox", giver_account=seller, taker_account=taker, giver_district_code=district_of(3),
            taker_district_code=district_of(6) if kind == "transfer" else None, transferred_t=MOVED,
            transfer_from_date=day, booked_date=day, transfer_state_code="accepted",
        )  # fmt: skip
    for number, sold, bought, pledged in ((3, MOVED, Decimal(0), MOVED), (6, Decimal(0), MOVED, Decimal(0))):
        uscc = code_of(number)
        held = GRANTED - sold + bought
        _add(
            city, "emission_right", uscc=uscc, year=year, pollutant_code="nox", district_code=district_of(number),
            right_state_code="covered", initial_t=GRANTED, bought_t=bought, sold_t=sold, pledged_t=pledged,
            held_t=held, discharged_t=DISCHARGED, right_balance_t=held - DISCHARGED,
            right_to_date=date(2025, 12, 31), yearly_fee_wan_yuan=Decimal("0.5"),
        )  # fmt: skip
        _lines(
            city, year, f"allocation:{uscc}:nox", "allocation", (OFFICE, "own"), (uscc, "own"), GRANTED, day
        )
    _lines(city, year, "PQ1", "transfer", (seller, "own"), (buyer, "own"), MOVED, day)
    _lines(city, year, "PQ2", "pledge", (seller, "own"), (seller, "pledged"), MOVED, day)


def _lines(
    city: City, year: str, code: str, kind: str, giver: tuple[str, str], taker: tuple[str, str], amount: Decimal,
    day: date,
) -> None:  # fmt: skip
    numbers = {code_of(3): 3, code_of(6): 6}
    for side, (account, part), other, sign in (("giver", giver, taker, -1), ("taker", taker, giver, 1)):
        _add(
            city, "emission_ledger", year=year, ledger_movement=code, ledger_side=side, ledger_entry_kind_code=kind,
            pollutant_code="nox", booked_date=day, account=account, account_part_code=part, counter_account=other[0],
            district_code=OFFICE if account == OFFICE else district_of(numbers[account]),
            uscc=None if account == OFFICE else account, amount_t=sign * amount,
        )  # fmt: skip
