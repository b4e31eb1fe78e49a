"""The explanation of a row: its arithmetic equals the published figures, and its evidence reaches the feeds."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.per_mu.steps.explanation import explain_grade, grade_facts
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
