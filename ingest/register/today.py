"""Which day it is (今天): the only place that says so for freshness and overdue feeds.

A home with a synthetic city has the city's day, whatever the machine's clock says; any other home has the real day.
Locks, run records and times of decisions keep to the clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone

from schemas.today import Calendars, synthetic_day
from warehouse.settings import settings

#: Deadlines are days of the senders' calendar; China has one time zone and no summer time.
HERE = timezone(timedelta(hours=8))


@dataclass(frozen=True)
class Today:
    """A day at the senders, and whether it is that of a synthetic city."""

    day: date
    is_synthetic: bool = False
    #: What the senders of a synthetic city ever send; of other feeds every period is expected.
    calendars: Calendars = field(default_factory=dict)

    @property
    def words(self) -> str:
        """The day, with a word beside it if it is not a real one.

        >>> Today(date(2025, 7, 1), is_synthetic=True).words, Today(date(2026, 3, 2)).words
        ('2025-07-01 (合成城市 synthetic city)', '2026-03-02')
        """
        return f"{self.day} (合成城市 synthetic city)" if self.is_synthetic else str(self.day)

    @property
    def title(self) -> str:
        """
        >>> Today(date(2025, 7, 1), is_synthetic=True).title
        '今天（合成城市）today (synthetic city) 2025-07-01'
        """
        of = "今天（合成城市）today (synthetic city)" if self.is_synthetic else "今天 today"
        return f"{of} {self.day}"


def today() -> Today:
    """The home's day."""
    if found := synthetic_day(settings().landing):
        return Today(found.day, True, found.calendars)
    return Today(datetime.now(HERE).date())


def on(day: date | None) -> Today:
    """The home's day, or the day that a person names instead."""
    known = today()
    return Today(day, False, known.calendars) if day else known


def latest_moment() -> datetime:
    """The moment after which nothing can have been sent: now, or the end of a synthetic day that lies ahead."""
    now, known = datetime.now(UTC), today()
    return max(now, datetime.combine(known.day, time.max, HERE)) if known.is_synthetic else now
