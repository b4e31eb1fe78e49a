"""The database of accounts and tokens: one SQLite file of a home, which several processes read and write."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from portal.accounts.errors import UnavailableError
from warehouse.settings import settings
from warehouse.sqlite_transaction import transaction

#: Seconds that a change waits for another process's.
WAIT_SECONDS = 10
VERSION = 1

_SCHEMA = """
CREATE TABLE account (
    name TEXT PRIMARY KEY COLLATE NOCASE,
    role TEXT NOT NULL,
    scope TEXT NOT NULL,
    rights TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    must_change_password INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    expires_at TEXT,
    disabled_at TEXT,
    sessions_valid_from TEXT NOT NULL
) STRICT;
CREATE TABLE token (
    name TEXT PRIMARY KEY COLLATE NOCASE,
    role TEXT NOT NULL,
    scope TEXT NOT NULL,
    rights TEXT NOT NULL,
    token_hash TEXT NOT NULL UNIQUE,
    created_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    revoked_at TEXT,
    last_used_day TEXT
) STRICT;
CREATE TABLE failed_sign_in (
    name TEXT PRIMARY KEY COLLATE NOCASE,
    count INTEGER NOT NULL,
    last_at TEXT NOT NULL,
    locked_until TEXT
) STRICT;
"""


def folder() -> Path:
    return settings().home / "accounts"


def now() -> datetime:
    """Real time: accounts and tokens end by the clock, whatever day the city has."""
    return datetime.now(UTC)


def as_text(at: datetime) -> str:
    """A time as the database has it: UTC with microseconds, so that texts sort as times do."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


@contextmanager
def reading() -> Iterator[sqlite3.Connection]:
    """A connection for reading.

    Raises:
        UnavailableError: the file is damaged, locked too long or may not be read.
    """
    with _told(), closing(_connect()) as db:
        yield db


@contextmanager
def changing() -> Iterator[sqlite3.Connection]:
    """One transaction, on disk when the block ends, undone if it raises; other changes wait for it.

    Raises:
        UnavailableError: the file is damaged, locked too long or may not be written, or the disk is full.
    """
    with _told(), closing(_connect()) as db, transaction(db):
        yield db


def _connect() -> sqlite3.Connection:
    """A connection of its own for each use, because threads may not share one.

    The journal is the default one, deleted after each change: then the one file is everything, and a copy of a home has
    all accounts. EXTRA also syncs the folder after the deletion; without it a power cut could undo the change.
    """
    file = folder() / "accounts.sqlite"
    if not file.exists():
        folder().mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(file, os.O_CREAT, 0o600))
    db = sqlite3.connect(file, timeout=WAIT_SECONDS, isolation_level=None)
    try:
        db.row_factory = sqlite3.Row
        db.execute("PRAGMA synchronous = EXTRA")
        version = _version(db)
        if version == 0:
            _refuse_to_begin_anew(file)
            db.execute("BEGIN IMMEDIATE")
            if _version(db) == 0:  # no other process was faster
                for statement in _SCHEMA.split(";")[:-1]:
                    db.execute(statement)
                db.execute(f"PRAGMA user_version = {VERSION}")
            db.execute("COMMIT")
        elif version != VERSION:
            raise UnavailableError(
                f"账户库 {file} 由更新版本的程序建立，请升级程序。",
                f"{file} was made by a newer version of the platform; update it",
            )
    except BaseException:
        db.close()
        raise
    return db


def _refuse_to_begin_anew(file: Path) -> None:
    """Refuse an empty database beside a log that names accounts: it was lost, and a new one would hide that."""
    from portal.accounts.verification import entries

    if any(entry.action in ("account.create", "token.issue") for entry in entries()):
        raise UnavailableError(
            "账户库丢失，请联系管理员从备份恢复。",
            f"{file} is missing or empty, but the audit log names accounts: restore it from a backup, or move the "
            f"folder {file.parent} away to begin anew",
        )


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


@contextmanager
def _told() -> Iterator[None]:
    """Failures of SQLite and of the disk as one sentence."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        name = getattr(error, "sqlite_errorname", "")
        file = folder() / "accounts.sqlite"
        if name.startswith("SQLITE_FULL"):
            raise UnavailableError(
                "磁盘已满，账户库无法写入，请联系管理员。",
                f"the disk of {file} is full; make room and try again",
            ) from error
        if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            raise UnavailableError(
                "账户库正忙，请稍后重试。", "another process is writing the accounts; try again"
            ) from error
        if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_IOERR")):
            raise UnavailableError(
                "账户库无法读写，请联系管理员。", f"{file} cannot be read and written by this user ({error})"
            ) from error
        raise UnavailableError(
            "账户库已损坏，请联系管理员从备份恢复。", f"{file} is damaged ({error}); restore it from a backup"
        ) from error
    except OSError as error:
        raise UnavailableError(
            "账户库无法读写，请联系管理员。",
            f"{error.filename or folder()}: {error.strerror}; accounts need it",
        ) from error
