"""``./brain user``: who may sign in, and what they may see."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from portal.cli import console
from portal.cli.holders import (
    Name,
    RightsOption,
    RoleOption,
    ScopeOption,
    operator,
    row_of,
    show_rows,
    shown,
    viewer_of,
)
from portal.cli.options import Json, add_group
from schemas.errors import UsageError

if TYPE_CHECKING:
    from portal.accounts.store import Account

Expires = Annotated[
    str | None, typer.Option(metavar="DATE", help="Last day, e.g. 2027-06-30; without end if omitted.")
]


def list_(json: Json = False) -> None:
    """List the accounts with their state."""
    from portal.accounts import store

    show_rows([_user(account) for account in store.accounts()], "账户 Accounts", json)


def add(
    name: Name,
    role: RoleOption,
    scope: ScopeOption = "",
    right: RightsOption = None,
    expires: Expires = None,
    json: Json = False,
) -> None:
    """Create an account, and print its first password once."""
    from portal.accounts import store

    first = store.create(viewer_of(name, role, scope, right), by=operator(), expires_at=_end_of(expires))
    _say_password(name, first, json)


def change(
    name: Name,
    role: RoleOption,
    scope: ScopeOption = "",
    right: RightsOption = None,
    expires: Expires = None,
    json: Json = False,
) -> None:
    """Give an account another role, scope, rights and last day, as ``add`` would; sessions see it at once."""
    from portal.accounts import store

    store.change(viewer_of(name, role, scope, right), by=operator(), expires_at=_end_of(expires))
    show(name, json)


def show(name: Name, json: Json = False) -> None:
    """Show one account, and whether failed sign-ins lock it."""
    from portal.accounts import store

    row = _user(store.account(name)) | {"locked_until": shown(store.locked_until(name))}
    if json:
        console.as_json([row])
    else:
        console.show(
            [{"field": field, "value": value} for field, value in row.items()], f"账户 Account {name}"
        )


def password(name: Name, json: Json = False) -> None:
    """Print a new random password once; the account's sessions end, and a lock too."""
    from portal.accounts import store

    _say_password(name, store.new_password(name, by=operator()), json)


def disable(name: Name, json: Json = False) -> None:
    """Close an account and end its sessions; accounts are not removed, because the audit log names them."""
    from portal.accounts import store

    store.disable(name, by=operator())
    show(name, json)


def enable(name: Name, json: Json = False) -> None:
    """Open a disabled account again, with the password that it had."""
    from portal.accounts import store

    store.enable(name, by=operator())
    show(name, json)


def end_sessions(name: Name, json: Json = False) -> None:
    """End all sessions of an account, on all devices."""
    from portal.accounts import store

    store.end_sessions(name, by=operator())
    show(name, json)


def start_of(day: str | None) -> datetime | None:
    """The start of a day in China, where its reader is."""
    from ingest.register.today import HERE

    if day is None:
        return None
    try:
        return datetime.combine(date.fromisoformat(day), time.min, HERE)
    except ValueError:
        raise UsageError(f"{day} is no date; write it as 2027-06-30") from None


def _end_of(day: str | None) -> datetime | None:
    start = start_of(day)
    return start + timedelta(days=1) if start else None


def _say_password(name: str, text: str, json: bool) -> None:
    if json:
        console.as_json([{"name": name, "password": text}])
    else:
        console.say(f"{name} 的初始密码，仅显示一次 first password, shown this once: {text}")
        console.say("it has to be changed at the first sign-in")


def _user(account: Account) -> dict[str, Any]:
    return row_of(account) | {"disabled_at": shown(account.disabled_at)}


def register(app: typer.Typer) -> None:
    """Add the group of commands to the command line."""
    help_ = "账户 Accounts: create, change, disable and list who may sign in to pages and API."
    add_group(app, "user", help_, list_, add, change, show, password, disable, enable, end_sessions)
