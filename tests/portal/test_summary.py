"""What the demo prints of a release."""

from __future__ import annotations

from pathlib import Path

import pytest

from portal import summary
from schemas.contract import code_list
from warehouse.releases import open_release


def test_the_ten_chains_and_one_firm_are_shown(built_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    release = open_release()
    summary._show_grades(release)
    summary._show_chains(release)
    summary._show_card(release)
    shown = capsys.readouterr().out
    assert [row["zh"] for row in code_list("chain").values() if row["zh"] not in shown] == []
    assert "2025 年目标 target 20,000 亿元" in shown
    assert "企业画像卡" in shown and "合成数据" in shown
