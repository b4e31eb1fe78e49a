"""``./brain audit``: is the audit log whole, and what does it say?"""

from __future__ import annotations

from collections import deque
from json import dumps
from typing import Annotated

import typer

from portal.cli import console
from portal.cli.accounts import start_of
from portal.cli.options import Json
from schemas.errors import RejectedError


def verify(
    anchor: Annotated[
        str | None,
        typer.Option(metavar="NUMBER:HASH", help="An entry that an earlier verification printed."),
    ] = None,
    json: Json = False,
) -> None:
    """Check every entry of the audit log: none changed, removed, inserted or moved. Exit code 1 if one was."""
    from portal.accounts.verification import Anchor, Verification

    walk = Verification(Anchor.of(anchor) if anchor else None)
    faults = [vars(fault) for fault in walk]
    if json:
        console.as_json(faults)
    elif faults:
        console.show(faults, "审计日志的问题 Faults of the audit log")
    else:
        console.say(f"审计日志完整 the audit log is whole: {walk.entries:,} entries")
        if walk.entries:
            console.say(f"note outside this machine: {walk.last_n}:{walk.last_hash}")
    if faults:
        raise RejectedError(
            f"the audit log is not as it was written: {len(faults)} faults, the first in {faults[0]['file']}"
        )


def show(
    actor: Annotated[
        str | None, typer.Option(help="Only this account, token:NAME, oidc:NAME or cli:USER.")
    ] = None,
    subject: Annotated[
        str | None, typer.Option(help="Only this credit code, account or other subject.")
    ] = None,
    since: Annotated[str | None, typer.Option(metavar="DATE", help="Only from this day on.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number of entries, the latest.")] = 50,
    json: Json = False,
) -> None:
    """Show the latest entries: who read which firm and who changed what. With --json all of them."""
    from portal.accounts.verification import entries

    found = deque(entries(actor, subject, start_of(since)), maxlen=None if json else limit)
    rows = [
        {
            "n": entry.n, "at": entry.at, "actor": entry.actor, "role": entry.role, "action": entry.action,
            "subject": entry.subject, "details": entry.details,
        }
        for entry in found
    ]  # fmt: skip
    if json:
        console.as_json(rows)
    elif rows:
        console.show(
            [
                row | {"at": entry.at[:19] + "Z", "details": dumps(entry.details, ensure_ascii=False)}
                for row, entry in zip(rows, found, strict=True)
            ]
        )
    else:
        console.say("no entries match")


def register(app: typer.Typer) -> None:
    """Add the group of commands to the command line."""
    group = typer.Typer(
        help="审计日志 Audit log: who read which firm and who changed what.",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    group.command()(verify)
    group.command()(show)
    app.add_typer(group, name="audit")
