"""The demo's printed summary of a release."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from portal.cli import summary
from portal.cli.tables import publish
from portal.queries import city
from portal.queries.release import reading
from schemas.contract import code_list
from tests.built_city import BuiltCity
from warehouse.releases import open_release


def test_the_ten_chains_and_one_firm_are_shown(built_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    release = open_release()
    with reading(release) as query:
        year = city.latest_year(query)
        summary._show_grades(query, year)
        summary._show_chains(query, year)
        summary._show_card(query, release, year)
    shown = capsys.readouterr().out
    assert [row["zh"] for row in code_list("chain").values() if row["zh"] not in shown] == []
    assert "2025 年目标 target 20,000 亿元" in shown
    assert "企业画像卡" in shown and "合成数据" in shown


def test_publish_shows_the_warnings_of_the_gate(
    built_city: BuiltCity, built_copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also for an existing release: table, check in both languages, number of rows, and examples."""
    assert built_city.published is not None and built_city.published.gate is not None
    warned = {(v.table, v.expectation): v for v in built_city.published.gate.warnings()}
    assert warned  # the demo city has planted faults
    publish(json=True)
    printed = json.loads(capsys.readouterr().out)[0]
    assert printed["is_new"] is False
    assert [(w["table"], w["expectation"]) for w in printed["warnings"]] == list(warned)
    for warning in printed["warnings"]:
        verdict = warned[warning["table"], warning["expectation"]]
        assert (warning["rows"], warning["examples"]) == (verdict.unexpected, list(verdict.failing_keys[:3]))
    publish(json=False)
    shown = capsys.readouterr().out
    for verdict in warned.values():
        assert verdict.title_zh in shown and verdict.failing_keys[0] in shown
    assert "nothing new since release 1" in shown


def test_reasons_of_quarantine_are_shown_in_words(
    built_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with reading(open_release()) as query:
        summary._show_feeds(query)
    shown = capsys.readouterr().out
    assert "用电量超出值域" in shown and "power_kwh:" not in shown
