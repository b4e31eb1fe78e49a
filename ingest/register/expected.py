"""Expected deliveries: which feed should have come by now, and when each was seen last.

A feed's periods follow each other by its cadence: years, months or days. Expected is the period after the last one
that came, until its last day and the days that the contract allows beyond it are over. A gap that later periods have
passed over is told of no more: the sender may have had nothing.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any, Literal

from schemas.contract import Feed, feeds
from schemas.register import latest_rows, stands
from schemas.source import Source

#: Deadlines are days of the senders' calendar; China has one time zone and no summer time.
HERE = timezone(timedelta(hours=8))

State = Literal["on time", "due", "overdue", "never", "not connected"]
#: Columns of ``as_row`` as people read them.
HEADINGS = {
    "feed": "数据源 feed",
    "state": "状态 state",
    "expected_period": "应报期别 expected",
    "expected_by": "最迟 expected by",
    "last_period": "最近期别 last period",
    "last_seen_at": "最近收到 last seen",
    "cadence": "频率 cadence",
    "owner": "责任单位 owner",
    "title": "名称 title",
}


@dataclass(frozen=True)
class Expectation:
    """One feed: what is expected of it next, what came last, and how it stands on a day.

    ``never``: nothing came since it was connected; expected is then the last period whose time is over.
    """

    feed: str
    title: str
    owner: str
    cadence: str
    lateness_days: int
    expected_period: str | None
    #: Last day on which it is in time.
    expected_by: date | None
    last_period: str | None
    last_seen_at: datetime | None
    state: State

    @property
    def is_missing(self) -> bool:
        """Whether somebody should ask the sender."""
        return self.state == "overdue" or (self.state == "never" and self.expected_by is not None)


def today_here() -> date:
    """The day it is where the senders are."""
    return datetime.now(HERE).date()


def expectations(
    deliveries: Iterable[dict[str, Any]], today: date, specs: Sequence[Feed] | None = None
) -> list[Expectation]:
    """How every feed stands on a day, those that need somebody first.

    Args:
        deliveries: rows of raw.delivery.
    """
    by_feed: dict[str, list[dict[str, Any]]] = {}
    for row in deliveries:
        by_feed.setdefault(row["feed"], []).append(row)
    given = feeds().values() if specs is None else specs
    found = [_expectation(spec, by_feed.get(spec.table, []), today) for spec in given]
    order = ("overdue", "never", "due", "on time", "not connected")
    return sorted(found, key=lambda e: (not e.is_missing, order.index(e.state), e.feed))


def missing_line(found: Iterable[Expectation]) -> str:
    """One line with the feeds that should have come, empty when there are none."""
    return "; ".join(
        f"{e.feed} {e.expected_period} expected by {e.expected_by} from {e.owner}, "
        + (f"last seen {e.last_period}" if e.last_period else "never seen")
        for e in found
        if e.is_missing
    )


def as_row(expectation: Expectation) -> dict[str, str | None]:
    """The expectation as a row of texts; when it was seen last in UTC, to the second."""
    row = {name: getattr(expectation, name) for name in HEADINGS}
    row["expected_by"] = expectation.expected_by and expectation.expected_by.isoformat()
    row["last_seen_at"] = expectation.last_seen_at and expectation.last_seen_at.isoformat(timespec="seconds")
    return row


def _expectation(spec: Feed, rows: Sequence[dict[str, Any]], today: date) -> Expectation:
    source = spec.source
    # an irregular feed has no next period
    unit = None if source.cadence == "irregular" else max(source.period_lengths)
    # one that was taken back has not come
    counting = [row for row in latest_rows(rows, spec) if stands(row)]
    last = max(counting, key=lambda r: (_until(r, unit), r["known_at"]), default=None)
    seen_at = max((_utc(r["known_at"]) for r in rows), default=None)
    period: str | None = None
    if source.is_connected and unit:
        if last is None:
            period = last_over(unit, source.lateness_days, today)
            while _is_merged(period, source):
                period = _name(_first_day(period) - timedelta(days=1), unit)
        else:
            period = _name(_until(last, unit) + timedelta(days=1), unit)
            while _is_merged(period, source):
                period = _name(last_day(period) + timedelta(days=1), unit)
    by = last_day(period) + timedelta(days=source.lateness_days) if period else None
    return Expectation(
        feed=spec.table,
        title=f"{spec.title.zh} {spec.title.en}",
        owner=spec.owner,
        cadence=source.cadence,
        lateness_days=source.lateness_days,
        expected_period=period,
        expected_by=by,
        last_period=last["period"] if last else None,
        last_seen_at=seen_at,
        state=_state(source.is_connected, last is not None, period, by, today),
    )


def _is_merged(period: str, source: Source) -> bool:
    """Whether a month has no delivery of its own."""
    return len(period) == 7 and int(period[5:]) in source.merged_months


def _state(is_connected: bool, came: bool, period: str | None, by: date | None, today: date) -> State:
    if not is_connected:
        return "not connected"
    if not came:
        return "never"
    if period is None or by is None or today <= last_day(period):
        return "on time"
    return "overdue" if today > by else "due"


def last_day(period: str) -> date:
    """
    >>> last_day("2024-02"), last_day("2023")
    (datetime.date(2024, 2, 29), datetime.date(2023, 12, 31))
    """
    if len(period) == 10:
        return date.fromisoformat(period)
    year, month = int(period[:4]), int(period[5:7] or 12)
    return date(year, month, calendar.monthrange(year, month)[1])


def last_over(unit: int, lateness_days: int, today: date) -> str:
    """The last period of a length whose time, with what the contract allows, was over before a day.

    >>> last_over(7, 15, date(2024, 3, 15)), last_over(7, 15, date(2024, 3, 16))
    ('2024-01', '2024-02')
    """
    day = today - timedelta(days=lateness_days + 1)
    period = _name(day, unit)
    return period if last_day(period) == day else _name(_first_day(period) - timedelta(days=1), unit)


def _first_day(period: str) -> date:
    return date.fromisoformat(f"{period}-01-01"[:10])


def _name(day: date, unit: int) -> str:
    return day.isoformat()[:unit]


def _until(row: Mapping[str, Any], unit: int | None) -> date:
    """The last day that a delivery speaks of: of a feed that comes by the day at most the day on which it came."""
    day = last_day(row["period"])
    return min(day, _utc(row["known_at"]).astimezone(HERE).date()) if unit == 10 else day


def _utc(value: datetime) -> datetime:
    return value if value.tzinfo else value.replace(tzinfo=UTC)
