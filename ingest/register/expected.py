"""Expected deliveries: which feeds should have delivered by now, and when each delivered last.

A feed's cadence gives its periods: years, months or days. The period after the last delivered one is expected. It is
due after its last day, and overdue after the further days that the contract allows (``lateness_days``). A gap before a
later delivered period is not reported: the sender may have had nothing to report.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

from ingest.register.today import HERE
from schemas.contract import Feed, feeds
from schemas.register import latest_rows, stands
from schemas.source import Source
from schemas.today import Calendars, Span

#: Every period of every feed is expected.
NO_CALENDARS: Calendars = {}

State = Literal["on time", "due", "overdue", "never", "ended", "not connected"]
#: Columns of ``as_row`` → their headings.
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
    """One feed on a day: the next expected period, the last delivery, and the state.

    ``never``: nothing was delivered since the feed was connected; the last overdue period is expected.
    ``ended``: a synthetic city sends nothing more of the feed.
    """

    feed: str
    title: str
    owner: str
    cadence: str
    lateness_days: int
    expected_period: str | None
    #: Last day on which the expected period is not overdue.
    expected_by: date | None
    last_period: str | None
    last_seen_at: datetime | None
    state: State

    @property
    def is_missing(self) -> bool:
        """Whether somebody should ask the sender."""
        return self.state == "overdue" or (self.state == "never" and self.expected_by is not None)


def expectations(
    deliveries: Iterable[dict[str, Any]],
    today: date,
    specs: Sequence[Feed] | None = None,
    calendars: Calendars = NO_CALENDARS,
) -> list[Expectation]:
    """The state of every feed on a day, missing ones first.

    Args:
        deliveries: rows of raw.delivery.
        calendars: the periods that a synthetic city ever sends; of other feeds every period is expected.
    """
    by_feed: dict[str, list[dict[str, Any]]] = {}
    for row in deliveries:
        by_feed.setdefault(row["feed"], []).append(row)
    specs = list(feeds().values()) if specs is None else specs
    expected = [
        _expectation(spec, by_feed.get(spec.table, []), today, calendars.get(spec.table)) for spec in specs
    ]
    order = ("overdue", "never", "due", "on time", "ended", "not connected")
    return sorted(expected, key=lambda e: (not e.is_missing, order.index(e.state), e.feed))


def missing_line(expected: Iterable[Expectation]) -> str:
    """One line with the feeds that should have delivered; empty without any."""
    return "; ".join(
        f"{e.feed} {e.expected_period} expected by {e.expected_by} from {e.owner}, "
        + (f"last seen {e.last_period}" if e.last_period else "never seen")
        for e in expected
        if e.is_missing
    )


def as_row(expectation: Expectation) -> dict[str, str | None]:
    """The expectation as a row of texts; the time of the last delivery in UTC, to the second."""
    row = {name: getattr(expectation, name) for name in HEADINGS}
    row["expected_by"] = expectation.expected_by and expectation.expected_by.isoformat()
    row["last_seen_at"] = expectation.last_seen_at and expectation.last_seen_at.isoformat(timespec="seconds")
    return row


def _expectation(
    spec: Feed, rows: Sequence[dict[str, Any]], today: date, calendar: Sequence[Span] | None
) -> Expectation:
    source = spec.source
    # an irregular feed has no next period
    unit = None if source.cadence == "irregular" else max(source.period_lengths)
    # a withdrawn delivery does not fulfil the expectation
    standing = [row for row in latest_rows(rows, spec) if stands(row)]
    last = max(standing, key=lambda r: (_until(r, unit), r["known_at"]), default=None)
    seen_at = max((_utc(r["known_at"]) for r in rows), default=None)
    period: str | None = None
    if source.is_connected and unit:
        spans = calendar or [("0000-00-00"[:unit], None)]
        if last is None:
            period = _last_missed(spans, source, today)
        else:
            period = _following(_until(last, unit) + timedelta(days=1), spans, source)
    by = last_day(period) + timedelta(days=source.lateness_days) if period else None
    has_ended = bool(calendar and unit and last and period is None)
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
        state="ended"
        if source.is_connected and has_ended
        else _state(source.is_connected, last is not None, period, by, today),
    )


def _following(day: date, spans: Iterable[Span], source: Source) -> str | None:
    """The first period of the spans that ends on the day or later."""
    for first, last in spans:
        period = max(_name(day, len(first)), first)
        while _is_merged(period, source):
            period = _name(last_day(period) + timedelta(days=1), len(first))
        if last is None or period <= last:
            return period
    return None


def _last_missed(spans: Sequence[Span], source: Source, today: date) -> str | None:
    """The last period of the spans whose deadline is over."""
    for first, last in reversed(spans):
        period = last_over(len(first), source.lateness_days, today)
        period = min(period, last) if last else period
        while _is_merged(period, source):
            period = _name(_first_day(period) - timedelta(days=1), len(first))
        if period >= first:
            return period
    return None


def _is_merged(period: str, source: Source) -> bool:
    """Whether a month's figures come with those of the next month."""
    return len(period) == 7 and int(period[5:]) in source.merged_months


def _state(
    is_connected: bool, has_delivered: bool, period: str | None, by: date | None, today: date
) -> State:
    if not is_connected:
        return "not connected"
    if not has_delivered:
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
    """The last period whose deadline (last day and allowed lateness) was over before a day.

    Args:
        unit: length of the period's name: 4 is a year, 7 a month, 10 a day.

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
    """The last day that a delivery covers; of a daily feed not later than the day on which it came."""
    day = last_day(row["period"])
    return min(day, _utc(row["known_at"]).astimezone(HERE).date()) if unit == 10 else day


def _utc(value: datetime) -> datetime:
    return value if value.tzinfo else value.replace(tzinfo=UTC)
