"""An enterprise's honours, penalties, accidents and credit records."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from portal.queries.release import Query
from portal.queries.titles import Named

TABLE = "core.enterprise_event"
#: Tables that the query needs.
NEEDS = (TABLE,)
#: Events that a sheet shows.
MOST = 12


@dataclass(frozen=True)
class Event:
    """An event, in the year in which it counts; a credit record counts again in the year in which it was removed."""

    event_id: str
    year: str
    kind: Named
    what: Named
    level: Named | None
    on: date | None
    valid_until: date | None
    document: str | None


def events(query: Query, uscc: str, year: str) -> tuple[Event, ...] | None:
    """The firm's latest events up to a year, the last one first; ``None`` if the release has none of anybody."""
    if TABLE not in query.tables:
        return None
    rows = query(
        f"""FROM {TABLE} WHERE uscc = ? AND year <= ?
        ORDER BY event_date DESC, event_id, year DESC LIMIT {MOST}""",
        uscc, year,
    )  # fmt: skip
    titles = query.titles
    return tuple(
        Event(
            event_id=row["event_id"],
            year=row["year"],
            kind=titles("event_kind", row["event_kind_code"]),
            what=titles("event", row["event_code"]),
            level=titles.maybe("level", row["level_code"]),
            on=row["event_date"],
            valid_until=row["valid_until_date"],
            document=row["document_code"],
        )
        for row in rows
    )
