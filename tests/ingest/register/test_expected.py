"""When each feed is expected: cases that a person can check, and calendars walked day by day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingest.register.expected import (
    HEADINGS,
    Expectation,
    as_row,
    expectations,
    last_day,
    last_over,
    missing_line,
)
from schemas.contract import Feed, feed, feeds

DAY = timedelta(days=1)
CADENCES = ["yearly", "yearly_then_monthly", "monthly", "daily", "continuous"]
#: Length of a period's name: the days of a period share so many characters.
PART = {"yearly": 4, "yearly_then_monthly": 7, "monthly": 7, "daily": 10, "continuous": 10}


def a_feed(cadence: str, lateness_days: int, *, is_connected: bool = True) -> Feed:
    spec = feed("gov_tax")
    source = spec.source.model_copy(
        update={"cadence": cadence, "lateness_days": lateness_days, "is_connected": is_connected}
    )
    return spec.model_copy(update={"source": source})


def came(period: str, at: str = "2030-01-01T00:00:00Z", name: str = "gov_tax") -> dict[str, Any]:
    """A row of the register with the columns that matter here."""
    known_at = datetime.fromisoformat(at)
    return {
        "feed": name, "period": period, "known_at": known_at, "delivery_id": f"{name}-{period}", "sequence": 1,
    }  # fmt: skip


def one(cadence: str, lateness_days: int, periods: list[str], today: str, **given: Any) -> Expectation:
    [found] = expectations(
        [came(p, **given) for p in periods], date.fromisoformat(today), [a_feed(cadence, lateness_days)]
    )
    return found


@pytest.mark.parametrize(
    ("cadence", "lateness", "last", "today", "expected", "by", "state"),
    [
        # a year ends on 31 December; 90 days later it is 31 March, in a leap year 30 March
        ("yearly", 90, "2021", "2022-12-31", "2022", "2023-03-31", "on time"),
        ("yearly", 90, "2021", "2023-01-01", "2022", "2023-03-31", "due"),
        ("yearly", 90, "2021", "2023-03-31", "2022", "2023-03-31", "due"),
        ("yearly", 90, "2021", "2023-04-01", "2022", "2023-03-31", "overdue"),
        ("yearly", 90, "2022", "2024-03-31", "2023", "2024-03-30", "overdue"),
        # months of 28, 29, 30 and 31 days
        ("monthly", 15, "2023-01", "2023-02-28", "2023-02", "2023-03-15", "on time"),
        ("monthly", 15, "2023-01", "2023-03-16", "2023-02", "2023-03-15", "overdue"),
        ("monthly", 0, "2024-01", "2024-02-29", "2024-02", "2024-02-29", "on time"),
        ("monthly", 0, "2024-01", "2024-03-01", "2024-02", "2024-02-29", "overdue"),
        ("monthly", 10, "2024-11", "2025-01-10", "2024-12", "2025-01-10", "due"),
        ("monthly", 10, "2024-12", "2025-02-11", "2025-01", "2025-02-10", "overdue"),
        # 1900 and 2100 are no leap years, 2000 is one
        ("monthly", 1, "2100-01", "2100-03-01", "2100-02", "2100-03-01", "due"),
        ("monthly", 1, "2000-01", "2000-03-01", "2000-02", "2000-03-01", "due"),
        # months follow the years
        ("yearly_then_monthly", 20, "2023", "2024-02-20", "2024-01", "2024-02-20", "due"),
        ("yearly_then_monthly", 20, "2023", "2024-02-21", "2024-01", "2024-02-20", "overdue"),
        ("yearly_then_monthly", 20, "2024-03", "2024-04-01", "2024-04", "2024-05-20", "on time"),
        # a month that was corrected in a yearly feed does not fulfil the year
        ("yearly", 0, "2024-03", "2024-12-31", "2024", "2024-12-31", "on time"),
        ("daily", 2, "2024-02-28", "2024-02-29", "2024-02-29", "2024-03-02", "on time"),
        ("daily", 2, "2024-02-28", "2024-03-02", "2024-02-29", "2024-03-02", "due"),
        ("daily", 2, "2024-02-28", "2024-03-03", "2024-02-29", "2024-03-02", "overdue"),
        ("continuous", 2, "2024-12-31", "2025-01-04", "2025-01-01", "2025-01-03", "overdue"),
    ],
)
def test_after_the_last_period_the_next_one_is_expected(
    cadence: str, lateness: int, last: str, today: str, expected: str, by: str, state: str
) -> None:
    found = one(cadence, lateness, [last], today)
    assert (found.expected_period, found.expected_by, found.state) == (
        expected,
        date.fromisoformat(by),
        state,
    )
    assert found.last_period == last
    assert found.is_missing == (state == "overdue")


def test_a_daily_feed_with_files_of_a_month_is_judged_by_the_day_of_arrival() -> None:
    # half past four in the afternoon of the 16th in London is half past midnight of the 17th in Ningbo
    found = one("continuous", 2, ["2024-03"], "2024-03-20", at="2024-03-16T16:30:00Z")
    assert (found.expected_period, str(found.expected_by)) == ("2024-03-18", "2024-03-20")
    found = one("monthly", 2, ["2024-03"], "2024-03-20", at="2024-03-16T16:30:00Z")
    assert (found.expected_period, str(found.expected_by)) == ("2024-04", "2024-05-02")


def test_the_last_period_and_the_last_arrival_do_not_depend_on_order() -> None:
    rows = [came("2024-03", "2024-04-02T08:00:00Z"), came("2024-01", "2024-06-01T08:00:00Z"), came("2023")]
    rows[2]["known_at"] = datetime(2024, 1, 5)  # noqa: DTZ001
    [found] = expectations(rows, date(2024, 6, 2), [a_feed("monthly", 10)])
    assert (found.last_period, found.last_seen_at) == ("2024-03", datetime(2024, 6, 1, 8, tzinfo=UTC))
    assert found.expected_period == "2024-04"
    assert expectations(rows[::-1], date(2024, 6, 2), [a_feed("monthly", 10)]) == [found]


@pytest.mark.parametrize(
    ("periods", "today", "expected", "by"),
    [
        (["2024-12"], "2025-03-16", "2025-02", "2025-03-15"),
        (["2024-11"], "2025-01-16", "2024-12", "2025-01-15"),
        ([], "2025-03-15", "2024-12", "2025-01-15"),  # February is not overdue, January has no delivery
        ([], "2025-03-16", "2025-02", "2025-03-15"),
    ],
)
def test_a_month_that_is_delivered_with_the_next_one_is_not_expected(
    periods: list[str], today: str, expected: str, by: str
) -> None:
    spec = feed("gov_statistics_monthly")
    given = [came(period, name=spec.table) for period in periods]
    [found] = expectations(given, date.fromisoformat(today), [spec])
    assert (found.expected_period, str(found.expected_by)) == (expected, by)
    assert found.is_missing


def test_nothing_is_expected_of_an_irregular_feed() -> None:
    for periods, state in ((["2024-06"], "on time"), ([], "never")):
        found = one("irregular", 10, periods, "2030-01-01")
        assert (found.expected_period, found.expected_by, found.state) == (None, None, state)
        assert not found.is_missing


def test_a_feed_that_never_came_is_missing_and_an_unconnected_one_is_not() -> None:
    found = one("monthly", 15, [], "2024-03-16")
    assert (found.state, found.expected_period, str(found.expected_by)) == ("never", "2024-02", "2024-03-15")
    assert found.is_missing and found.last_seen_at is None
    [other] = expectations([], date(2024, 3, 16), [a_feed("monthly", 15, is_connected=False)])
    assert (other.state, other.expected_by, other.is_missing) == ("not connected", None, False)


def test_every_feed_has_one_row_missing_ones_come_first_and_one_line_lists_them() -> None:
    today = date(2024, 3, 21)
    rows = [came("2024-01", name="gov_tax"), came("2023-12", name="gov_statistics_monthly")]
    found = expectations(rows, today)
    assert sorted(e.feed for e in found) == sorted(feeds())
    assert [e.is_missing for e in found] == sorted((e.is_missing for e in found), reverse=True)
    by_feed = {e.feed: e for e in found}
    assert by_feed["ent_trade"].state == "never"
    assert by_feed["gov_tax"].state == "overdue"  # February by 20 March
    line = missing_line(found)
    assert line.startswith(
        "gov_statistics_monthly 2024-02 expected by 2024-03-15 from 宁波市统计局, last seen 2023-12; "
        "gov_tax 2024-02 expected by 2024-03-20 from "
    )
    assert "gov_emission 2022 expected by 2023-03-31" in line and "never seen" in line
    assert "ent_objection" not in line and "\n" not in line
    assert missing_line(e for e in found if not e.is_missing) == ""


def test_a_row_of_texts_has_a_column_for_each_heading() -> None:
    row = as_row(one("monthly", 10, ["2024-03"], "2024-05-11", at="2024-04-02T08:00:00.123Z"))
    assert list(row) == list(HEADINGS)
    assert (row["expected_by"], row["last_seen_at"]) == ("2024-05-10", "2024-04-02T08:00:00+00:00")
    assert row["state"] == "overdue"


# --- compared with a calendar that is walked day by day --------------------------------------------------


def walked_end(day: date, part: int) -> date:
    """The last day of the period that contains a day."""
    while (day + DAY).isoformat()[:part] == day.isoformat()[:part]:
        day += DAY
    return day


days = st.dates(date(1999, 1, 1), date(2101, 12, 31))


@given(st.sampled_from(CADENCES), st.integers(0, 130), days, st.integers(0, 500))
@example("monthly", 0, date(2024, 2, 29), 1)
@example("yearly", 60, date(2023, 12, 31), 425)
def test_expectations_equal_those_of_a_calendar_walked_day_by_day(
    cadence: str, lateness: int, seen: date, later: int
) -> None:
    part = PART[cadence]
    last, today = seen.isoformat()[:part], seen + later * DAY
    first = walked_end(seen, part) + DAY
    end = by = walked_end(first, part)
    for _ in range(lateness):
        by += DAY
    found = one(cadence, lateness, [last], today.isoformat(), at="2200-01-01T00:00:00Z")
    assert found.expected_period == first.isoformat()[:part]
    assert (last_day(found.expected_period), found.expected_by) == (end, by)
    assert found.state == ("on time" if today <= end else "due" if today <= by else "overdue")


@given(st.sampled_from(CADENCES), st.integers(0, 130), days)
def test_the_last_overdue_period_equals_the_one_found_by_walking_back(
    cadence: str, lateness: int, today: date
) -> None:
    part = PART[cadence]
    day = today - DAY
    while day.isoformat()[:part] == (day + DAY).isoformat()[:part] or day + lateness * DAY >= today:
        day -= DAY
    assert last_over(part, lateness, today) == day.isoformat()[:part]
