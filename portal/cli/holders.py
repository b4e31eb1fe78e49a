"""What accounts and tokens share on the command line: who holds one, and what it lets see."""

from __future__ import annotations

import getpass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from portal.cli import console

if TYPE_CHECKING:
    from portal.access.viewer import Right, Role, Viewer
    from portal.accounts.audit import Operator
    from portal.accounts.store import Account
    from portal.accounts.tokens import Token

Name = Annotated[str, typer.Argument(help="Name, in small or capital letters.")]
RoleOption = Annotated[
    str, typer.Option("--role", help="city, district, town, enterprise, analyst or application.")
]
ScopeOption = Annotated[
    str, typer.Option("--scope", help="District, town or credit code, as the role needs it.")
]
RightsOption = Annotated[
    list[str] | None, typer.Option("--right", help="statistics, quarantine or accounts; may be given again.")
]


def operator() -> Operator:
    """The actor of a command in the audit log: this user of the operating system."""
    from portal.accounts.audit import Operator

    return Operator(f"cli:{getpass.getuser()}")


def viewer_of(name: str, role: str, scope: str, rights: list[str] | None) -> Viewer:
    from portal.access.viewer import Viewer

    return Viewer(name, cast("Role", role), scope, cast("frozenset[Right]", frozenset(rights or ())))


def row_of(holder: Account | Token) -> dict[str, Any]:
    """What lists say of an account and of a token alike."""
    return {
        "name": holder.name,
        "state": holder.state,
        "role": holder.role,
        "scope": holder.scope,
        "rights": list(holder.rights),
        "created_at": shown(holder.created_at),
        "expires_at": shown(holder.expires_at),
    }


def show_rows(rows: list[dict[str, Any]], title: str, json: bool) -> None:
    if json:
        console.as_json(rows)
    else:
        console.show(rows, title)


def shown(at: datetime | None) -> str | None:
    """A time in UTC, to the second."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ") if at else None
