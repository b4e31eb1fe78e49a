"""The day of the demo's home: asked for, kept, refused; and the feeds of a fresh demo."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from demo_city.city import USUAL_DAY, CitySpec, generate
from ingest.ways.landing import ingest
from portal.demo.day import check_home, day_of
from portal.services import status
from schemas.contract import feeds
from schemas.errors import UsageError
from tests.ingest.register.test_today import set_day
from tests.ingest.ways.test_landing import GOOD, drop, line
from tests.portal.conftest import Brain


def test_the_day_is_that_asked_for_else_the_homes_else_the_usual_one(cold_home: Path) -> None:
    assert day_of(None) == USUAL_DAY
    assert day_of("2025-08-15") == date(2025, 8, 15)
    set_day(date(2026, 3, 10))
    assert day_of(None) == date(2026, 3, 10)
    with pytest.raises(UsageError, match=r"^--until 15.8.2025: give a day, e.g. 2025-08-15$"):
        day_of("15.8.2025")


def test_a_home_with_other_data_is_refused(cold_home: Path, brain: Brain) -> None:
    check_home(CitySpec(until=USUAL_DAY))
    drop(cold_home, "e.csv", "2024-03", [line(GOOD[0], "3302000001", "12.5")])
    said = "has data that no demo city sent; a demo needs a home of its own: BRAIN_HOME=/another/folder ./brain demo"
    code, _, error = brain("demo")
    assert code == 2 and error.strip().endswith(said) and len(error.strip().splitlines()) == 1
    ingest()
    for path in (cold_home / "landing" / "gov_electricity").iterdir():
        path.unlink()
    with pytest.raises(UsageError, match="has data that no demo city sent"):
        check_home(CitySpec(until=USUAL_DAY))


def test_an_earlier_day_is_refused_before_anything_runs(cold_home: Path, brain: Brain) -> None:
    set_day(date(2025, 8, 15))
    code, _, error = brain("demo", "--until", "2025-08-14")
    assert code == 2 and "has reached 2025-08-15; give that day or a later one" in error
    assert len(error.strip().splitlines()) == 1


def test_of_a_fresh_demo_only_a_feed_that_was_left_out_is_overdue(cold_home: Path, brain: Brain) -> None:
    landing = cold_home / "landing"
    generate(CitySpec(0.005, 7, (2023, 2024), until=USUAL_DAY), landing, cold_home / "truth")
    for path in (landing / "gov_emission").glob("emission_2024*"):
        path.unlink()
    assert not ingest().rejected
    _, printed, _ = brain("feeds", "--json")
    rows = {row["feed"]: row for row in json.loads(printed)}
    missing = {name: row["state"] for name, row in rows.items() if row["state"] in ("overdue", "never")}
    # no district has published a year: somebody does so by the procedure
    assert missing == {"gov_emission": "overdue", "gov_grade_publication": "never"}
    assert (rows["gov_emission"]["expected_period"], rows["gov_emission"]["expected_by"]) == (
        "2024",
        "2025-03-31",
    )
    _, shown, _ = brain("feeds")
    assert f"今天（合成城市）today (synthetic city) 2025-07-01: 1 of {len(feeds())} feeds" in shown
    [day] = [row for row in status.status() if row["service"] == "today"]
    assert day["state"] == "2025-07-01" and "合成城市" in day["note"]
