"""Objects of the good city: parcels graded by tax and revenue per mu, a five-star park, one of each other kind."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Decimal
from typing import Any

from schemas.contract import code_list, contract
from tests.expectations.good_city import BASELINE, DISTRICTS, RATIO, YEARS, City, Row, code_of, row_for, six

CITY = "330200"
WEIGHTS = {"I1": 60, "I8": 40}
RULES = {"rule_set_id": "ningbo-objects-test"}
PLACE = ("parcel_id", "uscc", "year", "district_code", "town_code")
#: Figures of a parcel that are sums over its users.
SUMS = {
    "tax_contribution_wan_yuan": "tax_vat_wan_yuan",
    "declared_revenue_wan_yuan": "declared_revenue_wan_yuan",
}
REPORTED = (
    "value_added_wan_yuan",
    "revenue_wan_yuan",
    "rd_expense_wan_yuan",
    "employees_average",
    "energy_tce",
)


def add_objects(city: City) -> None:
    """Add the tables of objects; those of the firms are there."""
    for table in ("core.park", "core.building", "core.service_firm", "core.service_complex"):
        city[table] = []
    for year in YEARS:
        _parcel_figures(city, year)
        _parcels(city, year)
        _others(city, year)
    _group(city)


def _add(city: City, table: str, **given: Any) -> Row:
    row = row_for(contract(table), **given)
    city[table].append(row)
    return row


def _parcel_figures(city: City, year: str) -> None:
    firms = {r["uscc"]: r for r in city["core.enterprise_year"] if r["year"] == year}
    status = {r["uscc"]: r["eval_status_code"] for r in city["per_mu.population"] if r["year"] == year}
    for use in city["core.parcel_use"]:
        if use["year"] != year:
            continue
        firm = firms[use["uscc"]]
        _add(
            city, "per_mu.parcel_figure", **{k: use[k] for k in PLACE},
            user_kind_code="enterprise", use_types=[use["use_type_code"]], eval_status_code=status[use["uscc"]],
            is_local=True, parcel_area_mu=use["parcel_area_mu"], used_area_mu=use["used_area_mu"],
            firm_land_share_pct=Decimal(100), tax_contribution_wan_yuan=firm["tax_vat_wan_yuan"],
            declared_revenue_wan_yuan=firm["declared_revenue_wan_yuan"], power_kwh=firm["power_kwh"],
            **{name: firm[name] for name in REPORTED},
        )  # fmt: skip


def _object(city: City, kind: str, code: str, year: str, district: str, **given: Any) -> Row:
    plain = {"object_name": code, "list_code": kind, "ranked_in_code": district, "object_count": 1, **RULES}
    return _add(
        city, "per_mu.object_unit", **{**plain, **given}, object_kind_code=kind, object_code=code, year=year,
        district_code=district,
    )  # fmt: skip


def _parcels(city: City, year: str) -> None:
    users: dict[str, list[Row]] = defaultdict(list)
    for row in city["per_mu.parcel_figure"]:
        if row["year"] == year:
            users[row["parcel_id"]].append(row)
    totals: dict[str, dict[str, Decimal]] = defaultdict(dict)
    for parcel in city["core.parcel"]:
        if parcel["year"] != year:
            continue
        code, district, of = parcel["parcel_id"], parcel["district_code"], users[parcel["parcel_id"]]
        sums = {name: sum((u[name] or Decimal(0) for u in of), Decimal(0)) for name in SUMS}
        taxed = sum((u["used_area_mu"] for u in of if u["tax_contribution_wan_yuan"] is not None), Decimal(0))
        land = sum((u["used_area_mu"] for u in of), Decimal(0))
        exempt = all(u["eval_status_code"] == "exempt" for u in of)
        unreported = taxed < land * Decimal("0.8")
        status = "exempt" if exempt else "data_incomplete" if unreported else "graded"
        _object(
            city, "parcel", code, year, district, eval_status_code=status, object_parcel_count=1,
            object_reasons=["users_exempt"] if exempt else ["users_unreported"] if unreported else [],
            land_area_mu=parcel["parcel_area_mu"], directory_land_mu=land, taxed_land_mu=taxed, user_count=len(of),
            resident_firm_count=len(of), local_firm_count=len(of), **sums,
        )  # fmt: skip
        if status == "graded":
            totals[district][code] = _indicators(city, code, year, district, parcel["parcel_area_mu"], sums)
    for district in DISTRICTS:
        for indicator in WEIGHTS:
            _add(
                city, "per_mu.object_baseline", year=year, ranked_in_code=district, list_code="parcel",
                indicator_code=indicator, value=BASELINE, method_code="fixed", giant_treatment_code="published",
                **RATIO, **RULES,
            )  # fmt: skip
        _grades(city, totals[district], year, district)


def _indicators(
    city: City, code: str, year: str, district: str, land: Decimal, sums: dict[str, Decimal]
) -> Decimal:
    total = Decimal(0)
    for indicator, numerator in zip(WEIGHTS, sums.values(), strict=True):
        value = six(numerator / land)
        weight = Decimal(WEIGHTS[indicator])
        score = min(six(value / BASELINE * weight), weight * Decimal("1.5"))
        note = "capped" if score == weight * Decimal("1.5") else None
        total += score
        _add(
            city, "per_mu.object_indicator_value", object_kind_code="parcel", object_code=code, year=year,
            indicator_code=indicator, district_code=district, ranked_in_code=district, list_code="parcel",
            numerator=numerator, denominator=land, value=value, baseline=BASELINE, weight=weight, score=score,
            note_code=note, **RATIO, **RULES,
        )  # fmt: skip
    return total


def _grades(city: City, totals: dict[str, Decimal], year: str, district: str) -> None:
    ranked = sorted(totals, key=lambda code: (-totals[code], code))
    size = len(ranked)
    first = {code: 1 + sum(t > totals[code] for t in totals.values()) for code in ranked}
    in_a = int(size * 0.2)
    for code in ranked:
        ties = sum(t == totals[code] for t in totals.values())
        grade = "A" if first[code] + ties - 1 <= in_a else "C"
        _add(
            city, "per_mu.object_grade", object_kind_code="parcel", object_code=code, year=year, object_name=code,
            final_grade=grade, initial_grade=grade, total_score=totals[code], rank_in_list=first[code],
            list_size=size, district_code=district, ranked_in_code=district, list_code="parcel",
            is_tie=ties > 1, status_code="initial", rule_set_hash="h", **RULES,
        )  # fmt: skip


def _others(city: City, year: str) -> None:
    district = DISTRICTS[0]
    for zone in city["core.zone"]:
        if zone["year"] == year:
            _object(
                city, "zone", zone["zone_code"], year, zone["district_code"], eval_status_code="out_of_scope",
                object_reasons=["no_parcel"],
            )  # fmt: skip
    marks = {f"points_{code}": Decimal(80) for code in code_list("park_dimension")}
    kinds = {"P001": ("small_micro", "small_park", None), "Q001": ("industrial_area", "industrial_area", None),
             "F001": ("area_part", "area_part", f"{district}Q001")}  # fmt: skip
    for letter, (register, kind, parent) in kinds.items():
        code, is_small = f"{district}{letter}", kind == "small_park"
        _add(
            city, "core.park", park_code=code, year=year, park_name=code, park_kind_code=register,
            parent_park_code=parent, district_code=district, star_count=5 if is_small else None,
            **(marks if is_small else {}),
        )  # fmt: skip
        _object(
            city, kind, code, year, district, ranked_in_code=CITY, star_count=5 if is_small else None,
            eval_status_code="graded" if is_small else "out_of_scope",
            object_reasons=["five_stars"] if is_small else ["no_parcel"], **(marks if is_small else {}),
        )  # fmt: skip
    _park_grade(city, year, f"{district}P001", district)
    building = f"{city['core.parcel'][0]['parcel_id']}F0001"
    _add(
        city, "core.building", building_code=building, year=year, parcel_id=building[:-5], district_code=district,
        building_area_m2=Decimal(900), floor_count=2, let_share_pct=Decimal(10), vacant_area_m2=Decimal(0),
    )  # fmt: skip
    _object(
        city,
        "building",
        building,
        year,
        district,
        eval_status_code="out_of_scope",
        object_reasons=["low_building"],
    )
    complex_code, firm = f"{district}S001", code_of(800)
    _add(
        city, "core.service_complex", complex_code=complex_code, year=year, complex_name=complex_code,
        district_code=district, building_area_m2=Decimal(9000), occupied_area_m2=Decimal(8000),
        resident_firm_count=20, local_firm_count=18, tax_contribution_wan_yuan=Decimal(500),
        opened_date=date(int(year), 3, 1),
    )  # fmt: skip
    _object(
        city, "service_complex", complex_code, year, district, ranked_in_code=CITY, eval_status_code="protected",
        object_reasons=["new_complex"], protected_until_date=date(int(year) + 2, 3, 1),
    )  # fmt: skip
    _add(
        city, "core.service_firm", uscc=firm, year=year, enterprise_name="宁波服务（合成）", district_code=district,
        service_division_code="66", complex_code=complex_code, tax_contribution_wan_yuan=Decimal(40),
        revenue_wan_yuan=Decimal(2000), employees_average=Decimal(30),
    )  # fmt: skip
    _object(
        city, "service_firm", firm, year, district, list_code="service_no_land", eval_status_code="out_of_scope",
        object_reasons=["division:66"],
    )  # fmt: skip


def _group(city: City) -> None:
    """The member and its controller as one; the controller leads."""
    report = city["core.group_member"][0]
    members = [report["controller_uscc"], report["uscc"]]
    [lead] = [
        r for r in city["per_mu.enterprise_grade"] if r["uscc"] == members[0] and r["year"] == YEARS[-1]
    ]
    score = lead["indicator_score"]
    listed = [
        r for r in city["per_mu.enterprise_grade"]
        if all(r[k] == lead[k] for k in ("year", "district_code", "list_code"))
    ]  # fmt: skip
    _add(
        city, "per_mu.group_score", **{k: lead[k] for k in ("uscc", "year", "district_code", "list_code", "list_size")},
        group_code=report["group_code"], member_count=len(members), indicator_score=score,
        best_member_score=score, least_member_score=score, grade_beside=lead["initial_grade"],
        rank_beside=1 + sum(r["indicator_score"] > score for r in listed), rule_set_id=lead["rule_set_id"],
    )  # fmt: skip


def _park_grade(city: City, year: str, code: str, district: str) -> None:
    place = {"object_kind_code": "small_park", "object_code": code, "year": year, "district_code": district,
             "ranked_in_code": CITY, "list_code": "small_park", **RULES}  # fmt: skip
    _add(
        city, "per_mu.object_indicator_value", **place, indicator_code="P2", numerator=Decimal(80),
        denominator=Decimal(1), value=Decimal(80), baseline=BASELINE, weight=Decimal(100), score=Decimal(80), **RATIO,
    )  # fmt: skip
    _add(
        city, "per_mu.object_grade", **place, object_name=code, final_grade="A", initial_grade="A",
        total_score=Decimal(80), object_grade_reasons=["five_stars"], status_code="initial", rule_set_hash="h",
    )  # fmt: skip
