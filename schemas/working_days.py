"""Working days 工作日 of China: public holidays and make-up days (调休) of the State Council's yearly notices.

The calendar is that of the package ``chinesecalendar``, whose version the lock file pins. Each notice comes in the
November before, so a year may be unknown: then nothing is guessed, and the caller says so or names the days himself.
"""

from __future__ import annotations

from datetime import date, timedelta

from schemas.errors import UsageError

DAY = timedelta(days=1)


class UnknownYearError(UsageError):
    """The calendar does not have the holidays of a year."""

    def __init__(self, year: int) -> None:
        super().__init__(
            f"the holidays of {year} are not in the installed calendar (已装节假日历无{year}年): update the package "
            "chinesecalendar once the State Council has published them, or state the last day yourself"
        )
        self.year = year


def is_known(year: int) -> bool:
    """Whether the calendar has the year.

    >>> is_known(2025), is_known(2099)
    (True, False)
    """
    import chinese_calendar

    try:
        # the last days of a year belong to its own notice; 8 October follows the last holidays that a notice names
        return bool(chinese_calendar.is_workday(date(year, 10, 8))) or True
    except NotImplementedError:
        return False


def is_working_day(day: date) -> bool:
    """Whether offices work.

    >>> is_working_day(date(2025, 9, 28)), is_working_day(date(2025, 10, 3))  # a make-up Sunday, a holiday Friday
    (True, False)

    Raises:
        UnknownYearError: the calendar does not have the year.
    """
    import chinese_calendar

    try:
        return bool(chinese_calendar.is_workday(day))
    except NotImplementedError:
        raise UnknownYearError(day.year) from None


def working_days(first: date, last: date) -> int:
    """Working days from ``first`` to ``last``, both included.

    >>> working_days(date(2025, 9, 26), date(2025, 10, 9))
    5
    """
    return sum(is_working_day(first + DAY * n) for n in range((last - first).days + 1))


def last_of(first: date, count: int) -> date:
    """The day that ends a window of ``count`` working days which begins on ``first``.

    >>> last_of(date(2025, 9, 26), 5).isoformat()  # 26, 28 to 30 September, 9 October
    '2025-10-09'
    """
    day, left = first - DAY, count
    while left:
        day += DAY
        left -= is_working_day(day)
    return day


def on_or_after(day: date) -> date:
    """The day itself if offices work, else the next one on which they do."""
    while not is_working_day(day):
        day += DAY
    return day
