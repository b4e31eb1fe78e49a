"""The good city's yearly procedure: 2022 is complete and published, 2023 has only its list."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from schemas.contract import code_list, contract
from tests.expectations.good_city import DISTRICTS, YEARS, row_for

if TYPE_CHECKING:
    from tests.expectations.good_city import City

#: Step → day and last day of its window, by month and day of the year after; working days of 2023.
DAYS = {
    "list_fixed": ((4, 25), None),
    "land_publicity": ((5, 22), (5, 26)),
    "data_gathered": ((7, 3), None),
    "sheets_offered": ((7, 5), (7, 11)),
    "initial_graded": ((7, 20), None),
    "publicity": ((8, 14), (8, 18)),
    "joint_meeting": ((8, 21), None),
    "final": ((8, 22), None),
    "published": ((9, 1), None),
    "executed": ((9, 4), None),
}


def add_procedure(city: City) -> None:
    """Rows of the four tables; every step with a window has five working days."""
    complete = YEARS[0]
    following = int(complete) + 1
    city["per_mu.objection"] = []
    for table in ("procedure", "confirmation", "publication"):
        city[f"per_mu.{table}"] = []
    for district in DISTRICTS:
        for year in YEARS:
            for code in code_list("evaluation_step"):
                first, last = DAYS[code]
                given = {"district_code": district, "year": year, "evaluation_step_code": code, "evaluation_version": 1,
                         "step_state_code": "waiting",
                    "planned_date": date(int(year) + 1, *first)}  # fmt: skip
                if year == complete or code == "list_fixed":
                    day = date(int(year) + 1, *first)
                    given |= {"step_state_code": "done", "decided_date": day}
                    if last:
                        end = date(following, *last)
                        given |= {"window_start_date": day, "window_end_date": end, "working_days_count": 5}
                city["per_mu.procedure"].append(row_for(contract("per_mu.procedure"), **given))
    for row in city["per_mu.population"]:
        if row["list_code"] == "above_scale" and row["eval_status_code"] == "graded":
            is_complete = row["year"] == complete
            city["per_mu.confirmation"].append(
                row_for(
                    contract("per_mu.confirmation"),
                    **{k: row[k] for k in ("uscc", "year", "district_code", "town_code")},
                    confirmation_state_code="confirmed" if is_complete else "not_due",
                    confirmed_date=date(following, 7, 6) if is_complete else None,
                    window_end_date=date(following, 7, 11) if is_complete else None,
                )
            )
    firm = next(
        r for r in city["per_mu.population"] if r["year"] == complete and r["eval_status_code"] == "graded"
    )
    city["per_mu.objection"].append(
        row_for(
            contract("per_mu.objection"),
            objection_code="YY20220001",
            uscc=firm["uscc"],
            year=complete,
            district_code=firm["district_code"],
            objection_state_code="refused",
            objection_kind_code="grade",
            raised_date=date(following, 8, 15),
            decided_date=date(following, 8, 18),
            procedure_reason="维持",
            evaluation_step_code="publicity",
        )
    )
    for row in city["per_mu.enterprise_grade"]:
        if row["year"] == complete:
            row["status_code"] = "final"
            same = (
                "uscc",
                "year",
                "district_code",
                "list_code",
                "initial_grade",
                "final_grade",
                "total_score",
            )
            city["per_mu.publication"].append(
                row_for(
                    contract("per_mu.publication"),
                    **{k: row[k] for k in same},
                    evaluation_version=1,
                    is_in_force=True,
                    computed_grade=row["final_grade"],
                    decided_date=date(following, 9, 1),
                    document_code="1号",
                    release_number=1,
                )
            )
