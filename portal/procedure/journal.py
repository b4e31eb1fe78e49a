"""The journal of decisions: one append-only table of a SQLite file, and what of it was delivered.

An entry is written in one transaction with its checks, so of two clerks at once the second sees the first one's
decision. Nothing is changed or deleted; triggers of the database refuse it.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from portal.accounts.audit import Actor
from portal.accounts.database import as_text, now
from portal.procedure.errors import JournalError
from warehouse.settings import settings
from warehouse.sqlite_transaction import transaction

WAIT_SECONDS = 10

_SCHEMA = """
CREATE TABLE entry (
    number INTEGER PRIMARY KEY,
    feed TEXT NOT NULL,
    period TEXT NOT NULL,
    district TEXT NOT NULL,
    year TEXT NOT NULL,
    record_key TEXT NOT NULL,
    content TEXT NOT NULL,
    account TEXT NOT NULL,
    role TEXT NOT NULL,
    at TEXT NOT NULL,
    UNIQUE (feed, period, record_key)
) STRICT;
CREATE TABLE delivery (
    feed TEXT NOT NULL,
    period TEXT NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    at TEXT NOT NULL,
    is_written INTEGER NOT NULL,
    PRIMARY KEY (feed, period, first)
) STRICT;
CREATE TRIGGER entries_stay BEFORE UPDATE ON entry BEGIN SELECT RAISE(ABORT, 'entries are never changed'); END;
CREATE TRIGGER entries_last BEFORE DELETE ON entry BEGIN SELECT RAISE(ABORT, 'entries are never deleted'); END;
PRAGMA user_version = 1;
"""


@dataclass(frozen=True)
class Entry:
    """One decision: a record of a feed, as its contract has it, and who made it."""

    number: int
    feed: str
    #: Period of the feed's record.
    period: str
    district: str
    #: Evaluation year.
    year: str
    record_key: str
    record: Mapping[str, Any]
    account: str
    role: str
    at: str


@dataclass(frozen=True)
class Delivery:
    """Entries of one feed and period that go into one file."""

    feed: str
    period: str
    first: int
    last: int
    at: str


def file() -> Path:
    return settings().home / "procedure" / "journal.sqlite"


@contextmanager
def reading() -> Iterator[sqlite3.Connection]:
    with _told(), closing(_connect()) as db:
        yield db


@contextmanager
def changing() -> Iterator[sqlite3.Connection]:
    """One transaction, on disk when the block ends, undone if it raises; others wait for it.

    Raises:
        JournalError: the file is damaged, locked too long or may not be written, or the disk is full.
    """
    with _told(), closing(_connect()) as db, transaction(db):
        yield db


def append(
    db: sqlite3.Connection, by: Actor, feed: str, period: str, district: str, year: str, key: str,
    record: Mapping[str, Any],
) -> None:  # fmt: skip
    """Add an entry.

    Raises:
        sqlite3.IntegrityError: the feed has a record with this key already.
    """
    text = json.dumps(record, ensure_ascii=False)
    db.execute(
        "INSERT INTO entry (feed, period, district, year, record_key, content, account, role, at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (feed, period, district, year, key, text, by.name, by.role, as_text(now())),
    )


def entries(db: sqlite3.Connection, feed: str, district: str = "", year: str = "") -> list[Entry]:
    """Entries of a feed in their order, all or those of a district and year."""
    rows = db.execute(
        "SELECT * FROM entry WHERE feed = ? AND (district = ? OR ? = '') AND (year = ? OR ? = '') ORDER BY number",
        (feed, district, district, year, year),
    )
    return [_of(row) for row in rows]


def between(db: sqlite3.Connection, delivery: Delivery) -> list[Entry]:
    """The entries of a delivery."""
    rows = db.execute(
        "SELECT * FROM entry WHERE feed = ? AND period = ? AND number BETWEEN ? AND ? ORDER BY number",
        (delivery.feed, delivery.period, delivery.first, delivery.last),
    )
    return [_of(row) for row in rows]


# --- deliveries ----------------------------------------------------------------------------------------


def plan_deliveries() -> list[Delivery]:
    """Deliveries whose files are to be written: those of entries without one, and those a kill left unwritten."""
    with changing() as db:
        db.execute(
            "INSERT INTO delivery SELECT feed, period, min(number), max(number), ?, 0 FROM entry e WHERE number > "
            "coalesce((SELECT max(last) FROM delivery d WHERE d.feed = e.feed AND d.period = e.period), 0) "
            "GROUP BY feed, period",
            (as_text(now()),),
        )
        rows = db.execute(
            "SELECT feed, period, first, last, at FROM delivery WHERE is_written = 0"
        ).fetchall()
    return [Delivery(*row) for row in rows]


def written(delivery: Delivery) -> None:
    """The delivery's file and manifest are on disk."""
    with changing() as db:
        db.execute(
            "UPDATE delivery SET is_written = 1 WHERE feed = ? AND period = ? AND first = ?",
            (delivery.feed, delivery.period, delivery.first),
        )


# --- the file ------------------------------------------------------------------------------------------


def _of(row: sqlite3.Row) -> Entry:
    values = dict(row)
    return Entry(record=json.loads(values.pop("content")), **values)


def _connect() -> sqlite3.Connection:
    path = file()
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT, 0o600))
    db = sqlite3.connect(path, timeout=WAIT_SECONDS, isolation_level=None)
    try:
        db.row_factory = sqlite3.Row
        db.execute("PRAGMA synchronous = EXTRA")
        if not db.execute("PRAGMA user_version").fetchone()[0]:
            _refuse_to_begin_anew(path)
            db.execute("BEGIN IMMEDIATE")
            if not db.execute("PRAGMA user_version").fetchone()[0]:  # no other process was faster
                for statement in _statements():
                    db.execute(statement)
            db.execute("COMMIT")
    except BaseException:
        db.close()
        raise
    return db


def _statements() -> Iterator[str]:
    """The schema's statements; a trigger has semicolons of its own."""
    text = ""
    for line in _SCHEMA.strip().splitlines():
        text += line + "\n"
        if sqlite3.complete_statement(text):
            yield text
            text = ""


def _refuse_to_begin_anew(path: Path) -> None:
    """Refuse an empty journal beside a log that names decisions: it was lost, and a new one would hide that."""
    from portal.accounts.verification import entries as audit_entries

    if any(entry.action.startswith("procedure.") for entry in audit_entries()):
        raise JournalError(
            "流程日志丢失，请联系管理员从备份恢复。",
            f"{path} is missing or empty, but the audit log names decisions: restore it from a backup",
        )


@contextmanager
def _told() -> Iterator[None]:
    """Failures of SQLite and of the disk as one sentence."""
    try:
        yield
    except sqlite3.IntegrityError:
        raise
    except (sqlite3.DatabaseError, OSError) as error:
        name = getattr(error, "sqlite_errorname", "")
        if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            raise JournalError(
                "流程日志正忙，请稍后重试。", "another decision is being written; try again"
            ) from error
        raise JournalError(
            "流程日志无法读写，请联系管理员。",
            f"{file()} cannot be read and written ({error}); nothing was decided",
        ) from error
