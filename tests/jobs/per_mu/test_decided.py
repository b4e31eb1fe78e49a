"""What the procedure decides about grades, confirmations, objections and published lists: cases to check by hand."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from jobs.per_mu.confirmation import confirmation
from jobs.per_mu.objection import objection
from jobs.per_mu.procedure import procedure
from jobs.per_mu.publication import publication
from jobs.per_mu.rules.procedure import procedure_rules
from jobs.per_mu.steps.decided import with_decisions
from tests.expectations.good_city import code_of
from tests.frames import frame

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

Row = dict[str, Any]
A, B, C, D = (code_of(number) for number in range(800, 804))
PLACE, YEAR = "330282", "2023"
#: Step → days of a procedure whose grades' notice lasts from 12 to 19 August 2024.
DAYS = {
    "list_fixed": ("2024-04-24", None), "land_publicity": ("2024-05-22", "2024-05-28"),
    "data_gathered": ("2024-07-05", None), "sheets_offered": ("2024-07-10", "2024-07-23"),
    "initial_graded": ("2024-08-05", None), "publicity": ("2024-08-12", "2024-08-19"),
    "joint_meeting": ("2024-08-28", None), "final": ("2024-08-30", None),
}  # fmt: skip


def steps(spark: SparkSession, *codes: str, **days: str) -> DataFrame:
    rows = []
    for code in codes:
        first, last = DAYS[code]
        decided = date.fromisoformat(days.get(code, first))
        rows.append(
            {"district_code": PLACE, "evaluation_step_code": code, "evaluation_version": 1, "period": YEAR,
             "decided_date": decided, "window_start_date": decided if last else None,
             "window_end_date": date.fromisoformat(last) if last else None}
        )  # fmt: skip
    return frame(spark, "raw.gov_evaluation_step", rows)


UNTIL_FINAL = tuple(DAYS)


def grades(spark: SparkSession, **firms: tuple[str, list[str]]) -> DataFrame:
    rows = [
        {"uscc": {"A": A, "B": B, "C": C, "D": D}[name], "year": YEAR, "district_code": PLACE, "final_grade": grade,
         "grade_reasons": reasons, "figures_as_of": YEAR}
        for name, (grade, reasons) in firms.items()
    ]  # fmt: skip
    kept = ("uscc", "year", "district_code", "final_grade", "grade_reasons", "figures_as_of")
    return frame(spark, "per_mu.enterprise_grade", rows).select(*kept)


def adjusted(spark: SparkSession, *rows: tuple[str, str, str]) -> DataFrame:
    return frame(
        spark, "raw.gov_grade_adjustment",
        [
            {"grade_adjustment_code": f"{n}", "uscc": uscc, "district_code": PLACE, "adjusted_grade": grade,
             "period": YEAR, "grade_adjustment_reason_code": "major_project", "decided_date": date.fromisoformat(day)}
            for n, (uscc, grade, day) in enumerate(rows)
        ],
    )  # fmt: skip


def published(spark: SparkSession, *rows: tuple[str, str, int]) -> DataFrame:
    return frame(
        spark, "raw.gov_grade_publication",
        [
            {"uscc": uscc, "district_code": PLACE, "period": YEAR, "final_grade": grade, "initial_grade": grade,
             "evaluation_version": version, "total_score": 80, "list_code": "above_scale", "release_number": 1}
            for uscc, grade, version in rows
        ],
    )  # fmt: skip


def decided(
    spark: SparkSession, of: DataFrame, done: DataFrame, manual: DataFrame, lists: DataFrame
) -> dict[str, Row]:
    return {row["uscc"]: row for row in with_decisions(of, done, manual, lists).toArrow().to_pylist()}


def test_the_last_adjustment_holds_and_none_lifts_a_veto(spark: SparkSession) -> None:
    found = decided(
        spark,
        grades(spark, A=("D", []), B=("D", ["veto:tax_evasion"]), C=("C", ["veto:tax_evasion"]), D=("B", [])),
        steps(spark),
        adjusted(
            spark, (A, "C", "2024-08-28"), (A, "B", "2024-08-29"), (B, "C", "2024-08-28"), (C, "D", "2024-08-28"),
            (D, "B", "2024-08-28"),
        ),
        published(spark),
    )  # fmt: skip
    assert {u: (r["final_grade"], r["grade_reasons"]) for u, r in found.items()} == {
        A: ("B", ["manual:major_project"]),
        B: ("D", ["veto:tax_evasion"]),
        C: ("D", ["veto:tax_evasion", "manual:major_project"]),
        D: ("B", []),
    }


@pytest.mark.parametrize(
    ("codes", "days", "lists", "expected"),
    [
        ((), {}, [], "initial"),
        (UNTIL_FINAL[:6], {}, [], "publicity"),
        (UNTIL_FINAL, {}, [], "final"),
        (UNTIL_FINAL, {"final": "2024-08-19"}, [], "publicity"),  # the notice's last day
        (UNTIL_FINAL, {}, [(A, "B", 1)], "final"),
        (UNTIL_FINAL, {}, [(A, "C", 1)], "correction_pending"),
        (UNTIL_FINAL, {}, [(A, "C", 1), (A, "B", 2)], "corrected"),
        (UNTIL_FINAL, {}, [(B, "C", 1)], "correction_pending"),  # graded now, and in no list
    ],
)
def test_the_state_of_a_result(
    spark: SparkSession, codes: tuple[str, ...], days: dict[str, str], lists: list[tuple[str, str, int]],
    expected: str,
) -> None:  # fmt: skip
    found = decided(
        spark,
        grades(spark, A=("B", [])),
        steps(spark, *codes, **days),
        adjusted(spark),
        published(spark, *lists),
    )
    assert found[A]["status_code"] == expected


def sheet(spark: SparkSession, **values: str) -> DataFrame:
    rows = [
        {"uscc": {"A": A, "B": B, "C": C}[name], "year": YEAR, "indicator_code": "I1", "value": value}
        for name, value in values.items()
    ]
    return frame(spark, "per_mu.indicator_value", rows)


def test_only_a_firm_whose_sheet_changed_confirms_again(spark: SparkSession) -> None:
    firms = frame(
        spark, "per_mu.population",
        [
            {"uscc": uscc, "year": YEAR, "district_code": PLACE, "list_code": "above_scale", "evaluation_uscc": uscc,
             "eval_status_code": "graded"}
            for uscc in (A, B, C)
        ],
    )  # fmt: skip

    def run(values: DataFrame, done: DataFrame, records: list[Row]) -> dict[str, Row]:
        told = frame(spark, "raw.ent_confirmation", [{"period": YEAR, **row} for row in records])
        return {r["uscc"]: r for r in confirmation(firms, values, done, told).toArrow().to_pylist()}

    before = run(sheet(spark, A="1", B="2", C="3"), steps(spark, *UNTIL_FINAL[:4]), [])
    assert {row["confirmation_state_code"] for row in before.values()} == {"awaited"}
    told = [
        {"confirmation_code": uscc, "uscc": uscc, "confirmed_date": date(2024, 7, 12),
         "sheet_hash": before[uscc]["sheet_hash"]}
        for uscc in (A, B)
    ]  # fmt: skip
    after = run(sheet(spark, A="1", B="2.5", C="3"), steps(spark, *UNTIL_FINAL[:5]), told)
    assert {u: r["confirmation_state_code"] for u, r in after.items()} == {
        A: "confirmed",
        B: "reopened",
        C: "silent",
    }


def test_an_objection_is_admitted_within_the_window_of_its_kind(spark: SparkSession) -> None:
    cases = {
        "1": ("figure", "2024-07-10", "sheets_offered", "open"),
        "2": ("figure", "2024-08-19", "publicity", "open"),
        "3": ("grade", "2024-07-10", None, "out_of_window"),
        "4": ("figure", "2024-08-20", None, "out_of_window"),
        "5": (None, "2024-08-12", "publicity", "refused"),
        "6": ("figure", "2024-08-12", "publicity", "accepted_applied"),
        "7": ("figure", "2024-08-12", "publicity", "accepted_pending"),
        "8": ("land", "2024-05-22", "land_publicity", "accepted"),
    }
    people = frame(
        spark, "per_mu.population",
        [{"uscc": A, "year": YEAR, "district_code": PLACE, "evaluation_uscc": A}],
    )  # fmt: skip
    records = frame(
        spark, "raw.ent_objection",
        [
            {"objection_code": code, "uscc": A, "year": YEAR, "objection_kind_code": kind, "evidence_text": "x",
             "indicator_code": "I1" if kind in ("figure", None) else None, "raised_date": date.fromisoformat(day),
             "period": day[:7]}
            for code, (kind, day, _, _) in cases.items()
        ],
    )  # fmt: skip
    verdicts = [
        ("5", "refused", None),
        ("6", "accepted", "20"),
        ("7", "accepted", "21"),
        ("8", "accepted", None),
    ]
    decisions = frame(
        spark, "raw.gov_objection_decision",
        [
            {"objection_code": code, "uscc": A, "objection_decision_code": verdict, "decided_value": value,
             "decided_date": date(2024, 8, 21), "procedure_reason": "核对", "period": YEAR}
            for code, verdict, value in verdicts
        ],
    )  # fmt: skip
    found = objection(
        people, sheet(spark, A="20.0004"), steps(spark, *UNTIL_FINAL), records, decisions, procedure_rules()
    )
    assert {
        r["objection_code"]: (r["evaluation_step_code"], r["objection_state_code"])
        for r in found.toArrow().to_pylist()
    } == {code: case[2:] for code, case in cases.items()}


def test_a_published_grade_says_what_moved_it(spark: SparkSession) -> None:
    now = frame(
        spark, "per_mu.enterprise_grade",
        [
            {"uscc": A, "year": YEAR, "final_grade": "B", "initial_grade": "B", "total_score": "80"},
            {"uscc": B, "year": YEAR, "final_grade": "C", "initial_grade": "C", "total_score": "79"},
            {"uscc": C, "year": YEAR, "final_grade": "C", "initial_grade": "C", "total_score": "80"},
        ],
    )  # fmt: skip
    lists = published(spark, (A, "B", 1), (B, "B", 1), (C, "B", 1), (D, "B", 1))
    found = {r["uscc"]: r["grade_change_cause_code"] for r in publication(now, lists).toArrow().to_pylist()}
    assert found == {A: None, B: "score", C: "neighbours", D: "left"}


def test_the_first_step_without_a_decision_is_due(spark: SparkSession) -> None:
    people = frame(
        spark, "per_mu.population",
        [{"uscc": A, "year": YEAR, "district_code": PLACE, "eval_status_code": "graded"}],
    )  # fmt: skip
    none = [
        frame(spark, name, [])
        for name in (
            "per_mu.confirmation",
            "per_mu.objection",
            "raw.gov_grade_adjustment",
            "per_mu.publication",
        )
    ]
    found = (
        procedure(
            people, steps(spark, *UNTIL_FINAL[:2]), none[0], none[1], none[2], none[3], procedure_rules()
        )
        .toArrow()
        .to_pylist()
    )
    states = {row["evaluation_step_code"]: row["step_state_code"] for row in found}
    assert len(found) == 10 and [states[code] for code in UNTIL_FINAL[:4]] == [
        "done",
        "done",
        "due",
        "waiting",
    ]
    [listed] = [row for row in found if row["evaluation_step_code"] == "list_fixed"]
    assert (listed["step_record_count"], listed["planned_date"]) == (1, date(2024, 4, 30))
