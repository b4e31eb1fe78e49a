"""Every check of every suite fails on a bad row and names it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest

from expectations.gate.suite import declared_suites
from schemas.contract import contract
from tests.expectations.bad_bulletin import BAD_BULLETIN
from tests.expectations.bad_chain import BAD_CHAIN
from tests.expectations.bad_objects import BAD_OBJECTS
from tests.expectations.bad_profile import BAD_PROFILE
from tests.expectations.bad_quotas import BAD_QUOTAS
from tests.expectations.bad_resource import BAD_RESOURCE
from tests.expectations.conftest import Judge
from tests.expectations.good_city import DISTRICTS, City, Row, add_delivery, code_of, parcel_of, row_for

Rows = list[Row]

#: 2022 comes first in every table of firms: rows 0–59 are its firms in order.
FIRMS = 60


def _change(rows: Rows, indices: range | tuple[int, ...], **values: object) -> None:
    for index in indices:
        rows[index].update(values)


def _multiply(rows: Rows, index: int, factor: int, *columns: str) -> None:
    for column in columns:
        rows[index][column] *= factor


def _enterprise(rows: Rows) -> dict[str, str]:
    _change(rows, range(6), is_uscc_valid=False)
    _change(rows, (10,), industry_code=None, industry_division_code="51")
    _change(rows, (11,), industry_division_code="35")
    _change(rows, (12,), industry_code="3400")
    _change(rows, (13,), reported_district_code="330281")
    _change(rows, range(20, 29), is_in_registry=False)
    _change(rows, range(40, 58), town_code=None, town_note_code="unknown")
    _change(rows, (14,), town_code=None)
    _change(rows, (15,), town_code="330281100")
    # a third of the next year's firms; a fifth plus five may have a new name
    for row in rows[FIRMS + 20 : FIRMS + 40]:
        row.update(enterprise_name="新名", identity_flags=["name_differs"])
        row["district_code"] = row["reported_district_code"] = "330205"
        row["town_code"] = "330205103"
    del rows[FIRMS + 2], rows[FIRMS - 1]
    return {
        "uscc_flag": code_of(0),
        "uscc_invalid_share": code_of(5),
        "industry_scope": code_of(10),
        "industry_division": code_of(11),
        "industry_class": "industry_code=3400",
        "district_mapped": "reported_district_code=330281",
        "town_in_district": "town_code=330281100",
        "town_missing_named": code_of(14),
        "town_missing_share": "year=2022|district_code=330203|missing=",
        "town_doubtful_share": "year=2022|district_code=330203|doubtful=",
        "directory_rows": code_of(59),
        "directory_count": "year=2022",
        "quarantined_stay": code_of(2),
        "in_registry_share": "year=2022",
        **dict.fromkeys(("moved", "moved_wide", "renamed", "renamed_wide"), "year=2023|known=58"),
        **dict.fromkeys(("town_moved", "town_moved_wide"), "year=2023|placed="),
        **dict.fromkeys(
            ("name_of_registry", "name_of_registry_wide"), "year=2023|registered=59|differing=20"
        ),
    }


def _enterprise_year(rows: Rows) -> dict[str, str]:
    last = FIRMS  # the first firm of 2023; every third firm is above scale and reports statistics
    _change(rows, (1,), tax_vat_wan_yuan=None)
    _change(rows, (59,), power_kwh=None)
    _change(rows, (3,), missing_feeds=["gov_nonsense"])
    _change(rows, (4,), valid_to_date=date(2021, 12, 31))
    _change(rows, (8,), permit_class_code="key")
    # twenty firms above scale with a permit, eight of which have none in the next year and report hardly anything
    for number, index in enumerate(range(0, FIRMS, 3)):
        _change(
            rows,
            (index,),
            permit_class_code="simplified",
            emission_t=Decimal(1),
            emission_permitted_t=Decimal(2),
        )
        _change(
            rows,
            (index + FIRMS,),
            permit_class_code="registered" if number < 8 else "key",
            emission_t=Decimal(1),
        )
        if number < 8:
            rows[index]["emission_t"] = Decimal("0.01")
        else:
            rows[index]["emission_permitted_t"] = None if number > 11 else Decimal(2)
    rows[5]["land_own_mu"] += 1
    _multiply(rows, 7, 2, "land_area_mu", "land_own_mu")
    for index in range(20, 32):
        rows[index]["tax_vat_wan_yuan"] *= -1
    for index in range(0, 24, 3):
        rows[index]["value_added_wan_yuan"] *= -1
        rows[index]["rd_expense_wan_yuan"] = rows[index]["revenue_wan_yuan"] + 1
        rows[index]["energy_calorific_tce"] = rows[index]["energy_tce"] + 1
        rows[index]["sales_output_wan_yuan"] *= 10
    _change(rows, (6,), inventions_valid_count=2, patents_valid_count=1)
    for index in range(30, 60, 3):
        rows[index]["customs_export_wan_yuan"] = rows[index]["revenue_wan_yuan"] * 4
    giant = ("tax_vat_wan_yuan", "output_wan_yuan", "value_added_wan_yuan", "power_kwh", "energy_tce")
    # a slip of two firms moves the city's total; one firm's is left out of it
    _multiply(rows, last, 10_000, *giant)
    _multiply(rows, last + 3, 10_000, *giant)
    # the other firms of a district report fifty times the electricity, and all repeat last year's insured persons
    for index in range(last + 1, last + FIRMS):
        rows[index]["insured_count"] = rows[index - last]["insured_count"]
        if rows[index]["district_code"] == DISTRICTS[0]:
            _multiply(rows, index, 50, "power_kwh")
    del rows[last + 59]
    rows[20]["figures_as_of"] = "2022-06"
    return {
        "same_firms": code_of(59),
        "one_as_of_a_year": "year=2022",
        "missing_named": code_of(1),
        "owed_reports_named": code_of(8),
        "permits_kept": "year=2023|holders=20|without=8",
        "emissions_of_permit": "year=2022|reporters=12|tiny=8",
        "power_missing_named": code_of(59),
        "feeds_known": "feed=gov_nonsense",
        "within_year": code_of(4),
        "land_parts": code_of(5),
        "land_reconciles": code_of(7),
        "negative_tax_share": "year=2022",
        "negative_value_added_share": "year=2022",
        "rd_above_revenue": code_of(0),
        "rd_above_revenue_share": "year=2022",
        "sales_to_output": code_of(0),
        "city_sales_to_output": "year=2022",
        "energy_values": "year=2022",
        "patents_of_kinds": code_of(6),
        "exports_to_revenue": "year=2022",
        **{f"{t}_total_steady": "year=2023" for t in ("tax", "output", "value_added", "power", "energy")},
        "district_totals_wide": "measure=power|year=2023|part=district_code=330203|firms=30",
        "scale_totals_wide": "measure=power|year=2023|part=is_above_scale=false",
        "figures_new": "measure=insured|year=2023|part=is_above_scale=false",
        "figures_new_wide": "measure=insured|year=2023|part=is_above_scale=false",
    }


def _parcel(rows: Rows) -> dict[str, str]:
    _change(rows, (0,), completion_due_date=date(2009, 1, 1))
    _change(rows, (1,), acquired_date=date(2024, 1, 1))
    _change(rows, (2,), parcel_id="330299001GB000001")
    _change(rows, (3,), town_code="330281100")
    _change(rows, range(4, 25), town_code=None, town_note_code="contradictory")
    _change(rows, (25,), town_code=None)
    for row in rows[40:]:
        row["parcel_area_mu"] = Decimal(20_000)
    return {
        "dates_ordered": parcel_of(0),
        "known_in_year": parcel_of(1),
        "district_of_code": "330299001GB000001",
        "town_in_district": "town_code=330281100",
        "town_missing_named": "parcel_id=",
        "town_missing_share": "year=2022|district_code=330203|missing=",
        "town_doubtful_share": "year=2022|district_code=330203|doubtful=",
        "industrial_land": "year=2023",
    }


def _zone(rows: Rows) -> dict[str, str]:
    removed = rows.pop(0)
    _change(rows, (1,), zone_name_en=None)
    _change(rows, (2,), second_division_code=rows[2]["leading_division_code"])
    return {
        "zones_of_firms": removed["zone_code"],
        "named_in_both": rows[1]["zone_code"],
        "two_industries": rows[2]["zone_code"],
    }


def _parcel_use(rows: Rows) -> dict[str, str]:
    rows[0]["used_area_mu"] += 1
    _change(rows, (1,), used_area_mu=Decimal(-1))
    _change(rows, (3,), parcel_id="330203001GB999999")
    _change(rows, (4,), lessor_uscc=code_of(0))
    _change(rows, (5,), town_code=None)
    _change(rows, range(20, 50), land_flags=["over_allotted", "unknown_parcel"])
    return {
        "not_overallotted": parcel_of(0),
        "not_negative": code_of(1),
        "parcel_known": "330203001GB999999",
        "own_use_without_lessor": "uscc=",
        "town_of_parcel": "town_code=",
        "over_allotted_share": "year=2022",
        "unknown_parcel_share": "year=2022",
    }


def _enterprise_event(rows: Rows) -> dict[str, str]:
    good = rows[0]
    rows += [good | {"event_id": f"X{n}", "uscc": code_of(900 + n), "row_id": f"x{n}"} for n in range(9)]
    _change(rows, (1,), event_code="tax_evasion")
    _change(rows, (2,), valid_until_date=date(2020, 1, 1))
    # a credit record that began in 2021 belongs to the year in which it ends, and to no other
    listed = {"event_kind_code": "credit", "event_code": "tax_grade_d", "event_date": date(2021, 1, 1)}
    _change(rows, (3,), **listed, valid_until_date=date(2023, 6, 1))
    _change(rows, (4,), **listed)
    _change(rows, (5,), event_kind_code="credit")
    _change(rows, (6,), year="2022", event_date=date(2022, 3, 1))  # otherwise the records would begin in 2023
    return {"code_of_kind": "X4", "dates_ordered": "X1", "date_in_year": "X3", "firm_known": "year=2023"}


def _identity_event(rows: Rows) -> dict[str, str]:
    good = rows[0]
    rows += [good | {"event_id": f"X{n}", "to_uscc": code_of(900 + n), "row_id": f"x{n}"} for n in range(7)]
    _change(rows, (1,), former_name="新名")
    _change(rows, (2,), identity_event_kind_code="group")
    _change(rows, (3,), from_uscc=code_of(901))
    _change(rows, (4,), valid_to_date=date(2022, 1, 1))
    _change(rows, (5,), valid_from_date=date(2024, 1, 1))
    return {
        "renamed_itself": "BG2",
        "kind_of_identity": "X0",
        "becomes_another": "X1",
        "dates_ordered": "X2",
        "told_in_time": "X3",
        "successor_known": "year=2023",
    }


def _enterprise_identifier(rows: Rows) -> dict[str, str]:
    twice = rows[5] | {"uscc": code_of(6), "row_id": "x"}
    _change(rows, (0,), identifier="short")
    _change(rows, (1,), source_feed="gov_nonsense")
    _change(rows, (2,), valid_to_date=date(2019, 1, 1))
    _change(rows, (3,), is_disputed=True)
    rows += [twice, rows[FIRMS] | {"uscc": code_of(49), "is_disputed": False, "row_id": "y"}]
    return {
        "form_of_kind": "identifier=short",
        "source_known": "gov_nonsense",
        "dates_ordered": code_of(2),
        "disputes_reviewed": code_of(3),
        "firms_covered": code_of(0),
        "one_enterprise": code_of(5)[8:17],
        "clear_or_disputed": "3300000050",
    }


def _identity_review(rows: Rows) -> dict[str, str]:
    good = rows[0]
    rows += [good | {"identifier": f"33000001{n:02}", "row_id": f"x{n}"} for n in range(21)]
    _change(rows, (0,), claimants=[code_of(50)])
    _change(rows, (1,), review_reason_code="cycle")
    return {
        "claimants_named": "3300000050",
        "reason_of_kind": "3300000100",
        "in_dispute": "3300000101",
        "few_open": "year=2023",
    }


def _succession(rows: Rows) -> dict[str, str]:
    good = rows[0]
    rows += [good | {"from_uscc": code_of(800 + n), "row_id": f"x{n}"} for n in range(1, 3)]
    _change(rows, (1,), to_uscc=code_of(800))
    _change(rows, (2,), valid_from_date=date(2022, 5, 1), is_disputed=True)
    return {
        "told_of": code_of(801),
        "followed_to_the_last": code_of(801),
        "disputed_stands_for_itself": code_of(802),
        "begins_in_year": code_of(802),
    }


def _group_member(rows: Rows) -> dict[str, str]:
    good = rows[0]
    rows += [good | {"group_code": f"JT{n}", "row_id": f"x{n}"} for n in range(2, 4)]
    rows.append(good | {"uscc": code_of(55), "controller_uscc": code_of(56), "row_id": "y"})
    _change(rows, (1,), controller_uscc=code_of(52))
    _change(rows, (2,), valid_to_date=date(2019, 1, 1))
    return {
        "not_its_own_controller": "JT2",
        "dates_ordered": "JT3",
        "one_controller": "JT1",
        "shares_within_whole": code_of(52),
    }


def _enterprise_month(rows: Rows) -> dict[str, str]:
    """Four months of each of twenty firms, from February on."""
    good = rows[0]
    _change(rows, (0,), output_month_wan_yuan=Decimal(21))
    _change(rows, (4,), months_covered=1)
    _change(rows, (9,), is_cumulative_fall=True)
    for row in rows:
        if row["month"] == "2023-04":
            _change([row], (0,), is_cumulative_fall=True)
        if row["month"] == "2023-05":
            row["output_month_wan_yuan"] = Decimal(31)
    rows += [
        good
        | {"uscc": code_of(900 + n), "month": "2023-03", "row_id": f"x{n}", "year": "2023" if n else "2022"}
        for n in range(8)
    ]
    return {
        "months_add_up": code_of(0),
        "covered_add_up": code_of(3),
        "fall_flagged": code_of(6),
        "falls_share": "month=2023-04",
        "total_steady": "month=2023-05",
        "month_of_year": "year=2022",
        "firm_known": "month=2023-03",
    }


def _record(rows: Rows) -> dict[str, str]:
    good = rows[0]
    rows += [good | {"row_id": f"x{n}"} for n in range(3)]
    _change(rows, (2,), reasons=[])
    _change(rows, (3,), delivery_id="nowhere")
    _change(rows, (4,), feed="gov_nonsense")
    return {"reasons_given": "x0", "delivery_known": "x1", "feed_known": "x2"}


def _correction(rows: Rows) -> dict[str, str]:
    good = rows[0]
    rows += [good | {"correction_number": n} for n in range(2, 6)]
    _change(rows, (1,), correction_reason=" ")
    _change(rows, (2,), new_text=None)
    _change(rows, (3,), delivery_id="nowhere")
    return {
        "reason_given": "correction_number=2",
        "text_given": "correction_number=3",
        "delivery_known": "correction_number=4|delivery_id=nowhere",
        "all_applied": "correction_number=5",
    }


def _delivery(rows: Rows) -> dict[str, str]:
    by_id = {row["delivery_id"]: row for row in rows}
    by_id["gov_energy-2022"]["records_raw"] -= 1
    # 10 of 60 exceed 2 % plus five records; the sender of land parcels lost a fifth of them
    by_id["gov_electricity-2023"].update(records_raw=50, records_quarantined=10)
    by_id["gov_land_parcel-2023"].update(records_in=48, records_raw=48)
    by_id["gov_tax-2022"].update(period="2021")
    # a file again as another district's, and a year reported as a year and by all months but March
    rows.append(by_id["gov_land_survey-2022"] | {"delivery_id": "part", "sequence": 98, "part": "zhenhai"})
    rows += [
        by_id["gov_customs-2022"] | {"delivery_id": f"m{m}", "period": f"2022-{m:02}", "checksum": f"m{m}"}
        for m in (1, 2, *range(4, 13))
    ]
    monthly = by_id["gov_statistics_monthly-2022"]
    monthly["period"] = "2022-02"
    by_id["gov_honour-2022"].update(feed="gov_nonsense")
    by_id["gov_honour-2023"].update(feed="gov_nonsense")
    again = {"delivery_id": "again", "sequence": 99, "records_in": 48, "records_raw": 48}
    rows.append(by_id["gov_social_insurance-2023"] | again)
    return {
        "counts_add_up": "gov_energy-2022",
        "quarantine_complete": "gov_electricity",
        "feed_known": "gov_nonsense",
        "quarantine_band": "feed=gov_electricity|period=2023",
        "quarantine_band_half": "feed=gov_electricity|period=2023",
        "volume_period": "feed=gov_land_parcel|period=2023|before=60|records=48",
        "volume_redelivery": "feed=gov_social_insurance|period=2023",
        "periods_unbroken": "feed=gov_tax|period_before=2021|period=2023",
        "every_feed": "gov_honour",
        "raw_complete": "gov_energy",
        "months_complete": "feed=gov_statistics_monthly|year=2022|missing=03,04,05,06,07,08,09,10,11,12",
        "year_or_months": "feed=gov_customs|year=2022|deliveries=12",
        "sent_once": "feed=gov_land_survey",
    }


def _population(rows: Rows) -> dict[str, str]:
    _change(rows, (1,), list_code="tenant")
    _change(rows, (2,), land_area_mu=Decimal(0))
    _change(rows, (4,), unit_role_code="inherits", evaluation_uscc=code_of(999))
    _change(rows, (5,), rule_set_id="ningbo-test-2021")
    exempt = next(r for r in rows if r["eval_status_code"] == "exempt")
    exempt["status_reasons"] = []
    incomplete = next(r for r in rows if r["eval_status_code"] == "data_incomplete")
    incomplete["eval_status_code"] = "graded"
    for row in [r for r in rows if r["year"] == "2023"]:
        if row is not incomplete:
            row.update(eval_status_code="data_incomplete", status_reasons=["missing:gov_tax"])
    here = [r for r in rows if r["year"] == "2022" and r["district_code"] == "330206"]
    for row in here[-6:]:
        row.update(status_reasons=["land_too_small:staff"])
    removed = rows.pop(10)
    rows[20]["figures_as_of"] = "2023-06"
    return {
        "figures_as_of_year": "figures_as_of=2023-06",
        "same_firms": removed["uscc"],
        "above_scale_by_directory": rows[1]["uscc"],
        "graded_with_land": rows[2]["uscc"],
        "graded_with_tax": code_of(1),
        "reasons_given": exempt["uscc"],
        "unit_of_evaluation": code_of(999),
        "graded_by_rule_set": "ningbo-test-2021",
        "data_incomplete_share": "year=2023",
        "land_too_small_share": "year=2022|district_code=330206|landed=30|too_small=6",
    }


def _baseline(rows: Rows) -> dict[str, str]:
    _change(rows, (0,), rule_set_id="ningbo-test-2021")
    _change(rows, (1,), value=Decimal(0))
    _change(rows, (2,), value=Decimal(100))
    _change(rows, (2,), method_code="fixed")
    rows[-1]["figures_as_of"] = "2023-06"
    _change(rows, (3,), giant_treatment_code="left_out", method_code="aggregate")
    _change(rows, (4,), unit_count=5)
    return {
        "figures_as_of_year": "figures_as_of=2023-06",
        "of_the_year": "ningbo-test-2021",
        "above_zero": "indicator_code=I2",
        "steady": "year=2023",
        "giants_treated": "giant_treatment_code=left_out",
        "units_behind": f"indicator_code={rows[4]['indicator_code']}",
    }


def _unit(rows: Rows) -> dict[str, str]:
    _change(rows, (0,), list_code="tenant")
    rows[1]["land_area_mu"] += 1
    rows[-1]["figures_as_of"] = "2023-06"
    rows[2]["withheld_figures"] = ["emission_t"]
    return {
        "figures_as_of_year": "figures_as_of=2023-06",
        "units_of_population": rows[0]["uscc"],
        "sums_of_members": rows[1]["uscc"],
        "withheld_of_members": rows[2]["uscc"],
    }


def _land_review(rows: Rows) -> dict[str, str]:
    good = {
        "uscc": code_of(3), "year": "2023", "land_measure_code": "staff", "carried_amount": Decimal(900),
        "land_area_mu": Decimal("1.3"), "least_land_mu": Decimal("2.7"), "industry_division_code": "34",
    }  # fmt: skip
    spec = contract("per_mu.land_review")
    rows += [
        row_for(spec, **good),
        row_for(spec, **{**good, "uscc": code_of(6), "least_land_mu": Decimal(1)}),
    ]
    return {"firms_of_population": code_of(3), "land_below_least": code_of(6)}


def _indicator_value(rows: Rows) -> dict[str, str]:
    _change(rows, (0,), list_code="tenant")
    _change(rows, (2,), weight=Decimal(61))
    rows[4]["value"] += 1
    _change(rows, (6,), is_missing=True)
    rows[8]["score"] += Decimal("0.0001")
    _change(rows, (10,), note_code="missing_zero")
    _change(rows, (12,), baseline=Decimal(11))
    _change(rows, (14,), note_code="withheld_zero", score=Decimal("0.1"))
    # the value added per mu of two firms: a loss of a known value, and one whose land is missing
    lost = {"numerator": Decimal(-5)}
    rows[13].update(
        lost, denominator=Decimal(5), value=Decimal(-1), score=Decimal(0), note_code="negative_zero"
    )
    rows[17].update(lost, denominator=None, value=None, is_missing=True, note_code="group_median")
    for row in rows:
        if row["year"] == "2023" and row["indicator_code"] == "I1":
            for column in ("numerator", "value", "score"):
                row[column] *= 10_000
    rows[-1]["figures_as_of"] = "2023-06"
    return {
        "figures_as_of_year": "figures_as_of=2023-06",
        "units_of_population": rows[0]["uscc"],
        "weights_sum": rows[2]["uscc"],
        "value_recomputes": rows[4]["uscc"],
        "missing_flag": rows[6]["uscc"],
        "score_recomputes": rows[8]["uscc"],
        "score_by_note": "note_code=missing_zero",
        "baseline_of_year": rows[12]["uscc"],
        "untold_loss_never_pays": rows[17]["uscc"],
        "withholding_never_pays": rows[14]["uscc"],
        "withheld_is_scored_so": "note_code=withheld_zero",
        "scores_bounded": "indicator_code=I1",
        "tax_per_mu_p99": "year=2023",
        "tax_per_mu_median": "year=2023",
    }


def _procedure(rows: Rows) -> dict[str, str]:
    """The first ten rows are the steps of one district and year, in their order."""
    _change(rows, (1,), working_days_count=4)
    _change(rows, (2,), decided_date=date(2023, 7, 19))
    _change(rows, (7,), decided_date=date(2023, 8, 18))
    rows.append(rows[8] | {"evaluation_version": 2, "row_id": "v2", "procedure_reason": None})
    rows.append({**rows[10], "district_code": "330212", "row_id": "alone"})
    return {
        "all_steps": "district_code=330212",
        "windows_long_enough": "evaluation_step_code=land_publicity",
        "steps_in_order": "evaluation_step_code=sheets_offered",
        "final_after_publicity": "evaluation_step_code=final",
        "versions_have_reason": "evaluation_version=2",
    }


def _confirmation(rows: Rows) -> dict[str, str]:
    _change(rows, (0,), confirmed_date=None)
    later = next(n for n, row in enumerate(rows) if row["year"] == "2023")
    _change(rows, (later,), confirmation_state_code="silent", window_end_date=date(2024, 7, 11))
    removed = rows.pop(3)
    silent = [n for n, row in enumerate(rows) if row["year"] == "2022" and row["district_code"] == "330206"]
    _change(rows, tuple(silent), confirmation_state_code="silent", confirmed_date=None)
    return {
        "firms_of_population": removed["uscc"],
        "state_has_days": rows[0]["uscc"],
        "silence_after_deadline": f"uscc={rows[later - 1]['uscc']}|year=2023",
        "most_confirm": "district_code=330206|year=2022",
    }


def _objection(rows: Rows) -> dict[str, str]:
    good = rows[0]
    rows += [good | {"objection_code": f"YY2022000{n}", "row_id": f"o{n}"} for n in range(2, 6)]
    _change(rows, (1,), procedure_reason=None)
    _change(rows, (2,), decided_date=date(2023, 8, 14))
    _change(rows, (3,), raised_date=date(2023, 8, 1))
    _change(rows, (4,), objection_state_code="accepted_pending", decided_value=Decimal(2))
    return {
        "decision_has_reason": "YY20220002",
        "decided_after_raised": "YY20220003",
        "window_admits": "YY20220004",
        "corrections_arrive": "YY20220005",
    }


def _publication(rows: Rows) -> dict[str, str]:
    _change(rows, (0,), decided_date=date(2023, 8, 1))
    _change(rows, (1,), grade_change_cause_code="score")
    rows.append(rows[2] | {"evaluation_version": 3, "row_id": "v3"})
    return {
        "published_after_final": rows[0]["uscc"],
        "corrections_wait": rows[1]["uscc"],
        "versions_unbroken": "versions=3",
    }


def _adjustment(rows: Rows) -> dict[str, str]:
    good = rows[0]
    rows += [good | {"adjustment_code": f"a{n}", "row_id": f"a{n}"} for n in range(4)]
    _change(rows, (1,), points=Decimal(-1))
    _change(rows, (2,), effect_code="direct_d")
    _change(rows, (3,), event_id="nowhere")
    _change(rows, (4,), uscc=code_of(999))
    return {
        "points_signed": "a0",
        "effect_of_kind": "a1",
        "event_known": "nowhere",
        "firm_known": code_of(999),
    }


def _enterprise_grade(rows: Rows) -> dict[str, str]:
    """The first rows are a ranked list: firms above scale of one district and year."""
    swapped = (rows[0]["total_score"], rows[1]["total_score"])
    rows[1]["total_score"], rows[0]["total_score"] = swapped
    _change(rows, (2,), bonus_points=Decimal(1))
    rows[3]["indicator_score"] += 1
    _change(rows, (4,), final_grade="D")
    _change(rows, (5,), supersedes=1)
    _change(rows, (6,), rank_in_list=5)
    _change(rows, (7,), initial_grade="A")
    for row in rows[20:29]:
        row["initial_grade"] = "A"
    _change(rows, range(9, 19), rank_in_list=11)
    for row in rows:
        if row["year"] == "2023":
            row["final_grade"] = "B"
    removed = rows.pop(-1)
    rows[8]["figures_as_of"] = "2023-06"
    return {
        "part_year_is_never_final": rows[8]["uscc"],
        "figures_as_of_year": "figures_as_of=2023-06",
        "graded_firms": removed["uscc"],
        "total_adds_up": rows[2]["uscc"],
        "total_recomputes": rows[3]["uscc"],
        "ranks_complete": rows[5]["uscc"],
        "equals_are_treated_alike": "rank_in_list=5",
        "list_can_be_ranked": "rank_in_list=11",
        "ranks_follow_totals": rows[1]["uscc"],
        "grades_follow_ranks": rows[7]["uscc"],
        "quota_a": "list_code=",
        "change_has_reason": rows[4]["uscc"],
        "versions_follow": rows[5]["uscc"],
    }


def _city_rank(rows: Rows) -> dict[str, str]:
    _change(rows, (0,), label_zh="全市排名")
    _change(rows, (1,), city_rank=3)
    rows[5]["total_score"] += 10_000
    removed = rows.pop(30)
    rows[9]["figures_as_of"] = "2023-06"
    return {
        "figures_as_of_year": "figures_as_of=2023-06",
        "labelled": "全市排名",
        "ranks_complete": "year=2022",
        "ranks_follow_totals": rows[5]["uscc"],
        "units_of_population": removed["uscc"],
    }


def _district_summary(rows: Rows) -> dict[str, str]:
    rows[0]["firm_count"] += 8  # 36 participants, 28 of them graded
    rows[-1]["figures_as_of"] = "2023-06"
    rows[1]["grade_a_count"] += 1
    rows[2]["tax_per_mu_wan_yuan"] += 1
    rows[2]["tax_per_mu_without_giants_wan_yuan"] += 1
    _change(
        rows,
        (3,),
        value_added_per_mu_wan_yuan=Decimal(5),
        value_added_per_mu_without_giants_wan_yuan=Decimal(5),
    )
    _change(rows, (4,), land_total_mu=Decimal(800_000))
    rows[5]["land_without_giants_mu"] += 1
    rows[6]["giant_count"] = 3
    rows[7]["least_firm_without_giants_count"] = 1000
    rows[8]["value_added_firm_count"] = 1000
    place = {
        n: f"district_code={rows[n]['district_code']}|list_code={rows[n]['list_code']}" for n in range(9)
    }
    return {
        "figures_as_of_year": "figures_as_of=2023-06",
        "statuses_sum": place[0],
        "grades_sum": place[1],
        "firms_of_population": place[0],
        "grades_of_firms": "year=2022",
        "tax_per_mu": place[2],
        "tax_per_mu_without_giants": place[2],
        "value_added_per_mu": place[3],
        "value_added_per_mu_without_giants": place[3],
        "land_within_city": "year=2022",
        "same_without_a_giant": place[5],
        "without_giants_below_all": place[5],
        "giants_counted": place[6],
        "least_firms": place[7],
        "value_added_counted": place[8],
        "value_added_of_half": place[8],  # fewer than half of a thousand have land
        "giants_are_few": place[6],
    }


def _events_of(key: str) -> Callable[[Rows], dict[str, str]]:
    """Every event of 2022 is reported again, of the next firm."""

    def spoil(rows: Rows) -> dict[str, str]:
        rows += [r | {"uscc": code_of(n + 1), "row_id": f"x{n}"} for n, r in enumerate(rows[:FIRMS])]
        return dict.fromkeys(("one_firm", "one_firm_wide"), f"{key}=2022-0|uscc={code_of(0)}")

    return spoil


def _consent(rows: Rows) -> dict[str, str]:
    rows[0]["consent_end_date"] = rows[0]["consent_from_date"]
    rows.append(rows[5] | {"consent_from_date": date(2024, 1, 1), "row_id": "x"})
    _change(rows, (2,), uscc=code_of(900))
    _change(rows, (3,), consent_kinds=["withdrawal"])
    _change(rows, (4,), is_consent_withdrawn=True)
    return {
        "validity_positive": code_of(0),
        "no_overlap": rows[5]["uscc"],
        "firm_in_directory": code_of(900),
        "rests_on_consent": rows[3]["uscc"],
        "withdrawn_ends": rows[4]["uscc"],
    }


def _consent_state(rows: Rows) -> dict[str, str]:
    _change(rows, (0,), district_code="330299")
    _change(rows, (3,), per_mu_consent_code="not_needed")
    _change(rows, (6,), per_mu_consent_code="given")
    for row in rows[FIRMS:]:
        if row["is_in_statistics"] and row["district_code"] == DISTRICTS[0]:
            row["per_mu_consent_code"] = "not_given"
    return {
        "same_firms": code_of(0),
        "statistics_need_consent": code_of(3),
        "state_of_consents": code_of(6),
        "consent_share": f"year=2023|district_code={DISTRICTS[0]}",
    }


def _ent_consent(rows: Rows) -> dict[str, str]:
    _change(rows, range(40), uscc=code_of(900))
    _change(rows, range(20, 27), valid_until_date=date(2019, 12, 31))
    return dict.fromkeys(("firm_known", "firm_known_wide", "given_in_time"), "period=2022")


BAD: dict[str, Callable[[Rows], dict[str, str]]] = {
    **BAD_BULLETIN,
    **BAD_CHAIN,
    **BAD_OBJECTS,
    **BAD_PROFILE,
    **BAD_QUOTAS,
    **BAD_RESOURCE,
    "core.consent": _consent,
    "core.consent_state": _consent_state,
    "core.enterprise": _enterprise,
    "core.enterprise_event": _enterprise_event,
    "core.enterprise_identifier": _enterprise_identifier,
    "core.enterprise_month": _enterprise_month,
    "core.enterprise_year": _enterprise_year,
    "core.group_member": _group_member,
    "core.identity_event": _identity_event,
    "core.identity_review": _identity_review,
    "core.succession": _succession,
    "core.parcel": _parcel,
    "core.parcel_use": _parcel_use,
    "core.zone": _zone,
    "per_mu.adjustment": _adjustment,
    "per_mu.baseline": _baseline,
    "per_mu.city_rank": _city_rank,
    "per_mu.confirmation": _confirmation,
    "per_mu.district_summary": _district_summary,
    "per_mu.enterprise_grade": _enterprise_grade,
    "per_mu.indicator_value": _indicator_value,
    "per_mu.land_review": _land_review,
    "per_mu.objection": _objection,
    "per_mu.procedure": _procedure,
    "per_mu.publication": _publication,
    "per_mu.unit": _unit,
    "per_mu.population": _population,
    "quarantine.correction": _correction,
    "quarantine.record": _record,
    "raw.delivery": _delivery,
    "raw.ent_consent": _ent_consent,
    "raw.gov_grant": _events_of("grant_code"),
    "raw.gov_honour": _events_of("event_id"),
    "raw.gov_penalty": _events_of("event_id"),
}

#: Checks that need more than bad rows in one table; they have their own tests, below or in other modules.
ELSEWHERE = {
    "core.enterprise_year": {
        "coverage_year",
        "coverage_year_warn",
        "coverage_release",
        "district_totals",
        "scale_totals",
        "order_kept",
        "order_kept_wide",
    },
    "bulletin.district_total": {"cannot_be_derived", "none_without_the_city"},
    "bulletin.division_total": {"cannot_be_derived", "none_without_the_city"},
    "chain.gap": {"strong_for_all", "rule_for_all", "rule_for_none", "condition_for_all_or_none"},
    "per_mu.unit": {"list_totals", "list_totals_wide"},
    "per_mu.adjustment": {"vetoes_applied"},
    "per_mu.baseline": {"no_unit_moves_it"},
    "per_mu.enterprise_grade": {
        "quota_d",
        "vetoed_not_above_c",
        "final_as_published",
        "final_after_publicity",
        "grades_steady",
    },
    "per_mu.indicator_value": {
        "levels_steady",
        "silence_never_pays",
        "average_rewards_silence",
        "withheld_share",
        "maxima_possible",
        "far_from_the_list",
    },
    "per_mu.land_review": {"least_land_recomputes", "out_of_d"},
    "per_mu.procedure": {"objections_decided"},
    "per_mu.publication": {"published_stays"},
    "per_mu.population": {"somebody_graded", "year_has_rules", "land_carries"},
    "resource.carbon_code": {
        "level_of_intensity",
        "few_firms",
        "middle_of_industry",
        "power_within_energy",
    },
    "resource.emission_right": {"exceeded_share", "term"},
    "resource.emission_transfer": {"few_refused"},
    "resource.energy_allocation": {"reserve", "quota_by_use"},
    "resource.energy_quota_district": {"held_of_use"},
    "resource.energy_transfer": {"few_refused"},
    "resource.consequence": {"rate_of_rule", "district_gain", "hidden_from_d", "no_base_share"},
    "resource.consequence_district": {"before_within_tax", "relief_of_the_city"},
    "resource.land_promise": {"doubtful_share", "missed_share", "parcel_registered"},
    "resource.land_potential_district": {"aims_of_the_city"},
    "resource.low_efficiency": {"conditions_hold", "every_d_is_listed", "share_of_graded"},
    "resource.low_efficiency_district": {"aims_of_the_city"},
    "resource.power_price_month": {"step_of_rule"},
    "profile.comprehensive_score": {"percentiles_flat"},
    "profile.comprehensive_score_month": {"percentiles_flat"},  # the same check
}


@pytest.mark.parametrize("table", BAD)
def test_bad_rows_fail_their_checks_and_are_named(table: str, city: City, judge: Judge) -> None:
    expected = BAD[table](city[table])
    report = judge(table)
    failed = {v.expectation: v for v in report.verdicts if not v.success and v.suite == f"{table}/domain"}
    named = {
        check: any(fragment in key for key in failed[check].failing_keys) if check in failed else False
        for check, fragment in expected.items()
    }
    assert named == dict.fromkeys(expected, True), failed
    assert not report.passed
    assert all(v.unexpected > 0 and not v.details for v in failed.values()), failed


def test_every_check_has_a_bad_row(city: City) -> None:
    missing = {}
    for table, suite in declared_suites().items():
        covered = set(ELSEWHERE.get(table, ()))
        if table in BAD:
            covered |= set(BAD[table](copy.deepcopy(city[table])))
        missing[table] = {c.id for c in suite.checks if not c.id.endswith("_slip")} - covered
    assert not any(missing.values()), missing


@pytest.mark.parametrize(
    ("table", "check"),
    [
        ("per_mu.population", "same_firms"),
        ("per_mu.enterprise_grade", "graded_firms"),
        ("profile.enterprise_profile", "firms_of_directory"),
    ],
)
def test_a_town_is_that_of_the_directory(table: str, check: str, city: City, judge: Judge) -> None:
    city[table][5]["town_code"] = None
    [failed] = [v for v in judge(table).verdicts if not v.success]
    assert failed.expectation == check and city[table][5]["uscc"] in failed.failing_keys[0]


def test_a_final_grade_is_the_published_one_and_follows_the_notice(city: City, judge: Judge) -> None:
    final = next(r for r in city["per_mu.enterprise_grade"] if r["status_code"] == "final")
    published = next(r for r in city["per_mu.publication"] if r["uscc"] == final["uscc"])
    published["final_grade"] = "D" if final["final_grade"] != "D" else "C"
    early = next(r for r in city["per_mu.enterprise_grade"] if r["year"] == "2023")
    early["status_code"] = "final"
    report = judge("per_mu.publication", "per_mu.enterprise_grade", tables=["per_mu.enterprise_grade"])
    failed = {v.expectation: v.failing_keys[0] for v in report.failures()}
    assert set(failed) == {"final_as_published", "final_after_publicity"}
    assert final["uscc"] in failed["final_as_published"] and early["uscc"] in failed["final_after_publicity"]


def test_an_objection_left_open_by_the_meeting_warns(city: City, judge: Judge) -> None:
    city["per_mu.objection"][0] |= {"objection_state_code": "open", "decided_date": None}
    report = judge("per_mu.objection", tables=["per_mu.procedure"])
    assert [v.expectation for v in report.warnings()] == ["objections_decided"]


def test_vetoed_firm_in_a(city: City, judge: Judge) -> None:
    best = next(r for r in city["per_mu.enterprise_grade"] if r["final_grade"] == "A")
    fatal = {
        "uscc": best["uscc"], "year": best["year"], "event_id": "F1", "event_kind_code": "accident",
        "event_code": "safety_fatal", "event_date": date(2022, 5, 1),
    }  # fmt: skip
    city["core.enterprise_event"].append(row_for(contract("core.enterprise_event"), **fatal))
    report = judge("core.enterprise_event", tables=["per_mu.adjustment"])
    assert [v.expectation for v in report.warnings()] == ["vetoes_applied"]

    veto = {
        "uscc": best["uscc"], "year": best["year"], "event_id": "F1", "adjustment_code": "veto:safety_fatal",
        "adjustment_kind_code": "veto", "effect_code": "direct_d", "district_code": best["district_code"],
    }  # fmt: skip
    city["per_mu.adjustment"].append(row_for(contract("per_mu.adjustment"), **veto))
    tables = ["per_mu.adjustment", "per_mu.enterprise_grade"]
    report = judge("core.enterprise_event", "per_mu.adjustment", tables=tables)
    assert [v.expectation for v in report.failures()] == ["vetoed_not_above_c"]
    assert best["uscc"] in report.failures()[0].failing_keys[0]


@pytest.mark.parametrize(
    ("numerator", "denominator", "units", "left_out", "is_named"),
    [
        # 29 units have 29 on 29: one with as much on one lifts the quotient from 1 to 58/30
        ("29", "1", 29, False, True),
        # it is left out as a giant
        ("29", "1", 29, True, False),
        # 10.3 and 10.4 more lift the quotient to less and more than 4/3
        ("10.9", "1", 29, False, False),
        ("11.1", "1", 29, False, True),
        # land for nothing lowers it as much
        ("1", "9.9", 29, False, False),
        ("1", "11.1", 29, False, True),
        # of few units each moves the quotient
        ("29", "1", 28, False, False),
        # without it nothing is left
        ("29", "0.5", 0, False, False),
    ],
)  # fmt: skip
def test_a_unit_that_moves_a_baseline_is_named(
    city: City, judge: Judge, numerator: str, denominator: str, units: int, left_out: bool, is_named: bool
) -> None:
    value = city["per_mu.indicator_value"][0]
    base = next(
        r for r in city["per_mu.baseline"]
        if all(r[k] == value[k] for k in ("year", "district_code", "list_code", "indicator_code"))
    )  # fmt: skip
    base |= {"method_code": "aggregate", "giants": [value["uscc"]], "giant_count": 1}
    base["giant_treatment_code"] = "left_out" if left_out else "counted"
    others = [
        value | {"uscc": f"u{n}", "row_id": f"u{n}", "numerator": Decimal(1), "denominator": Decimal(1)}
        for n in range(units)
    ]
    value |= {"numerator": Decimal(numerator), "denominator": Decimal(denominator)}
    place = {k: value[k] for k in ("year", "district_code", "list_code", "indicator_code")}
    rows = city["per_mu.indicator_value"]
    rows[:] = [r for r in rows if any(r[k] != v for k, v in place.items())] + [value, *others]
    report = judge("per_mu.indicator_value", "per_mu.baseline", tables=["per_mu.baseline"])
    found = [v for v in report.verdicts if not v.success and v.expectation == "no_unit_moves_it"]
    assert [
        value["uscc"] in v.failing_keys[0] and "enterprise_name=宁波" in v.failing_keys[0] for v in found
    ] == ([True] if is_named else [])


@pytest.mark.parametrize(
    ("note", "points", "silent", "named"),
    [
        ("group_median", "16", 30, ["silence_never_pays"]),
        ("group_average", "16", 30, ["average_rewards_silence"]),
        ("group_median", "15.5", 30, []),
        ("missing_zero", "0", 30, []),
        ("group_median", "16", 29, []),
        ("zero_median", "16", 30, ["silence_never_pays"]),
        ("zero_average", "16", 30, ["average_rewards_silence"]),
        ("withheld_zero", "0", 1, []),
        ("withheld_zero", "1", 1, ["withholding_never_pays"]),
        ("withheld_zero", "0", 9, ["withheld_share"]),
    ],
)
def test_silence_that_pays_is_named(
    city: City, judge: Judge, note: str, points: str, silent: int, named: list[str]
) -> None:
    """Thirty units report and have 1 to 30 points, 15.5 in the middle; others are silent."""
    rows = city["per_mu.indicator_value"]
    same = {**rows[0], "indicator_code": "I4", "note_code": None, "weight": Decimal(50)}
    rows += [same | {"uscc": f"r{n}", "row_id": f"r{n}", "score": Decimal(n)} for n in range(1, 31)]
    rows += [
        same | {"uscc": f"s{n}", "row_id": f"s{n}", "score": Decimal(points), "value": None, "is_missing": True,
                "note_code": note}
        for n in range(silent)
    ]  # fmt: skip
    report = judge("per_mu.indicator_value")
    checks = {"silence_never_pays", "average_rewards_silence", "withholding_never_pays", "withheld_share"}
    assert [v.expectation for v in report.verdicts if not v.success and v.expectation in checks] == named


LIMITS = {
    "land_limit": [
        {"division": "34", "m2_per_person": 2.0, "value_added_per_mu": 20000.0, "tax_per_mu": 10000.0}
    ],
    "judged_land": [{"rule_set_id": f"ningbo-test-330203-{year}"} for year in ("2022", "2023")],
}


def test_a_value_beyond_what_land_can_carry_blocks(city: City, judge: Judge) -> None:
    rows = city["per_mu.indicator_value"]
    for row in rows:
        if row["indicator_code"] == "I1":
            row["value"] = Decimal(10001)
    failed = {v.expectation: v for v in judge("per_mu.indicator_value", rules=LIMITS).failures()}
    districts = {r["uscc"]: r["district_code"] for r in rows}
    named = {key.partition("|")[0].removeprefix("uscc=") for key in failed["maxima_possible"].failing_keys}
    assert {districts[uscc] for uscc in named} == {"330203"}  # the other rule sets have no bound


def test_a_value_far_from_its_list_warns(city: City, judge: Judge) -> None:
    rows = city["per_mu.indicator_value"]
    same = {**rows[0], "indicator_code": "I4", "note_code": None, "weight": Decimal(50), "value": Decimal(2)}
    rows += [same | {"uscc": f"r{n}", "row_id": f"r{n}"} for n in range(30)]
    rows[-1]["value"] = Decimal(20000)
    assert "far_from_the_list" not in {v.expectation for v in judge("per_mu.indicator_value").warnings()}
    rows[-1]["value"] = Decimal(20001)
    warned = {v.expectation: v for v in judge("per_mu.indicator_value").warnings()}
    assert "uscc=r29" in warned["far_from_the_list"].failing_keys[0]


def test_graded_firms_have_land_that_carries_them(city: City, judge: Judge) -> None:
    assert judge("per_mu.population", rules=LIMITS).passed
    row = city["per_mu.population"][0]
    firm = next(r for r in city["core.enterprise_year"] if r["uscc"] == code_of(6) and r["year"] == "2023")
    firm["employees_average"] = Decimal(100_000)
    report = judge("core.enterprise_year", tables=["per_mu.population"], rules=LIMITS)
    assert [v.expectation for v in report.failures()] == ["land_carries"]
    assert code_of(6) in report.failures()[0].failing_keys[0] and row["land_area_mu"] > 0


def test_the_work_list_recomputes_and_names_firms_that_left_d(city: City, judge: Judge) -> None:
    graded = next(r for r in city["per_mu.enterprise_grade"] if r["year"] == "2022")
    graded["final_grade"] = "D"  # the lists of the good city are too short for a D
    stands = next(r for r in city["per_mu.population"] if (r["uscc"], r["year"]) == (graded["uscc"], "2023"))
    stands.update(eval_status_code="data_incomplete", status_reasons=["land_too_small:staff"])
    row = row_for(
        contract("per_mu.land_review"), uscc=graded["uscc"], year="2023", land_measure_code="staff",
        carried_amount=Decimal(900), land_area_mu=Decimal("1.3"), least_land_mu=Decimal("2.7"),
        industry_division_code="34", district_code=stands["district_code"], list_code=stands["list_code"],
    )  # fmt: skip
    city["per_mu.land_review"] = [row]
    tables = ["per_mu.land_review"]
    changed = ("per_mu.enterprise_grade", "per_mu.population", "per_mu.land_review")
    report = judge(*changed, tables=tables, rules=LIMITS)
    assert report.passed and [v.expectation for v in report.warnings()] == ["out_of_d"]
    row["least_land_mu"] = Decimal("2.8")  # 900 x 2 m² is 1800 m² = 2.7 mu
    report = judge(*changed, tables=tables, rules=LIMITS)
    assert [v.expectation for v in report.failures()] == ["least_land_recomputes"]


def test_year_without_graded_firms(city: City, judge: Judge) -> None:
    for row in city["per_mu.population"]:
        if row["year"] == "2023":
            row.update(eval_status_code="data_incomplete", status_reasons=["missing:gov_tax"])
    assert "somebody_graded" in {v.expectation for v in judge("per_mu.population").failures()}


def test_year_without_rules_is_a_warning(city: City, judge: Judge) -> None:
    for row in city["per_mu.population"]:
        if row["year"] == "2023":
            row.update(eval_status_code="out_of_scope", status_reasons=["no_rule_set"])
    report = judge("per_mu.population")
    assert "year_has_rules" in {v.expectation for v in report.warnings()}
    assert "somebody_graded" not in {v.expectation for v in report.failures()}


def test_year_without_graded_firms_while_its_land_survey_is_still_to_come(city: City, judge: Judge) -> None:
    """Firms without land are out of scope; the sums by district have no grades, and neither has the table of grades."""
    for row in city["per_mu.population"]:
        if row["year"] == "2023":
            row.update(eval_status_code="out_of_scope", status_reasons=[])
    city["raw.delivery"] = [
        row for row in city["raw.delivery"] if (row["feed"], row["period"]) != ("gov_land_survey", "2023")
    ]
    city["per_mu.enterprise_grade"] = [r for r in city["per_mu.enterprise_grade"] if r["year"] != "2023"]
    for row in city["per_mu.district_summary"]:
        if row["year"] == "2023":
            row |= {f"grade_{grade}_count": 0 for grade in "abcd"}
    changed = ("raw.delivery", "per_mu.population", "per_mu.enterprise_grade", "per_mu.district_summary")
    failed = {
        v.expectation
        for v in judge(*changed, tables=["per_mu.population", "per_mu.district_summary"]).failures()
    }
    assert not failed & {"somebody_graded", "grades_of_firms"}


def test_a_delivery_of_the_good_city_has_a_record_for_each_firm(city: City) -> None:
    """A test of the good city itself."""
    row = add_delivery(city, "gov_tax", "2024")
    assert row["records_in"] == row["records_raw"] == FIRMS
