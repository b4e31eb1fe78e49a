"""API tokens: a random text that a program sends instead of a password, with a role, scope and rights of its own.

Only the SHA-256 hash of a token is stored. It has 256 random bits, so nobody can guess it from the hash, and a slow
hash, which passwords need, would only make every request slow.
"""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, cast

from portal.access.viewer import Right, Role, Viewer
from portal.accounts import audit, database
from portal.accounts.audit import Actor
from portal.accounts.database import as_text
from portal.accounts.errors import (
    ExpiredTokenError,
    NameTakenError,
    RevokedTokenError,
    UnavailableError,
    UnknownNameError,
    UnknownTokenError,
    WrongCallError,
)
from portal.accounts.store import as_columns, check_name, refuse_visitor, seen

#: Begins every token, so that scanners of repositories and logs recognise a leaked one.
PREFIX = "brain_"
DEFAULT_DAYS = 90
MOST_DAYS = 366


@dataclass(frozen=True)
class Token:
    """One row of the table; the token itself is not in it."""

    name: str
    role: str
    scope: str
    rights: tuple[str, ...]
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    #: Last day, in UTC, on which it was used.
    last_used_day: date | None

    @property
    def viewer(self) -> Viewer:
        """Its viewer; the name says that it is a token's, because an account may have the same."""
        rights = cast(frozenset[Right], frozenset(self.rights))
        return Viewer(f"token:{self.name}", cast(Role, self.role), self.scope, rights)

    @property
    def state(self) -> str:
        """revoked, expired or active."""
        if self.revoked_at:
            return "revoked"
        return "expired" if self.expires_at <= database.now() else "active"


def issue(viewer: Viewer, *, by: Actor, days: int = DEFAULT_DAYS) -> str:
    """Issue a token for a viewer, by its name; its text, which nothing else ever shows.

    Raises:
        NameTakenError: the name belongs to a token, ended ones included.
        WrongCallError: the name or the number of days cannot be, or the role is that of visitors.
    """
    check_name(viewer.name)
    refuse_visitor(viewer)
    if not 1 <= days <= MOST_DAYS:
        raise WrongCallError(
            f"令牌有效期为 1 至 {MOST_DAYS} 天。", f"a token is valid for 1 to {MOST_DAYS} days, not {days}"
        )
    text = PREFIX + secrets.token_urlsafe(32)
    with database.changing() as db:
        if db.execute("SELECT 1 FROM token WHERE name = ?", (viewer.name,)).fetchone():
            raise NameTakenError(
                f"令牌 {viewer.name} 已存在。",
                f"there is a token {viewer.name} already; take another name, such as {viewer.name}-2",
            )
        now = database.now()
        expires_at = as_text(now + timedelta(days=days))
        audit.record(by, "token.issue", viewer.name, seen(viewer) | {"expires_at": expires_at})
        db.execute(
            "INSERT INTO token VALUES (?, ?, ?, ?, ?, ?, ?, NULL, NULL)",
            (viewer.name, *as_columns(viewer), _hash(text), as_text(now), expires_at),
        )
    return text


def by_token(text: str) -> Viewer:
    """The viewer of a token that a program sent.

    Raises:
        UnknownTokenError: there is no such token.
        RevokedTokenError: it was revoked.
        ExpiredTokenError: its time is over.
    """
    with database.reading() as db:
        # the hash is looked up, so the time of a comparison tells about the hash at most, which is of no use
        row = db.execute("SELECT * FROM token WHERE token_hash = ?", (_hash(text),)).fetchone()
    if row is None:
        raise UnknownTokenError
    token = _of(row)
    if token.revoked_at:
        raise RevokedTokenError(token.name, f"{token.revoked_at:%Y-%m-%d}")
    if token.state == "expired":
        raise ExpiredTokenError(token.name, f"{token.expires_at:%Y-%m-%d}")
    today = database.now().date()
    if token.last_used_day != today:
        with (
            suppress(UnavailableError),
            database.changing() as db,
        ):  # the day is for tidying up; reading goes on
            db.execute("UPDATE token SET last_used_day = ? WHERE name = ?", (today.isoformat(), token.name))
    return token.viewer


def revoke(name: str, *, by: Actor) -> None:
    """End a token at once; nothing happens if it is revoked already.

    Raises:
        UnknownNameError: there is no token of this name.
    """
    with database.changing() as db:
        row = db.execute("SELECT * FROM token WHERE name = ?", (name,)).fetchone()
        if row is None:
            raise UnknownNameError(
                f"没有令牌 {name}。", f"there is no token {name}; ./brain token list shows all"
            )
        if row["revoked_at"] is None:
            audit.record(by, "token.revoke", row["name"])
            db.execute("UPDATE token SET revoked_at = ? WHERE name = ?", (as_text(database.now()), name))


def tokens() -> list[Token]:
    """All tokens by name."""
    with database.reading() as db:
        return [_of(row) for row in db.execute("SELECT * FROM token ORDER BY name")]


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def _of(row: sqlite3.Row) -> Token:
    day: Any = row["last_used_day"]
    revoked: Any = row["revoked_at"]
    return Token(
        name=row["name"],
        role=row["role"],
        scope=row["scope"],
        rights=tuple(filter(None, row["rights"].split(","))),
        created_at=datetime.fromisoformat(row["created_at"]),
        expires_at=datetime.fromisoformat(row["expires_at"]),
        revoked_at=datetime.fromisoformat(revoked) if revoked else None,
        last_used_day=date.fromisoformat(day) if day else None,
    )
