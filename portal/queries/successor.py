"""Whose an absorbed firm, a former code or a branch is now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from portal.queries.release import Query
from portal.queries.titles import Named

NEEDS = ("core.succession", "core.identity_event")


@dataclass(frozen=True)
class Successor:
    """The enterprise to which the code's rows belong, from the day on which they do.

    Several changes are followed to the last; ``change``, its day and ``document`` are those of the code's first one.
    """

    uscc: str
    #: Missing for an enterprise outside all directories.
    name: str | None
    since: date
    change: Named | None
    changed_on: date | None
    document: str | None
    #: Several firms claim the code; it stands for itself, and the others are these.
    claimants: tuple[str, ...]


def successor(query: Query, uscc: str) -> Successor | None:
    """The enterprise behind a code as the release knows it last; ``None`` if the code stands for itself."""
    if not query.tables.issuperset(NEEDS):
        return None
    rows = query(
        """SELECT to_uscc, valid_from_date, is_disputed FROM core.succession WHERE from_uscc = ?
        ORDER BY year DESC, valid_from_date DESC LIMIT 1""",
        uscc,
    )
    if not rows:
        return None
    [last] = rows
    events = query(
        """SELECT * FROM core.identity_event WHERE from_uscc = ?
            AND identity_event_kind_code IN ('merge', 'succession', 'branch')
        ORDER BY year, valid_from_date, event_id""",
        uscc,
    )
    names = query(
        "SELECT arg_max(enterprise_name, year) AS name FROM core.enterprise WHERE uscc = ?", last["to_uscc"]
    )
    first = events[0] if events else {}
    disputed = last["is_disputed"]
    return Successor(
        uscc=last["to_uscc"],
        name=names[0]["name"],
        since=last["valid_from_date"],
        change=query.titles.maybe("identity_event_kind", first.get("identity_event_kind_code")),
        changed_on=first.get("valid_from_date"),
        document=first.get("document_code"),
        claimants=tuple(sorted({e["to_uscc"] for e in events})) if disputed else (),
    )
