"""bulletin.grade_list: who is on the list, with which grade."""

from __future__ import annotations

from pyspark.sql import SparkSession

from jobs.bulletin.grade_list import grade_list
from schemas.contract import contract
from tests.frames import frame


def test_the_list_names_graded_exempt_and_protected_firms(spark: SparkSession) -> None:
    statuses = {
        "graded": "graded", "corrected": "graded", "waiting": "graded", "exempt": "exempt", "protected": "protected",
        "unknown": "data_incomplete", "outside": "out_of_scope",
    }  # fmt: skip
    place = {"year": "2024", "list_code": "above_scale"}
    population = [
        {"uscc": uscc, "eval_status_code": status, "figures_as_of": "2024", **place}
        for uscc, status in statuses.items()
    ]
    # grades on half a year are not published
    population.append(
        {"uscc": "graded", "eval_status_code": "graded", **place, "year": "2025", "figures_as_of": "2025-06"}
    )
    grades = [
        {"uscc": uscc, "year": year, "final_grade": grade, "evaluation_version": version, "status_code": "initial"}
        for uscc, year, grade, version in (
            ("graded", "2024", "B", 1), ("graded", "2025", "A", 1),
            ("corrected", "2024", "D", 1), ("corrected", "2024", "C", 2), ("waiting", "2024", "C", 1),
        )
    ]  # fmt: skip
    names = [{"uscc": uscc, "year": "2024", "enterprise_name": f"{uscc}厂"} for uscc in statuses]
    published = [
        {"uscc": "waiting", "year": "2024", "final_grade": grade, "is_in_force": is_in_force}
        for grade, is_in_force in (("A", False), ("B", True))
    ]
    found = grade_list(
        frame(spark, "per_mu.population", population),
        frame(spark, "per_mu.enterprise_grade", grades),
        frame(spark, "core.enterprise", names),
        frame(spark, "per_mu.publication", published),
    ).collect()
    assert {(r["enterprise_name"], r["year"], r["eval_status_code"], r["final_grade"]) for r in found} == {
        ("graded厂", "2024", "graded", "B"),
        ("corrected厂", "2024", "graded", "C"),
        ("waiting厂", "2024", "graded", "B"),  # its correction is not published yet
        ("exempt厂", "2024", "exempt", None),
        ("protected厂", "2024", "protected", None),
    }
    assert len(found) == 5


def test_the_list_has_neither_score_nor_place() -> None:
    names = contract("bulletin.grade_list").column_names
    assert [
        n for n in names if any(word in n for word in ("score", "rank", "percentile", "points", "size"))
    ] == []
