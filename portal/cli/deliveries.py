"""``./brain deliveries``: ingested deliveries, their state, and withdrawing or restoring them with a reason."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from portal.cli import console
from portal.cli.options import DecisionReason, Feed, Json, add_group
from schemas.coded import title

Id = Annotated[str, typer.Argument(metavar="ID", help="Delivery id, as ./brain deliveries list prints it.")]
By = Annotated[str | None, typer.Option(help="Who decides; the current user if omitted.")]

#: State of a delivery → its title in both languages.
STATES: Mapping[str, str] = {
    "counts": "计入 counts",
    "counts in part": "部分计入 counts in part",
    "superseded": "已被替代 superseded",
    "held": "待定 held",
    "withdrawn": "已撤回 withdrawn",
}


def list_(
    feed: Feed = None,
    period: Annotated[
        str | None, typer.Option(help="Only this period; a year includes its months and days.")
    ] = None,
    json: Json = False,
) -> None:
    """List deliveries with records, state, and who decided why."""
    from portal.queries.deliveries import deliveries

    rows = deliveries(feed, period)
    if json:
        console.as_json(rows)
    elif rows:
        console.show([_shown(row) for row in rows], "批次 Deliveries")
    else:
        console.say("no deliveries match" if feed or period else "no deliveries have been ingested yet")


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    first, last = row["periods"][0], row["periods"][-1]
    why = f"{row['decided_by']}: {row['decision_reason']}" if row["decided_by"] else ""
    return {
        "feed": row["feed"],
        "period": first if first == last else f"{first} … {last}",
        "part": row["part"],
        "file": row["file"],
        "records": row["records_in"],
        "quarantined": row["records_quarantined"],
        "known at": row["known_at"].isoformat(timespec="seconds"),
        "state": STATES[row["state"]],
        "id": row["delivery_id"],
        "why": why,
    }


def show(delivery_id: Id, json: Json = False) -> None:
    """Show a delivery's register entries: mappings and decisions. A decision has person, time and reason."""
    from portal.queries.deliveries import entries_of

    rows = entries_of(delivery_id)
    if json:
        console.as_json(rows)
        return
    omitted = ("feed", "delivery_id", "headings", "checksum", "state")
    first = rows[-1]
    console.heading(f"{delivery_id} · {first['feed']} · {first['source_file']} · {STATES[first['state']]}")
    console.show(
        [
            {name: _standing(value) if name == "standing_code" else value
             for name, value in row.items() if name not in omitted}
            for row in rows
        ]
    )  # fmt: skip


def _standing(code: str | None) -> str:
    if code is None:
        return ""
    titles = title("delivery_standing", code)
    return f"{titles.zh} {titles.en.lower()}"


def withdraw(delivery_id: Id, reason: DecisionReason = "", by: By = None, json: Json = False) -> None:
    """Withdraw a delivery so that the previous one counts again. Its rows are kept but no longer count."""
    from ingest.register import decisions

    decisions.withdraw(delivery_id, reason, getpass.getuser() if by is None else by)
    _show_states(delivery_id, json)


def restore(delivery_id: Id, reason: DecisionReason = "", by: By = None, json: Json = False) -> None:
    """Restore a withdrawn or held delivery so that it counts. It is held if too many of its records were refused."""
    from ingest.register import decisions

    decisions.restore(delivery_id, reason, getpass.getuser() if by is None else by)
    _show_states(delivery_id, json)


def _show_states(delivery_id: str, json: bool) -> None:
    """Print the current state of the deliveries of the same periods."""
    from portal.queries.deliveries import deliveries_beside

    rows = deliveries_beside(delivery_id)
    if json:
        console.as_json(rows)
    else:
        console.show([_shown(row) for row in rows], "批次 Deliveries")
        console.say("next: ./brain run, then ./brain publish")


def register(app: typer.Typer) -> None:
    """Add the group of commands to the command line."""
    help_ = "批次 Deliveries: list, show, withdraw and restore them."
    add_group(app, "deliveries", help_, list_, show, withdraw, restore)
