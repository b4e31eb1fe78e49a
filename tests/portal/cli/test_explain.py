"""``./brain explain``: the arithmetic of a grade is recomputed as it is told, and the evidence reaches the files."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.per_mu.explanation import explain_grade, grade_facts
from pipeline.evidence import Archive
from portal.cli import explain
from schemas.contract import contract
from schemas.errors import UsageError
from warehouse.releases import Release, open_release

GRADES = "per_mu.enterprise_grade"
#: Some of every list, grade and kind of reason, chosen by the firm's own identifier.
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
        told = {row["row_id"]: explain_grade(grade_facts(row, archive.query)) for row in rows}
    assert len(told) > 60
    text = {key: "\n".join(lines) for key, lines in told.items()}
    assert {key: t for key, t in text.items() if "≠" in t} == {}
    # two sums are checked for every firm: the indicator score and the total
    assert min(t.count("✓") for t in text.values()) >= 2
    assert {row["final_grade"] for row in rows} == {"A", "B", "C", "D"}


def test_a_wrong_figure_shows_itself(release: Release) -> None:
    with Archive(release) as archive:
        [row] = archive.query(f"SELECT * FROM {GRADES} WHERE rank_in_list = 1 ORDER BY row_id LIMIT 1")
        lines = explain_grade(grade_facts({**row, "total_score": row["total_score"] + 1}, archive.query))
    [total] = [line for line in lines if line.startswith("综合得分")]
    assert "≠ 发布值 published" in total


def test_the_printed_explanation_names_file_and_row(
    release: Release, capsys: pytest.CaptureFixture[str]
) -> None:
    with Archive(release) as archive:
        [row] = archive.query(
            f"SELECT * FROM {GRADES} WHERE list_code = 'above_scale' AND year = '2023' ORDER BY row_id LIMIT 1"
        )
    found, lines, column = explain.explain(
        release, GRADES, [f"uscc={row['uscc']}", "year=2023", "total_score"]
    )
    assert column == "total_score" and found.total == 1
    explain.show(release, found, lines, column)
    out = capsys.readouterr().out
    assert "合成数据 Synthetic data" in out
    assert "tax_2023.csv 第 " in out and "statistics_annual_2023" in out
    assert f"综合得分 total = {row['indicator_score']:,.6f}".rstrip("0").rstrip(".") in out


def test_the_evidence_as_data_has_every_table_behind(release: Release) -> None:
    with Archive(release) as archive:
        [row] = archive.query(
            f"SELECT uscc FROM {GRADES} WHERE list_code = 'above_scale' AND year = '2023' LIMIT 1"
        )
    found, _, _ = explain.explain(release, GRADES, [f"uscc={row['uscc']}", "year=2023"])
    tables = {entry["table"] for entry in explain.as_rows(found)}
    assert tables >= {
        GRADES, "per_mu.population", "per_mu.indicator_value", "per_mu.baseline", "core.enterprise",
        "core.enterprise_year", "raw.gov_tax", "raw.gov_statistics_annual", "raw.gov_statistics_directory",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["year=2023", "nonsense=1"], "has no column nonsense"),
        (["year=2023", "final_grade", "total_score"], "one column at a time"),
        (["final_grade"], "say which row of per_mu.enterprise_grade: uscc=… year=…"),
    ],
)
def test_conditions_that_make_no_sense_are_one_line(words: list[str], said: str) -> None:
    with pytest.raises(UsageError) as refused:
        explain.parse_conditions(words, contract(GRADES))
    assert said in str(refused.value) and "\n" not in str(refused.value)


def test_codes_are_told_by_their_titles() -> None:
    spec = contract(GRADES)
    told = {
        "final_grade": ("D", "落后整治类 To be rectified（D）"),
        "list_code": ("above_scale", "规上企业 Above scale"),
        "grade_reasons": (["veto:tax_evasion", "refill"], "一票否决：偷逃税 Veto: Tax evasion, "
                          "被否决企业空出的名额依次递补 Refilled place of a vetoed firm"),
        "total_score": (3, "3"),
    }  # fmt: skip
    for name, (value, text) in told.items():
        assert explain._told(spec, name, value)["value"] == text
    reasons = {
        "source_file": "e.csv",
        "source_row": 3,
        "source_record": ["甲"],
        "reasons": ["power_kwh:type"],
    }
    assert explain._line(contract("quarantine.record"), reasons).endswith(
        "quarantined: 用电量不是规定类型的值"
    )


def test_a_key_is_told_with_its_code() -> None:
    told = explain._told(contract("per_mu.baseline"), "list_code", "tenant")
    assert told["value"] == "租赁企业 Tenants（tenant）"
