"""Bad rows of the bulletin's tables: check → part of the key that its failure names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Rows = list[dict[str, Any]]


def _spoiled(rows: Rows, *key: str) -> dict[str, str]:
    """Spoil a row for each check; rows below scale show no output, rows above scale all figures."""
    above = [row for row in rows if row.get("is_above_scale", True)]
    first, last = above[0], above[-1]
    named = "|".join(f"{k}={first[k]}" for k in key)
    first["output_wan_yuan"] *= 2
    first["tax_per_mu_wan_yuan"] += 1
    first["value_added_per_mu_wan_yuan"] += 1
    first["withheld_reasons"] = ["few_firms:revenue_wan_yuan"]
    last["figures_as_of"] = "2023-06"
    return {
        "figures_as_of_year": "figures_as_of=2023-06",
        "near_the_sum": f"{named}|figure=output_wan_yuan",
        "tax_per_mu": named,
        "value_added_per_mu": named,
        "withheld_with_reason": f"{named}|figure=revenue_wan_yuan",
    }


def _shows_a_firm(rows: Rows) -> dict[str, str]:
    """A sum to which no firm adds."""
    below = next(row for row in rows if not row["is_above_scale"])
    below["energy_tce"] = rows[-1]["energy_tce"]
    return {"shows_no_firm": "figure=energy_tce"}


def _city_total(rows: Rows) -> dict[str, str]:
    return _spoiled(rows, "year", "is_above_scale") | _shows_a_firm(rows)


def _district_total(rows: Rows) -> dict[str, str]:
    adds_up = {"adds_up": "figure=output_wan_yuan"}
    return _spoiled(rows, "year", "district_code", "is_above_scale") | _shows_a_firm(rows) | adds_up


def _division_total(rows: Rows) -> dict[str, str]:
    found = _spoiled(rows, "year", "industry_division_code")
    rows.append(rows[0] | {"industry_division_code": "13", "row_id": "x"})  # no firm is in it
    return found | {"adds_up": "figure=land_area_mu", "shows_no_firm": "industry_division_code=13"}


def _grade_list(rows: Rows) -> dict[str, str]:
    gone = rows.pop(0)
    graded = next(row for row in rows if row["final_grade"] == "B")
    graded["final_grade"] = "A"
    return {"firms_of_population": gone["uscc"], "grades_in_force": graded["uscc"]}


BAD_BULLETIN: dict[str, Callable[[Rows], dict[str, str]]] = {
    "bulletin.city_total": _city_total,
    "bulletin.district_total": _district_total,
    "bulletin.division_total": _division_total,
    "bulletin.grade_list": _grade_list,
}
