"""Which day it is: the clock's, or that of the synthetic city in the landing folder."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from ingest.register.expected import expectations
from ingest.register.today import HERE, Today, latest_moment, on, today
from ingest.ways.landing import ingest
from schemas.contract import feed
from schemas.today import FILE, Calendars, SyntheticDay, synthetic_day
from tests.ingest.register.test_expected import a_feed, came
from tests.ingest.ways.test_landing import GOOD, drop, line
from warehouse.settings import settings


def set_day(day: date, calendars: Calendars | None = None) -> Path:
    """Give the home a synthetic city's day."""
    landing = settings().landing
    landing.mkdir(parents=True, exist_ok=True)
    (landing / FILE).write_bytes(SyntheticDay(day, calendars or {}).as_bytes())
    return landing


def test_a_home_without_a_synthetic_city_has_the_real_day(cold_home: Path) -> None:
    before = datetime.now(HERE).date()
    found = today()
    assert before <= found.day <= datetime.now(HERE).date()
    assert not found.is_synthetic and found.words == str(found.day)


def test_a_home_with_a_synthetic_city_has_the_citys_day_with_a_word_beside_it(cold_home: Path) -> None:
    calendars: Calendars = {"gov_tax": (("2020", "2023"), ("2024-01", None))}
    landing = set_day(date(2025, 7, 1), calendars)
    assert today() == Today(date(2025, 7, 1), True, calendars)
    assert "合成城市" in today().title and "synthetic" in today().title and "2025-07-01" in today().title
    assert on(date(2025, 9, 1)) == Today(date(2025, 9, 1), False, calendars)
    for damaged in (
        "",
        "[]",
        '{"today": "2025-02-30", "calendars": {}}',
        '{"today": "2025-07-01", "calendars": []}',
    ):
        (landing / FILE).write_text(damaged, encoding="utf-8")
        assert synthetic_day(landing) is None, damaged


def test_files_may_be_dated_up_to_a_synthetic_day_that_lies_ahead(cold_home: Path) -> None:
    ahead = datetime.now(UTC) + timedelta(days=400)
    drop(cold_home, "e.csv", "2024-03", [line(GOOD[0], "3302000001", "12.5")], sent=ahead.isoformat())
    [refused] = ingest().rejected
    assert "in the future" in str(refused.message)
    set_day(ahead.astimezone(HERE).date())
    assert latest_moment() >= ahead
    assert [file.file for file in ingest().taken] == ["e.csv"]


def test_a_synthetic_day_in_the_past_does_not_turn_back_the_clock(cold_home: Path) -> None:
    set_day(date(2025, 7, 1))
    assert abs(latest_moment() - datetime.now(UTC)) < timedelta(minutes=1)


YEARS_THEN_MONTHS = (("2020", "2023"), ("2024-01", None))


@pytest.mark.parametrize(
    ("spans", "last", "today", "expected", "state"),
    [
        # years, then months: the next year is expected, not its January
        (YEARS_THEN_MONTHS, "2021", "2023-01-11", "2022", "overdue"),
        (YEARS_THEN_MONTHS, "2021", "2022-06-01", "2022", "on time"),
        (YEARS_THEN_MONTHS, "2023", "2024-02-11", "2024-01", "overdue"),
        (YEARS_THEN_MONTHS, "2024-05", "2024-07-10", "2024-06", "due"),
        (YEARS_THEN_MONTHS, None, "2022-06-01", "2021", "never"),
        (YEARS_THEN_MONTHS, None, "2024-04-11", "2024-03", "never"),
        # a sample: nothing before its first period, nothing after its last
        ((("2024-12", "2024-12"),), None, "2024-08-01", None, "never"),
        ((("2024-12", "2024-12"),), None, "2025-08-01", "2024-12", "never"),
        ((("2024-12", "2024-12"),), "2024-12", "2030-01-01", None, "ended"),
        ((("2020", "2023"),), "2022", "2024-01-11", "2023", "overdue"),
    ],
)
def test_only_periods_of_the_calendar_are_expected(
    spans: tuple[tuple[str, str | None], ...], last: str | None, today: str, expected: str | None, state: str
) -> None:
    spec = a_feed("yearly_then_monthly", 10)
    rows = [came(last)] if last else []
    [found] = expectations(rows, date.fromisoformat(today), [spec], {spec.table: spans})
    assert (found.expected_period, found.state) == (expected, state)
    assert found.is_missing == (state == "overdue" or (state == "never" and expected is not None))


def test_months_reported_with_the_next_one_are_skipped_in_a_calendar_too() -> None:
    spec = feed("gov_statistics_monthly")
    [found] = expectations(
        [came("2024-12", name=spec.table)], date(2025, 2, 1), [spec], {spec.table: (("2024-02", None),)}
    )
    assert found.expected_period == "2025-02"
