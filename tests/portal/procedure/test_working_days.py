"""Windows in working days, against days typed from the notices; what happens in a year that nobody knows."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.working_days import UnknownYearError, is_known, is_working_day, last_of, working_days
from tests.oracles import working_days as oracle

DAYS = st.dates(date(2024, 1, 1), date(2025, 12, 31))


@given(DAYS)
def test_a_day_is_worked_as_the_notices_say(day: date) -> None:
    assert is_working_day(day) == oracle.works(day)


@given(st.dates(date(2024, 1, 1), date(2025, 11, 1)), st.integers(1, 20))
def test_a_window_ends_on_its_last_working_day(first: date, count: int) -> None:
    last = last_of(first, count)
    assert last == oracle.last_day(first, count)
    assert working_days(first, last) == count
    assert working_days(first, last - timedelta(days=1)) == count - 1


def test_an_unknown_year_is_refused_and_says_what_to_do() -> None:
    assert is_known(2026) and not is_known(2099)
    with pytest.raises(UnknownYearError, match="update the package chinesecalendar") as told:
        last_of(date(2099, 8, 3), 5)
    assert "\n" not in str(told.value)
