"""``./brain feeds``: every feed, and what is expected of it by when."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import typer

from portal.cli import console
from portal.cli.options import Json
from schemas.errors import UsageError


def list_feeds(
    today: Annotated[
        str | None, typer.Option(help="As of this day, e.g. 2024-03-31; today when left out.")
    ] = None,
    json: Json = False,
) -> None:
    """Every feed: owner, cadence, what is expected by when, what came last, and whether it is overdue."""
    from ingest.register.entries import deliveries
    from ingest.register.expected import HEADINGS, as_row, expectations, today_here

    try:
        day = date.fromisoformat(today) if today else today_here()
    except ValueError:
        raise UsageError(f"--today {today}: give a day, e.g. 2024-03-31") from None
    found = expectations(deliveries(), day)
    rows = [as_row(expectation) for expectation in found]
    if json:
        console.as_json(rows)
        return
    console.show([{HEADINGS[k]: v for k, v in row.items()} for row in rows], "数据源 Feeds")
    missing = sum(expectation.is_missing for expectation in found)
    console.say(f"{missing} of {len(found)} feeds have not come in time" if missing else "no feed is overdue")


def register(app: typer.Typer) -> None:
    """Add the commands to the command line, in the order of its help."""
    app.command("feeds")(list_feeds)
