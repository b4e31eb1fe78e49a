"""Bad rows of objects: check → part of the key that its failure names."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

Rows = list[dict[str, Any]]


def _park(rows: Rows) -> dict[str, str]:
    part = next(r for r in rows if r["park_kind_code"] == "area_part")
    part["parent_park_code"] = "330206Q009"
    small = next(r for r in rows if r["park_kind_code"] == "small_micro" and r["year"] == "2023")
    for number in range(20):
        rows.append(
            small | {"park_code": f"330203P{number + 50:03d}", "points_safety": None, "row_id": f"x{number}"}
        )
    return {"parts_of_areas": part["park_code"], "marks_given": "year=2023"}


def _building(rows: Rows) -> dict[str, str]:
    first = rows[0]
    for number in range(20):
        rows.append(
            first
            | {
                "building_code": f"330203999GB{number:06d}F0001", "parcel_id": f"330203999GB{number:06d}",
                "let_share_pct": Decimal(100), "vacant_area_m2": Decimal(5), "row_id": f"x{number}",
                "building_flags": ["let_though_vacant"],
            }
        )  # fmt: skip
    first["building_flags"] = ["more_vacant_than_built"]
    return {
        "flags_recompute": first["building_code"],
        "parcel_known_share": f"year={first['year']}",
        "flagged_share": f"year={first['year']}",
    }


def _service_firm(rows: Rows) -> dict[str, str]:
    first = rows[0]
    for number in range(20):
        rows.append(
            first | {"uscc": f"X{number:017d}", "revenue_wan_yuan": Decimal(10), "row_id": f"x{number}"}
        )
    first["is_in_industry"], first["complex_code"] = True, "330203S099"
    return {
        "in_industry_recomputes": first["uscc"],
        "complex_known": "330203S099",
        "above_scale": f"year={first['year']}",
    }


def _service_complex(rows: Rows) -> dict[str, str]:
    rows[0]["occupied_area_m2"] = Decimal(99_999)
    rows[1]["tax_contribution_wan_yuan"] = Decimal(1)
    return {"flags_recompute": rows[0]["complex_code"], "firms_within": rows[1]["year"]}


def _parcel_figure(rows: Rows) -> dict[str, str]:
    rows[0]["used_area_mu"] += 1
    above = next(r for r in rows[3:] if r["value_added_wan_yuan"] is not None)
    above["value_added_wan_yuan"] += Decimal("0.00001")
    taxed = next(r for r in rows[10:] if r["eval_status_code"] == "graded" and r["year"] == "2022")
    taxed["tax_contribution_wan_yuan"] -= Decimal("0.1")
    rows[20]["firm_land_share_pct"] = Decimal(90)
    rows[30]["figures_as_of"] = f"{rows[30]['year']}-06"
    return {
        "uses_of_parcels": rows[0]["parcel_id"],
        "parts_are_the_whole": above["uscc"],
        "tax_of_units": taxed["uscc"],
        "shares_are_the_whole": rows[20]["uscc"],
        "figures_as_of_year": "-06",
    }


def _object_unit(rows: Rows) -> dict[str, str]:
    parcels = [r for r in rows if r["object_kind_code"] == "parcel"]
    zone = next(r for r in rows if r["object_kind_code"] == "zone")
    building = next(r for r in rows if r["object_kind_code"] == "building")
    gone = next(r for r in rows if r["object_kind_code"] == "area_part")
    gone["object_code"] = "330203F099"
    zone["object_reasons"], zone["land_area_mu"] = [], Decimal(5)
    parcels[1]["tax_contribution_wan_yuan"] += 1
    building["tax_contribution_wan_yuan"] = Decimal(10_000)
    parcels[2]["local_firm_count"] = 9
    parcels[3]["taxed_land_mu"] = Decimal(999)
    for row in parcels[5:35]:
        if row["year"] == "2022":
            row["eval_status_code"], row["object_reasons"] = "data_incomplete", ["users_unreported"]
    parcels[-1]["figures_as_of"] = "2023-06"
    in_2020 = zone | {
        "year": "2020", "object_code": "330203K09", "reporting_land_mu": Decimal(1), "row_id": "x",
        "reporting_tax_wan_yuan": Decimal(500), "value_added_wan_yuan": Decimal(165),
    }  # fmt: skip
    rows.append(in_2020)
    return {
        "every_object": "330203F099",
        "reasons_given": zone["object_code"],
        "parcels_have_all_tax": f"year={parcels[1]['year']}",
        "zones_have_their_parcels": zone["object_code"],
        "buildings_within_parcels": building["object_code"][:-5],
        "counts_ordered": parcels[2]["object_code"],
        "land_within": parcels[3]["object_code"],
        "graded_share": "object_kind_code=parcel|year=2022",
        "zones_of_plan": "year=2020",
        "figures_as_of_year": "figures_as_of=2023-06",
    }


def _object_baseline(rows: Rows) -> dict[str, str]:
    rows[0]["value"] = Decimal(0)
    rows[1]["value"], rows[1]["unit_count"] = None, 5
    rows[2]["unit_count"] = 900
    keys = [
        f"ranked_in_code={r['ranked_in_code']}|list_code=parcel|indicator_code={r['indicator_code']}"
        for r in rows
    ]
    return {"above_zero": keys[0], "of_the_list": keys[1], "units_within_list": keys[2]}


def _object_indicator_value(rows: Rows) -> dict[str, str]:
    plain = [r for r in rows if r["note_code"] is None]
    rows[0]["weight"] += 1
    plain[1]["value"] += 1
    plain[2]["score"] += Decimal("0.001")
    plain[3]["score"] = Decimal(-1)
    return {
        "of_graded_objects": rows[0]["object_code"],
        "value_is_quotient": plain[1]["object_code"],
        "score_recomputes": plain[2]["object_code"],
        "scores_bounded": plain[3]["object_code"],
    }


def _object_grade(rows: Rows) -> dict[str, str]:
    parcels = [r for r in rows if r["object_kind_code"] == "parcel" and r["year"] == "2022"]
    here = [r for r in parcels if r["ranked_in_code"] == parcels[0]["ranked_in_code"]]
    there = [r for r in parcels if r["ranked_in_code"] != parcels[0]["ranked_in_code"]]
    later = [r for r in rows if r["object_kind_code"] == "parcel" and r["year"] == "2023"]
    park = next(r for r in rows if r["object_kind_code"] == "small_park")
    here[0]["total_score"] -= 1000
    here[0]["final_grade"] = "D"
    for row in there:
        row["final_grade"] = "A"
    later[0]["list_size"] += 1
    later[1]["list_code"] = "building"
    park["final_grade"] = "B"
    return {
        "of_graded_objects": later[1]["object_code"],
        "total_of_scores": here[0]["object_code"],
        "rank_recomputes": here[0]["object_code"],
        "better_is_not_worse": here[1]["object_code"],
        "share_of_a": f"ranked_in_code={there[0]['ranked_in_code']}",
        "stars_are_a": park["object_code"],
        "list_size": f"list_size={later[0]['list_size']}",
    }


def _group_score(rows: Rows) -> dict[str, str]:
    first = rows[0]
    rows.append(first | {"group_code": "JT09", "row_id": "x"})
    first["rank_beside"] += 1
    first["least_member_score"] += 1
    rows.append(first | {"group_code": "JT08", "uscc": "X", "row_id": "y"})
    return {
        "members_known": "JT09",
        "lead_graded": "JT08",
        "rank_recomputes": first["group_code"],
        "best_not_below_least": first["group_code"],
    }


BAD_OBJECTS: dict[str, Callable[[Rows], dict[str, str]]] = {
    "core.park": _park,
    "core.building": _building,
    "core.service_firm": _service_firm,
    "core.service_complex": _service_complex,
    "per_mu.parcel_figure": _parcel_figure,
    "per_mu.object_unit": _object_unit,
    "per_mu.object_baseline": _object_baseline,
    "per_mu.object_indicator_value": _object_indicator_value,
    "per_mu.object_grade": _object_grade,
    "per_mu.group_score": _group_score,
}
