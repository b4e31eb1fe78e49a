"""Accounts: a name, a password, what it may see, and how long.

One row of ``account`` is one account for ever: it is disabled, never removed, so that a name in the audit log means one
person. Every change is written to the audit log before it is committed.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from portal.access.viewer import RIGHTS, Right, Role, Viewer
from portal.accounts import audit, database, passwords
from portal.accounts.audit import Actor
from portal.accounts.database import as_text
from portal.accounts.errors import (
    ClosedAccountError,
    FirstPasswordError,
    LockedError,
    NameTakenError,
    SessionEndedError,
    SignInError,
    UnknownNameError,
    WeakPasswordError,
    WrongCallError,
)

FIRST_ACCOUNT = "admin"
#: After this many failures in a row each further one locks the name for ``LOCK``: 288 guesses a day at most.
MOST_FAILURES = 10
LOCK = timedelta(minutes=5)
#: Failures are forgotten after this time, and unknown names with them.
FORGOTTEN_AFTER = timedelta(days=1)

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]{1,31}")


@dataclass(frozen=True)
class Account:
    """One row of the table; ``viewer`` checks it."""

    name: str
    role: str
    scope: str
    rights: tuple[str, ...]
    must_change_password: bool
    created_at: datetime
    expires_at: datetime | None
    disabled_at: datetime | None
    sessions_valid_from: datetime

    @property
    def viewer(self) -> Viewer:
        return Viewer(
            self.name, cast(Role, self.role), self.scope, cast(frozenset[Right], frozenset(self.rights))
        )

    @property
    def state(self) -> str:
        """disabled, expired, first_password or active."""
        if self.disabled_at:
            return "disabled"
        if self.expires_at and self.expires_at <= database.now():
            return "expired"
        return "first_password" if self.must_change_password else "active"


def create(viewer: Viewer, *, by: Actor, expires_at: datetime | None = None) -> str:
    """Create an account for a viewer, by its name; the first password, which nothing else ever shows.

    Raises:
        NameTakenError: the name belongs to an account, disabled ones included.
        WrongCallError: the name or the date cannot be, or the role is that of visitors.
    """
    check_name(viewer.name)
    _check(viewer, expires_at)
    password = passwords.first_password()
    password_hash = passwords.hashed(password)
    with database.changing() as db:
        if db.execute("SELECT 1 FROM account WHERE name = ?", (viewer.name,)).fetchone():
            raise NameTakenError(
                f"账户 {viewer.name} 已存在。",
                f"there is an account {viewer.name} already; take another name",
            )
        audit.record(by, "account.create", viewer.name, seen(viewer) | {"expires_at": _text(expires_at)})
        now = as_text(database.now())
        db.execute(
            "INSERT INTO account VALUES (?, ?, ?, ?, ?, 1, ?, ?, NULL, ?)",
            (viewer.name, *as_columns(viewer), password_hash, now, _text(expires_at), now),
        )
    return password


def ensure_first(*, by: Actor = audit.PLATFORM) -> str | None:
    """Create ``admin`` if there is no account; its first password, to be printed once."""
    if accounts():
        return None
    try:
        return create(Viewer(FIRST_ACCOUNT, "city", rights=frozenset(RIGHTS)), by=by)
    except NameTakenError:  # another process was faster, and it prints the password
        return None


def change(viewer: Viewer, *, by: Actor, expires_at: datetime | None = None) -> None:
    """Give an account another role, scope, rights and end; sessions under way see it at their next request."""
    _check(viewer, expires_at)
    with database.changing() as db:
        before = _account(db, viewer.name)
        details = {"before": seen(before.viewer) | {"expires_at": _text(before.expires_at)}}
        audit.record(
            by, "account.change", before.name, details | seen(viewer) | {"expires_at": _text(expires_at)}
        )
        db.execute(
            "UPDATE account SET role = ?, scope = ?, rights = ?, expires_at = ? WHERE name = ?",
            (*as_columns(viewer), _text(expires_at), viewer.name),
        )


def authenticate(name: str, password: str, source: str = "") -> Viewer:
    """The viewer behind a name and its password.

    The attempt is counted before the password is looked at, so that attempts at the same time are counted too. Unknown
    names are counted and locked as others are, and checking them takes as long.

    Args:
        source: where the attempt came from, for the audit log; an address.

    Raises:
        LockedError: too many attempts failed, whether or not this password is right.
        SignInError: name or password is wrong.
        ClosedAccountError: both are right, but the account is disabled or has expired.
    """
    count = _count_attempt(name) if _NAME.fullmatch(name) else 0
    with database.reading() as db:
        row = db.execute("SELECT * FROM account WHERE name = ?", (name,)).fetchone()
    found = _of(row) if row else None
    if not passwords.matches(row["password_hash"] if row else None, password) or found is None:
        if found:  # what is no account may be a password that was typed into the wrong field
            details = {"source": source, "failures": count, "is_locked": count >= MOST_FAILURES}
            audit.record(audit.Operator(found.name, found.role), "sign_in.refused", details=details)
        raise SignInError
    _refuse_closed(found)
    details = {"source": source}
    audit.record(found.viewer, "sign_in", details=details)
    with database.changing() as db:
        db.execute("DELETE FROM failed_sign_in WHERE name = ?", (name,))
        if passwords.needs_rehash(row["password_hash"]):
            # by the old hash too: another process may have set a new password
            db.execute(
                "UPDATE account SET password_hash = ? WHERE name = ? AND password_hash = ?",
                (passwords.hashed(password), name, row["password_hash"]),
            )
    return found.viewer


def viewer_of(name: str, signed_in_at: datetime, *, is_changing_password: bool = False) -> Viewer:
    """The viewer of a session under way, with today's role and rights.

    Args:
        signed_in_at: real time with microseconds, taken after ``authenticate``.
        is_changing_password: the one page that a first password opens.

    Raises:
        SessionEndedError: the account's sessions ended after the sign-in, or it does not exist.
        ClosedAccountError: the account is disabled or has expired.
        FirstPasswordError: the password has to be changed first.
    """
    with database.reading() as db:
        row = db.execute("SELECT * FROM account WHERE name = ?", (name,)).fetchone()
    if row is None:
        raise SessionEndedError
    found = _of(row)
    _refuse_closed(found)
    if signed_in_at < found.sessions_valid_from:
        raise SessionEndedError
    if found.must_change_password and not is_changing_password:
        raise FirstPasswordError
    return found.viewer


def set_password(name: str, password: str, *, by: Actor) -> None:
    """Set a password that its owner chose; all sessions of the account end.

    Raises:
        WeakPasswordError: the password is too short or foreseeable, or it is the present one.
    """
    found = account(name)
    passwords.refuse_weak(found.name, password)
    with database.reading() as db:
        present = db.execute("SELECT password_hash FROM account WHERE name = ?", (name,)).fetchone()[0]
    if passwords.matches(present, password):
        raise WeakPasswordError("新密码与现密码相同。", "this is the present password; choose another one")
    _set_hash(found.name, passwords.hashed(password), by, must_change=False)


def new_password(name: str, *, by: Actor) -> str:
    """Give an account a random password, which has to be changed at the next sign-in; all its sessions end."""
    found = account(name)
    password = passwords.first_password()
    _set_hash(found.name, passwords.hashed(password), by, must_change=True)
    return password


def disable(name: str, *, by: Actor) -> None:
    """Close an account and end its sessions; nothing happens if it is disabled already."""
    with database.changing() as db:
        found = _account(db, name)
        if found.disabled_at is None:
            audit.record(by, "account.disable", found.name)
            now = as_text(database.now())
            db.execute(
                "UPDATE account SET disabled_at = ?, sessions_valid_from = ? WHERE name = ?", (now, now, name)
            )


def enable(name: str, *, by: Actor) -> None:
    """Open a disabled account again, with the password that it had."""
    with database.changing() as db:
        found = _account(db, name)
        if found.disabled_at is not None:
            audit.record(by, "account.enable", found.name)
            db.execute("UPDATE account SET disabled_at = NULL WHERE name = ?", (name,))


def end_sessions(name: str, *, by: Actor) -> None:
    """End all sessions of an account, on all devices."""
    with database.changing() as db:
        found = _account(db, name)
        audit.record(by, "account.end_sessions", found.name)
        now = as_text(database.now())
        db.execute("UPDATE account SET sessions_valid_from = ? WHERE name = ?", (now, name))


def account(name: str) -> Account:
    """One account.

    Raises:
        UnknownNameError: there is none of this name.
    """
    with database.reading() as db:
        return _account(db, name)


def accounts() -> list[Account]:
    """All accounts by name."""
    with database.reading() as db:
        return [_of(row) for row in db.execute("SELECT * FROM account ORDER BY name")]


def oldest_created_at() -> str | None:
    """When the first account was made: the audit log begins before."""
    with database.reading() as db:
        return cast(str | None, db.execute("SELECT min(created_at) FROM account").fetchone()[0])


def locked_until(name: str) -> datetime | None:
    """Until when failed sign-ins lock an account; nothing if they do not."""
    with database.reading() as db:
        row = db.execute("SELECT locked_until FROM failed_sign_in WHERE name = ?", (name,)).fetchone()
    until = _time(row["locked_until"]) if row else None
    return until if until and until > database.now() else None


def check_name(name: str) -> None:
    """Refuse a name that is no short word: it stands in logs, addresses and commands.

    Raises:
        WrongCallError: the sentence says what a name is.
    """
    if not _NAME.fullmatch(name):
        raise WrongCallError(
            "名称须为 2 至 32 个英文字母、数字或 . _ -，且以字母开头。",
            f"{name!r} is no name: 2 to 32 letters, digits or . _ -, a letter first",
        )


def as_columns(viewer: Viewer) -> tuple[str, str, str]:
    """Role, scope and rights as tables of the database have them."""
    return viewer.role, viewer.scope, ",".join(sorted(viewer.rights))


def seen(viewer: Viewer) -> dict[str, Any]:
    """What a viewer may see, for the audit log."""
    return {"role": viewer.role, "scope": viewer.scope, "rights": sorted(viewer.rights)}


def refuse_visitor(viewer: Viewer) -> None:
    if viewer.is_visitor:
        raise WrongCallError("公众访问无需账户。", "the role public needs no account: it is that of visitors")


def _check(viewer: Viewer, expires_at: datetime | None) -> None:
    refuse_visitor(viewer)
    if expires_at and expires_at <= database.now():
        raise WrongCallError("到期日已过。", "the account would have expired already; name a later date")


def _set_hash(name: str, password_hash: str, by: Actor, *, must_change: bool) -> None:
    with database.changing() as db:
        audit.record(by, "account.new_password" if must_change else "account.set_password", name)
        db.execute(
            "UPDATE account SET password_hash = ?, must_change_password = ?, sessions_valid_from = ? WHERE name = ?",
            (password_hash, int(must_change), as_text(database.now()), name),
        )
        db.execute("DELETE FROM failed_sign_in WHERE name = ?", (name,))


def _count_attempt(name: str) -> int:
    """Count an attempt as failed until it succeeds; the number of failures in a row."""
    with database.changing() as db:
        now = database.now()
        db.execute("DELETE FROM failed_sign_in WHERE last_at < ?", (as_text(now - FORGOTTEN_AFTER),))
        row = db.execute("SELECT * FROM failed_sign_in WHERE name = ?", (name,)).fetchone()
        until = _time(row["locked_until"]) if row else None
        if until and until > now:
            raise LockedError((until - now).total_seconds())
        count = (int(row["count"]) if row else 0) + 1
        lock = as_text(now + LOCK) if count >= MOST_FAILURES else None
        db.execute(
            "INSERT OR REPLACE INTO failed_sign_in VALUES (?, ?, ?, ?)", (name, count, as_text(now), lock)
        )
    return count


def _refuse_closed(found: Account) -> None:
    if found.state == "disabled":
        raise ClosedAccountError(
            "账户已停用，请联系管理员。", "this account is disabled; ask the administrator"
        )
    if found.state == "expired":
        raise ClosedAccountError(
            "账户已到期，请联系管理员。", "this account has expired; ask the administrator"
        )


def _account(db: sqlite3.Connection, name: str) -> Account:
    row = db.execute("SELECT * FROM account WHERE name = ?", (name,)).fetchone()
    if row is None:
        raise UnknownNameError(
            f"没有账户 {name}。", f"there is no account {name}; ./brain user list shows all"
        )
    return _of(row)


def _of(row: Mapping[str, Any] | sqlite3.Row) -> Account:
    return Account(
        name=row["name"],
        role=row["role"],
        scope=row["scope"],
        rights=tuple(filter(None, row["rights"].split(","))),
        must_change_password=bool(row["must_change_password"]),
        created_at=datetime.fromisoformat(row["created_at"]),
        expires_at=_time(row["expires_at"]),
        disabled_at=_time(row["disabled_at"]),
        sessions_valid_from=datetime.fromisoformat(row["sessions_valid_from"]),
    )


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _text(at: datetime | None) -> str | None:
    return as_text(at) if at else None
