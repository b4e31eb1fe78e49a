"""The list of firms of low efficiency, who is lifted, and what districts have of both: golden cases."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from jobs.resource.lifted import lifted
from jobs.resource.low_efficiency import low_efficiency
from jobs.resource.low_efficiency_district import low_efficiency_district
from jobs.resource.rules.efficiency import efficiency_rules
from tests.frames import frame

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Row = dict[str, Any]
YEARS = (2021, 2022, 2023)
#: Firm → what it is in each year: a grade with tax per mu and persons per mu, a status, or nothing.
#: The baseline of tax per mu is 30, a third of it 10; 0.5 persons per mu are enough. 20 mu of land each.
FIRMS: dict[str, tuple[Any, ...]] = {
    "d": (("D", 50, 5), ("D", 50, 5), ("D", 50, 5)),
    "low": (("C", "9.99", 5), ("C", 10, 5), ("C", 9, 5)),
    "empty": (("C", 9, "0.4"), ("C", 20, "0.4"), ("C", 20, "0.4")),
    "closed": (("D", 50, 5), "out_of_scope", None),
    "silent": (("D", 50, 5), "data_incomplete", "data_incomplete"),
    "silent but good": (("B", 50, 5), "data_incomplete", ("B", 50, 5)),
    "good": (("A", 50, 5), ("A", 50, 5), ("A", 50, 5)),
}
#: A code that counts for another from 2023 on.
SUCCESSION: Row = {
    "from_uscc": "old d", "to_uscc": "d", "year": "2023", "valid_from_date": date(2023, 1, 1),
    "identifier_kind_code": "former_uscc", "is_disputed": False,
}  # fmt: skip
#: Visits: firm, evaluation year, day, purpose, finding.
VISITS: tuple[tuple[str, int, date, str, str | None], ...] = (
    ("d", 2021, date(2022, 10, 12), "low_efficiency", "improving"),
    ("d", 2022, date(2023, 11, 3), "low_efficiency", "no_progress"),
    ("old d", 2023, date(2024, 10, 9), "low_efficiency", "stopped"),
    ("d", 2023, date(2024, 12, 9), "service", None),
    # before the end of the year that listed the firm; for a list on which it did not stand
    ("d", 2021, date(2021, 11, 3), "low_efficiency", "done"),
    ("d", 2020, date(2022, 11, 3), "low_efficiency", "done"),
    ("low", 2022, date(2023, 10, 9), "low_efficiency", "done"),
    ("silent", 2022, date(2023, 10, 9), "low_efficiency", None),
    ("good", 2022, date(2023, 10, 9), "low_efficiency", "refused"),
)


@pytest.fixture(scope="module")
def listed(spark: SparkSession) -> dict[str, list[Row]]:
    population, grades, units, years, names = [], [], [], [], []
    for uscc, states in FIRMS.items():
        for year, state in zip(YEARS, states, strict=True):
            if state is None:
                continue
            key = {"uscc": uscc, "year": str(year)}
            status = state if isinstance(state, str) else "graded"
            place = {"list_code": "above_scale", "town_code": "330282002"}
            names.append(key)
            population.append(
                {
                    **key,
                    **place,
                    "eval_status_code": status,
                    "evaluation_uscc": uscc,
                    "figures_as_of": str(year),
                }
            )
            if status != "graded":
                continue
            letter, tax, persons = state
            grades.append(
                {**key, **place, "final_grade": letter, "evaluation_version": 1, "figures_as_of": str(year)}
            )
            units.append({**key, "tax_contribution_wan_yuan": Decimal(tax) * 20, "land_area_mu": 20})
            years.append({**key, "land_own_mu": 20, "insured_count": int(Decimal(persons) * 20)})
    baselines = [
        {"year": str(year), "list_code": "above_scale", "indicator_code": "I1", "value": 30, "unit_count": 9}
        for year in YEARS
    ]
    inputs: dict[str, Any] = {
        name: frame(spark, table, rows)
        for name, table, rows in (
            ("enterprises", "core.enterprise", names),
            ("grades", "per_mu.enterprise_grade", grades),
            ("publications", "per_mu.publication", []),
            ("succession", "core.succession", [SUCCESSION]),
            ("units", "per_mu.unit", units),
            ("population", "per_mu.population", population),
            ("baselines", "per_mu.baseline", baselines),
            ("figures", "core.enterprise_year", years),
        )
    }
    visits = [
        {
            "visit_code": f"ZF{number}", "uscc": uscc, "period": str(year), "visited_date": day,
            "visit_purpose_code": purpose, "visit_finding_code": finding,
        }
        for number, (uscc, year, day, purpose, finding) in enumerate(VISITS)
    ]  # fmt: skip
    made, rules = frame(spark, "raw.gov_enterprise_visit", visits), efficiency_rules()
    on_list, up = low_efficiency(**inputs, visits=made, rules=rules), lifted(**inputs, rules=rules)
    districts = low_efficiency_district(inputs["population"], on_list, up, rules=rules)
    return {
        "low_efficiency": [r.asDict() for r in on_list.collect()],
        "lifted": [r.asDict() for r in up.collect()],
        "district": [r.asDict() for r in districts.collect()],
    }


def states(listed: dict[str, list[Row]], uscc: str) -> dict[str, tuple[str, list[str]]]:
    return {
        r["year"]: (r["listing_state_code"], r["failed_conditions"])
        for r in listed["low_efficiency"]
        if r["uscc"] == uscc
    }


def test_each_condition_puts_a_firm_on_the_list(listed: dict[str, list[Row]]) -> None:
    assert states(listed, "d") == {
        "2021": ("new", ["grade_d"]), "2022": ("kept", ["grade_d"]), "2023": ("kept", ["grade_d"]),
    }  # fmt: skip
    # 9.99 is below a third of 30, 10 is not: lifted in 2022, listed again in 2023
    assert states(listed, "low") == {"2021": ("new", ["low_tax"]), "2023": ("returned", ["low_tax"])}
    # few persons alone are no fault: a store that pays its taxes is none
    assert states(listed, "empty") == {"2021": ("new", ["land_under_used", "low_tax"])}
    assert states(listed, "good") == {}


def test_silence_lifts_nobody_and_lists_nobody(listed: dict[str, list[Row]]) -> None:
    assert states(listed, "silent") == {
        "2021": ("new", ["grade_d"]), "2022": ("unjudged", []), "2023": ("unjudged", []),
    }  # fmt: skip
    assert states(listed, "silent but good") == {}


def test_lifted_are_those_who_are_judged_and_meet_no_condition(listed: dict[str, list[Row]]) -> None:
    assert {(r["uscc"], r["year"], r["listed_since_year"]) for r in listed["lifted"]} == {
        ("low", "2022", "2021"), ("empty", "2022", "2021"),
    }  # fmt: skip
    low = next(r for r in listed["lifted"] if r["uscc"] == "low")
    assert (low["tax_per_mu_wan_yuan_before"], low["tax_per_mu_wan_yuan"]) == (Decimal("9.99"), 10)


def test_what_to_do_and_until_when(listed: dict[str, list[Row]]) -> None:
    d = {r["year"]: r for r in listed["low_efficiency"] if r["uscc"] == "d"}
    # the first year in D: two years to improve from the year of publication on; from the second on one year, to leave
    assert (d["2021"]["low_efficiency_measure_code"], d["2021"]["deadline_date"]) == (
        "upgrade",
        date(2024, 12, 31),
    )
    assert (d["2022"]["low_efficiency_measure_code"], d["2022"]["deadline_date"]) == (
        "clear_out",
        date(2023, 12, 31),
    )
    assert (d["2022"]["is_overdue"], d["2023"]["is_overdue"]) == (False, True)
    empty = next(r for r in listed["low_efficiency"] if r["uscc"] == "empty")
    assert (empty["low_efficiency_measure_code"], empty["reviewed_year"]) == ("integrate", "2022")


def test_visits_count_from_the_listing_to_the_rows_year(listed: dict[str, list[Row]]) -> None:
    found = {
        (r["uscc"], r["year"]): (r["visit_count"], r["last_visit_date"], r["last_visit_finding_code"])
        for r in listed["low_efficiency"]
    }
    assert found["d", "2021"] == (1, date(2022, 10, 12), "improving")
    assert found["d", "2022"] == (2, date(2023, 11, 3), "no_progress")
    assert found["d", "2023"] == (3, date(2024, 10, 9), "stopped"), "under its former code"
    # the year in which it did not stand on the list does not count for its new time there
    assert found["low", "2021"] == found["low", "2023"] == (0, None, None)
    # a visit without a finding is one all the same
    assert found["silent", "2022"] == found["silent", "2023"] == (1, date(2023, 10, 9), None)


def test_districts_account_for_everybody(listed: dict[str, list[Row]]) -> None:
    of = {r["year"]: r for r in listed["district"]}
    counts = (
        "listed_count",
        "new_count",
        "returned_count",
        "kept_count",
        "unjudged_count",
        "lifted_count",
        "gone_count",
    )
    # 2021: d, low, empty, closed, silent; 2022: d and silent stay, low and empty are lifted, closed is gone
    assert [of["2021"][c] for c in counts] == [5, 5, 0, 0, 0, 0, 0]
    assert [of["2022"][c] for c in counts] == [2, 0, 0, 1, 1, 2, 1]
    assert [of["2023"][c] for c in counts] == [3, 0, 1, 1, 1, 0, 0]
    assert [of[year]["visited_firm_count"] for year in ("2021", "2022", "2023")] == [1, 2, 2]
    # the only district has the whole aim
    assert (of["2021"]["aim_count"], of["2022"]["aim_count"]) == (None, 500)
