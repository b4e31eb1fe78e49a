"""``./brain explain``: the printed explanation of a row, and invalid conditions."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.evidence import Archive
from portal.cli import evidence
from portal.cli.read import parse_conditions
from portal.queries.explanation import explanation
from schemas.contract import contract
from schemas.errors import UsageError
from warehouse.releases import Release, open_release

GRADES = "per_mu.enterprise_grade"


@pytest.fixture
def release(built_home: Path) -> Release:
    return open_release()


def test_the_printed_explanation_names_file_and_row(
    release: Release, capsys: pytest.CaptureFixture[str]
) -> None:
    with Archive(release) as archive:
        [row] = archive.query(
            f"SELECT * FROM {GRADES} WHERE list_code = 'above_scale' AND year = '2023' ORDER BY row_id LIMIT 1"
        )
    where, column = parse_conditions([f"uscc={row['uscc']}", "year=2023", "total_score"], contract(GRADES))
    explained = explanation(release, GRADES, where)
    assert column == "total_score" and explained.evidence.total == 1
    evidence.show(release, explained, column)
    out = capsys.readouterr().out
    assert "合成数据 Synthetic data" in out
    assert "tax_2023.csv 第 " in out and "statistics_annual_2023" in out
    assert f"综合得分 total = {row['indicator_score']:,.6f}".rstrip("0").rstrip(".") in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["year=2023", "nonsense=1"], "has no column nonsense"),
        (["year=2023", "final_grade", "total_score"], "one column at a time"),
        (["final_grade"], "say which row of per_mu.enterprise_grade: uscc=… year=…"),
    ],
)
def test_invalid_conditions_are_one_line(words: list[str], said: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_conditions(words, contract(GRADES))
    assert said in str(refused.value) and "\n" not in str(refused.value)


def test_codes_are_shown_by_their_titles() -> None:
    spec = contract(GRADES)
    expected = {
        "final_grade": ("D", "落后整治类 To be rectified（D）"),
        "list_code": ("above_scale", "规上企业 Above scale"),
        "grade_reasons": (["veto:tax_evasion", "refill"], "一票否决：偷逃税 Veto: Tax evasion, "
                          "被否决企业空出的名额依次递补 Moved into the place of a vetoed firm"),
        "total_score": (3, "3"),
    }  # fmt: skip
    for name, (value, text) in expected.items():
        assert evidence._cell_row(spec, name, value)["value"] == text
    reasons = {
        "source_file": "e.csv",
        "source_row": 3,
        "source_record": ["甲"],
        "reasons": ["power_kwh:type"],
    }
    line = evidence._line(contract("quarantine.record"), reasons)
    assert line.endswith("quarantined: 用电量不是规定类型的值")


def test_a_key_is_shown_with_its_code() -> None:
    row = evidence._cell_row(contract("per_mu.baseline"), "list_code", "tenant")
    assert row["value"] == "租赁企业 Tenants（tenant）"
