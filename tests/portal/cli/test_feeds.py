"""``./brain feeds``: every feed and its next expected delivery, as a table and as JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from ingest.register.expected import HEADINGS
from ingest.ways.landing import ingest
from portal.cli import app as cli
from schemas.contract import feeds
from tests.ingest.ways.test_landing import GOOD, drop, line


def brain(capfd: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["brain", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
    assert not ended.value.code
    return capfd.readouterr().out


def test_a_feed_with_a_delivery_and_one_without(cold_home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    drop(cold_home, "e.csv", "2024-03", [line(GOOD[0], "3302000001", "12.5")], sent="2024-04-09T01:02:03Z")
    assert len(ingest().taken) == 1
    rows = {r["feed"]: r for r in json.loads(brain(capfd, "feeds", "--json", "--today", "2024-05-11"))}
    assert set(rows) == set(feeds())
    assert {tuple(row) for row in rows.values()} == {tuple(HEADINGS)}
    assert rows["gov_electricity"] == {
        "feed": "gov_electricity",
        "state": "overdue",
        "expected_period": "2024-04",
        "expected_by": "2024-05-10",
        "last_period": "2024-03",
        "last_seen_at": "2024-04-09T01:02:03+00:00",
        "cadence": "yearly_then_monthly",
        "owner": "国网宁波供电公司",
        "title": "用电量 Electricity",
    }
    assert (rows["gov_tax"]["state"], rows["gov_tax"]["last_period"]) == ("never", None)
    assert (rows["gov_patent"]["state"], rows["gov_patent"]["expected_by"]) == ("never", "2024-02-29")

    rows = {r["feed"]: r for r in json.loads(brain(capfd, "feeds", "--json", "--today", "2024-05-10"))}
    assert rows["gov_electricity"]["state"] == "due"


def test_the_table_has_headings_in_both_languages_and_counts_missing_feeds(
    cold_home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    text = brain(capfd, "feeds", "--today", "2024-05-10")
    assert all(heading in text for heading in HEADINGS.values())
    missing = sum(bool(s.source.is_connected and s.source.cadence != "irregular") for s in feeds().values())
    assert f"{missing} of {len(feeds())} feeds have not arrived in time" in text
