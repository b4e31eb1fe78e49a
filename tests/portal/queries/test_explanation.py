"""The explanation of a row: its arithmetic equals the published figures, and its evidence reaches the feeds."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.per_mu.steps.explanation import explain_grade, grade_facts
from jobs.per_mu.steps.explanation_of_baseline import explain_baseline
from pipeline.evidence import Archive
from portal.queries.explanation import explanation
from warehouse.releases import Release, open_release

GRADES = "per_mu.enterprise_grade"
#: Up to three rows of every list, grade and kind of reason, chosen by row id.
SAMPLE = f"""
    SELECT * FROM {GRADES} QUALIFY row_number() OVER (
        PARTITION BY year, list_code, initial_grade, final_grade, len(grade_reasons) > 0, evaluation_uscc = uscc
        ORDER BY row_id) <= 3"""


@pytest.fixture
def release(built_home: Path) -> Release:
    return open_release()


def test_every_step_of_a_grade_equals_what_is_published(release: Release) -> None:
    with Archive(release) as archive:
        rows = archive.query(SAMPLE)
        explained = {row["row_id"]: explain_grade(grade_facts(row, archive.query)) for row in rows}
    assert len(explained) > 60
    text = {key: "\n".join(lines) for key, lines in explained.items()}
    assert {key: t for key, t in text.items() if "≠" in t} == {}
    # two sums are checked for every firm: the indicator score and the total
    assert min(t.count("✓") for t in text.values()) >= 2
    assert {row["final_grade"] for row in rows} == {"A", "B", "C", "D"}


def test_a_wrong_figure_is_marked(release: Release) -> None:
    with Archive(release) as archive:
        [row] = archive.query(f"SELECT * FROM {GRADES} WHERE rank_in_list = 1 ORDER BY row_id LIMIT 1")
        lines = explain_grade(grade_facts({**row, "total_score": row["total_score"] + 1}, archive.query))
    [total] = [line for line in lines if line.startswith("综合得分")]
    assert "≠ 发布值 published" in total


def test_the_evidence_as_data_has_every_table_behind_the_row(release: Release) -> None:
    with Archive(release) as archive:
        [row] = archive.query(
            f"SELECT uscc FROM {GRADES} WHERE list_code = 'above_scale' AND year = '2023' LIMIT 1"
        )
    explained = explanation(release, GRADES, {"uscc": row["uscc"], "year": "2023"})
    tables = {entry["table"] for entry in explained.as_rows()}
    assert tables >= {
        GRADES, "per_mu.population", "per_mu.indicator_value", "per_mu.baseline", "core.enterprise",
        "core.enterprise_year", "raw.gov_tax", "raw.gov_statistics_annual", "raw.gov_statistics_directory",
    }  # fmt: skip


def test_every_baseline_is_explained_with_and_without_its_giants(release: Release) -> None:
    with Archive(release) as archive:
        rows = archive.query("SELECT * FROM per_mu.baseline ORDER BY giant_count DESC, row_id LIMIT 60")
        told = {row["row_id"]: "\n".join(explain_baseline(row, archive.query)) for row in rows}
        [row] = archive.query(
            "SELECT * FROM per_mu.baseline WHERE value_with_giants > 0 ORDER BY row_id LIMIT 1"
        )
        wrong = explain_baseline(row | {"value_with_giants": row["value_with_giants"] + 1}, archive.query)
    assert len(told) == 60
    assert {key: text for key, text in told.items() if "≠" in text} == {}
    for row in rows:
        text = told[row["row_id"]]
        assert "含龙头 with giants" in text and "剔除龙头 without giants" in text
        assert all(f"（{code}）" in text for code in row["giants"])
    assert sum("≠ 发布值 published" in line for line in wrong) == 1


def test_a_baseline_of_an_old_release_has_its_value_in_force_only(release: Release) -> None:
    with Archive(release) as archive:
        [row] = archive.query("SELECT * FROM per_mu.baseline WHERE value > 0 ORDER BY row_id LIMIT 1")
        new = ("value_with_giants", "value_without_giants", "giant_count", "giants", "giant_treatment_code")
        old = {name: value for name, value in row.items() if name not in new}
        assert explain_baseline(old, archive.query) == explain_baseline(row, archive.query)[:1]
