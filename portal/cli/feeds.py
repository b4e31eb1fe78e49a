"""``./brain feeds``: every feed and its next expected delivery."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import typer

from portal.cli import console
from portal.cli.options import Json
from schemas.errors import UsageError


def list_feeds(
    today: Annotated[
        str | None,
        typer.Option(
            help="Reference day, e.g. 2024-03-31; if omitted, today, which a synthetic city's home has of its own."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """List all feeds, overdue ones first. Shows owner, cadence, expected period with its deadline, latest period."""
    from ingest.register.entries import deliveries
    from ingest.register.expected import HEADINGS, as_row, expectations
    from ingest.register.today import on

    try:
        day = on(date.fromisoformat(today) if today else None)
    except ValueError:
        raise UsageError(f"--today {today}: give a day, e.g. 2024-03-31") from None
    expected = expectations(deliveries(), day.day, calendars=day.calendars)
    rows = [as_row(expectation) for expectation in expected]
    if json:
        console.as_json(rows)
        return
    console.show([{HEADINGS[k]: v for k, v in row.items()} for row in rows], "数据源 Feeds")
    missing = sum(expectation.is_missing for expectation in expected)
    console.say(
        f"{day.title}: "
        + (
            f"{missing} of {len(expected)} feeds have not arrived in time"
            if missing
            else "no feed is overdue"
        )
    )


def register(app: typer.Typer) -> None:
    """Add the commands to the command line, in the order of its help."""
    app.command("feeds")(list_feeds)
