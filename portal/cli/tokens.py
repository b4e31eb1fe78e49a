"""``./brain token``: what programs send instead of a password."""

from __future__ import annotations

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

if TYPE_CHECKING:
    from portal.accounts.tokens import Token


def list_(json: Json = False) -> None:
    """List the tokens with their state; the tokens themselves are stored nowhere."""
    from portal.accounts import tokens

    show_rows([_token(token) for token in tokens.tokens()], "令牌 Tokens", json)


def add(
    name: Name,
    role: RoleOption,
    scope: ScopeOption = "",
    right: RightsOption = None,
    days: Annotated[int, typer.Option(help="Days for which it is valid, 366 at most.")] = 90,
    json: Json = False,
) -> None:
    """Issue a token for a program, and print it once."""
    from portal.accounts import tokens

    text = tokens.issue(viewer_of(name, role, scope, right), by=operator(), days=days)
    if json:
        console.as_json([{"name": name, "token": text}])
    else:
        console.say(f"令牌仅显示一次 the token, shown this once: {text}")
        console.say("a program sends it as the header  Authorization: Bearer …")


def revoke(name: Name, json: Json = False) -> None:
    """End a token at once."""
    from portal.accounts import tokens

    tokens.revoke(name, by=operator())
    found = [_token(token) for token in tokens.tokens() if token.name.lower() == name.lower()]
    show_rows(found, "令牌 Tokens", json)


def _token(token: Token) -> dict[str, Any]:
    return row_of(token) | {
        "revoked_at": shown(token.revoked_at),
        "last_used_day": token.last_used_day.isoformat() if token.last_used_day else None,
    }


def register(app: typer.Typer) -> None:
    """Add the group of commands to the command line."""
    help_ = "令牌 Tokens: issue, revoke and list what programs send instead of a password."
    add_group(app, "token", help_, list_, add, revoke)
