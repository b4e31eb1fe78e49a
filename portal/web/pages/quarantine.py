"""隔离 Quarantine: records that broke their contract, by reason, and deliveries with their state.

Both are for who looks after data quality, and show the home as it is now, not a release. Correcting and deciding stay
in the command line, whose commands the pages give to copy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from fastapi.responses import Response

from portal.access import records
from portal.access.viewer import Viewer
from portal.queries import deliveries, quarantine
from portal.queries.quarantine import ReasonTotal, Record
from portal.web import words
from portal.web.frame import Frame, Known
from schemas.contract import feeds

router = APIRouter()

#: Records and deliveries on a page.
PAGE_ROWS = 20
DELIVERY_ROWS = 100

FeedName = Annotated[str, Query(max_length=60, pattern="^[a-z0-9_]*$")]
Place = Annotated[int, Query(ge=1, le=100_000)]


@dataclass(frozen=True)
class Shown:
    """A record as the viewer sees it: heading, text as sent (``None`` if it is withheld), corrected text."""

    record: Record
    cells: tuple[tuple[str, str | None, str | None], ...]
    #: The line of a record without cells.
    line: str | None
    is_line_withheld: bool


def _permit(frame: Frame) -> None:
    """
    Raises:
        HTTPException: 403, the viewer lacks the right.
    """
    if not frame.viewer.may("quarantine"):
        raise HTTPException(
            403,
            frame.t(
                "隔离记录与批次只向有“数据质量”权限的账户开放",
                "quarantined records and deliveries are for accounts with the right to data quality",
            ),
        )


@router.get("/data/quarantine")
def quarantine_page(
    frame: Known,
    feed: FeedName = "",
    reason: Annotated[str, Query(max_length=80)] = "",
    page: Place = 1,
) -> Response:
    _permit(frame)
    _check_feed(frame, feed)
    found = quarantine.totals(feed, reason)
    shown: list[Shown] = []
    total = 0
    if records.sees_records(frame.viewer) and (feed or reason):
        listed, total = quarantine.records(
            feed or None, reason or None, None, None, None, PAGE_ROWS, (page - 1) * PAGE_ROWS
        )
        shown = [_shown(one, frame.viewer) for one in listed]
    return frame.render(
        "quarantine.html",
        nav="data",
        feed=feed,
        reason=reason,
        feeds=_feed_choices(frame),
        totals=[_total_row(frame, one) for one in found],
        sum_of_records=sum(one.records for one in found),
        sees_records=records.sees_records(frame.viewer),
        records=shown,
        total=total,
        first=None if page == 1 else frame.here(page=page - 1 if page > 2 else None),
        following=frame.here(page=page + 1) if page * PAGE_ROWS < total else None,
        from_row=(page - 1) * PAGE_ROWS + 1,
    )


def _check_feed(frame: Frame, feed: str) -> None:
    if feed and feed not in feeds():
        raise HTTPException(404, frame.t(f"没有数据源 {feed}", f"there is no feed {feed}"))


def _feed_choices(frame: Frame) -> list[tuple[str, str]]:
    return [(name, frame.name(spec.title)) for name, spec in feeds().items()]


def _total_row(frame: Frame, one: ReasonTotal) -> dict[str, Any]:
    spec = feeds()[one.feed.code]
    mapped = spec.source.mapping.get(one.reason.code.partition(":")[0])
    heading = mapped.heading if mapped else None
    sees = (
        records.sees_cell(spec, heading, frame.viewer)
        if heading
        else records.sees_all_cells(spec, frame.viewer)
    )
    return {
        "name": frame.name(one.reason),
        "code": one.reason.code,
        "feed": frame.name(one.feed),
        "feed_code": one.feed.code,
        "records": one.records,
        "pending": one.pending,
        "periods": one.periods[0] if len(one.periods) == 1 else f"{one.periods[0]}–{one.periods[-1]}",
        "example": one.example if sees else None,
    }


def _shown(record: Record, viewer: Viewer) -> Shown:
    spec = feeds()[record.feed]
    if isinstance(record.record, Mapping):
        new = {one.heading: one.new_text for one in record.corrections if not one.is_withdrawn}
        sent = {**record.record, **{heading: record.record.get(heading, "") for heading in new}}
        sees = {heading: records.sees_cell(spec, heading, viewer) for heading in sent}
        cells = tuple(
            (heading, text if sees[heading] else None, new.get(heading) if sees[heading] else None)
            for heading, text in sent.items()
        )
        return Shown(record, cells, None, False)
    may_see = records.sees_all_cells(spec, viewer)
    return Shown(record, (), " ".join(map(str, record.record)) if may_see else None, not may_see)


@router.get("/data/deliveries")
def deliveries_page(frame: Known, feed: FeedName = "") -> Response:
    _permit(frame)
    _check_feed(frame, feed)
    found = sorted(deliveries.deliveries(feed or None), key=lambda row: row["known_at"], reverse=True)
    return frame.render(
        "deliveries.html",
        nav="data",
        feed=feed,
        feeds=_feed_choices(frame),
        total=len(found),
        rows=[
            {
                **row,
                "feed": frame.name(feeds()[row["feed"]].title),
                "period": "–".join(dict.fromkeys((row["periods"][0], row["periods"][-1]))),
                "state_words": frame.name(words.named(words.DELIVERY_STATE, row["state"])),
            }
            for row in found[:DELIVERY_ROWS]
        ],
    )
