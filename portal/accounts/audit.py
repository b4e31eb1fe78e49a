"""The audit log: who read which firm and who changed what. A line is a JSON object with the hash of the line before.

``<home>/accounts/audit/2026-11.jsonl`` has the entries of a month; the chain goes on from month to month. The head,
``<home>/accounts/audit-head.json``, names the last entry, so that a cut end is found. It lies outside the log's folder,
so that a removed folder is found too. Changes are on disk before ``record`` returns, and so before they take effect.
Reads are synced together, at most a second later: an ``fsync`` for each would make a page wait for the disk, and a
power cut that loses the last second of reads loses the pages with it. Writing is one module with what a power cut
leaves, because both depend on the same order of steps; ``portal/accounts/verification.py`` reads the log.
"""

from __future__ import annotations

import atexit
import fcntl
import hashlib
import json
import logging
import os
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from datetime import datetime
from functools import cache, cached_property
from pathlib import Path
from threading import Lock, Timer
from typing import Any, Protocol

from portal.accounts import database
from portal.accounts.errors import AuditError
from warehouse.state import is_disk_full, sync

#: Hash before the first entry.
START = "0" * 64
#: Seconds after which reads are on disk.
SYNC_SECONDS = 1.0
#: A read of the same firm by the same actor within these seconds is no new entry: one page asks several times, for its
#: parts, charts and pictures, and each would be an entry that tells nothing new.
SAME_READ_SECONDS = 60
#: Reads remembered for that.
REMEMBERED = 10_000
WAIT_SECONDS = 5
#: The head is overwritten in place with a text of this length, less than a sector of a disk, so never half.
HEAD_BYTES = 510

log = logging.getLogger("brain.audit")


class Actor(Protocol):
    """Who acts: a ``Viewer``, or the operator of the command line."""

    @property
    def name(self) -> str: ...
    @property
    def role(self) -> str: ...


@dataclass(frozen=True)
class Operator:
    """A person with access to the home itself, or the platform."""

    name: str
    role: str = "operator"


#: Entries that the log makes about itself.
PLATFORM = Operator("brain", "platform")


@dataclass(frozen=True)
class Entry:
    """One line of the log."""

    n: int
    at: str
    actor: str
    role: str
    action: str
    #: What was read or changed: a credit code, an account, a token.
    subject: str
    details: Mapping[str, Any]
    #: Hash of the entry before.
    previous: str

    @cached_property
    def body(self) -> bytes:
        """The entry as JSON in one form: fields in their order, no spaces, UTF-8."""
        return _json({field: getattr(self, field) for field in _FIELDS})

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the body, which is the line without its last field."""
        return hashlib.sha256(self.body).hexdigest()

    @property
    def line(self) -> bytes:
        return self.body[:-1] + b',"hash":"%b"}\n' % self.hash.encode()


_FIELDS = tuple(field.name for field in fields(Entry))


@dataclass(frozen=True)
class Head:
    """The last entry that was written, and the last one that is surely on disk."""

    n: int = 0
    hash: str = START
    #: Month and size of the file in which the last entry ends.
    month: str = ""
    size: int = 0
    synced_n: int = 0
    synced_hash: str = START


def record(
    by: Actor,
    action: str,
    subject: str = "",
    details: Mapping[str, Any] | None = None,
    *,
    is_read: bool = False,
) -> None:
    """Write an entry. A change is on disk when this returns; call it before the change takes effect.

    Args:
        is_read: the entry may wait a moment for the disk, and is left out within a minute of the same one.

    Raises:
        AuditError: the log cannot be written; refuse what should have been recorded.
    """
    log_of(database.folder()).record(by, action, subject, details or {}, is_read=is_read)


@cache
def log_of(folder: Path) -> AuditLog:
    return AuditLog(folder)


class AuditLog:
    """The log of one home, for the threads of this process; a file lock keeps the processes apart."""

    def __init__(self, accounts: Path) -> None:
        self.folder = accounts / "audit"
        self.head_file = accounts / "audit-head.json"
        self._threads = Lock()
        self._lock_file = accounts / "audit.lock"
        self._timer: Timer | None = None
        self._failed_sync: OSError | None = None
        self._reads: OrderedDict[tuple[str, ...], float] = OrderedDict()
        atexit.register(self._sync_at_exit)

    def record(
        self, by: Actor, action: str, subject: str, details: Mapping[str, Any], *, is_read: bool
    ) -> None:
        """See ``record`` of the module."""
        key = (by.name, by.role, action, subject, _json(dict(sorted(details.items()))).decode())
        with self.locked() as head:
            if is_read and self._is_repeated(key):
                return
            at = database.now()
            last = self._fitting(head, at)
            if self._failed_sync:
                self._sync(last)  # what was written before is not surely on disk, so nothing new is accepted
            last = self._append(last, at, by, action, subject, details)
            if not is_read:
                self._sync(last)
            elif self._timer is None:
                self._timer = Timer(SYNC_SECONDS, self._sync_reads)
                self._timer.daemon = True
                self._timer.start()
            if is_read:
                self._remember(key)

    @contextmanager
    def locked(self) -> Iterator[Head]:
        """Hold the log; the head as the last holder left it.

        Raises:
            AuditError: the log cannot be read or written, or another process holds it too long.
        """
        with self._threads:
            try:
                if not self.folder.is_dir():
                    for folder in (self.folder.parent, self.folder):  # parents would have another mode
                        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                        sync(folder.parent)
                with _held(self._lock_file):
                    head = self.head()
                    if head is None and not self.months():
                        # an entry without a head is then never the trace of a kill during the first one
                        self._write_head(Head())
                    yield head or Head()
            except TimeoutError:
                raise AuditError(
                    "审计日志正忙，请求已拒绝，请稍后重试。", "another process holds the audit log; try again"
                ) from None
            except OSError as error:
                if is_disk_full(error):
                    raise AuditError(
                        "磁盘已满，审计日志无法写入，请求已拒绝，请联系管理员。",
                        f"the disk of {self.folder} is full, so that the audit log cannot be written and the request "
                        "is refused; make room and try again",
                    ) from error
                raise AuditError(
                    "审计日志无法写入，请求已拒绝，请联系管理员。",
                    f"the audit log {self.folder} cannot be written ({error.strerror}), so that the request is refused",
                ) from error

    def months(self) -> list[str]:
        """Months that have a file, the earliest first."""
        return sorted(path.stem for path in self.folder.glob("????-??.jsonl"))

    def file(self, month: str) -> Path:
        return self.folder / f"{month}.jsonl"

    def head(self) -> Head | None:
        """The head; nothing if it is missing or damaged."""
        try:
            content = self.head_file.read_bytes()
            head = Head(**json.loads(content))
        except (FileNotFoundError, ValueError, TypeError):
            return None
        kinds = zip(vars(head).values(), vars(Head()).values(), strict=True)
        is_whole = len(content) == HEAD_BYTES + 1 and all(type(value) is type(one) for value, one in kinds)
        return head if is_whole else None

    def _size(self, month: str) -> int:
        """Size of a month's file; for no month, more than nothing if there is any file."""
        if not month:
            return 1 if self.months() else 0
        try:
            return self.file(month).stat().st_size
        except FileNotFoundError:
            return -1

    def _append(
        self, head: Head, at: datetime, by: Actor, action: str, subject: str, details: Mapping[str, Any]
    ) -> Head:
        # a clock that was set back does not open an earlier month's file again: files are read in order
        month = max(head.month, f"{at:%Y-%m}")
        entry = Entry(
            head.n + 1, database.as_text(at), by.name, by.role, action, subject, details, previous=head.hash
        )
        line = entry.line
        if (is_new := month != head.month) and head.month:
            sync(self.file(head.month))  # later syncs are of the new file
        handle = os.open(self.file(month), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            before = os.fstat(handle).st_size
            try:
                _write(handle, line)
            except OSError:
                os.ftruncate(handle, before)
                raise
        finally:
            os.close(handle)
        if is_new:
            sync(self.folder)
        head = replace(head, n=entry.n, hash=entry.hash, month=month, size=before + len(line))
        self._write_head(head)
        return head

    def _write_head(self, head: Head) -> None:
        text = _json(vars(head)).ljust(HEAD_BYTES) + b"\n"
        handle = os.open(self.head_file, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.pwrite(handle, text, 0)
        finally:
            os.close(handle)

    def _sync(self, head: Head) -> None:
        """Wait until all entries are on disk; only then the head says so."""
        try:
            if head.month:
                sync(self.file(head.month))
        except OSError as error:
            self._failed_sync = error
            self._reads.clear()
            raise
        self._failed_sync = None
        self._write_head(replace(head, synced_n=head.n, synced_hash=head.hash))

    def _sync_reads(self) -> None:
        self._timer = None
        try:
            with self.locked() as head:
                self._sync(self._fitting(head, database.now()))
        except AuditError as error:
            log.warning("the last entries of the audit log are not on disk: %s", error)

    def _sync_at_exit(self) -> None:
        if timer := self._timer:
            timer.cancel()
            self._sync_reads()

    def _is_repeated(self, key: tuple[str, ...]) -> bool:
        return time.monotonic() - self._reads.get(key, float("-inf")) < SAME_READ_SECONDS

    def _remember(self, key: tuple[str, ...]) -> None:
        self._reads[key] = time.monotonic()
        self._reads.move_to_end(key)
        while len(self._reads) > REMEMBERED:
            self._reads.popitem(last=False)

    def _fitting(self, head: Head, at: datetime) -> Head:
        return head if head.size == self._size(head.month) else self._recovered(head, at)

    def _recovered(self, head: Head, at: datetime) -> Head:
        """The head that fits the files, after a kill, a power cut or a hand that changed them.

        What is no whole entry at the end of the last file is moved to a file beside. Entries that were on disk and are
        gone leave a gap in the numbers, which ``verify`` finds for ever. Entries say what happened.
        """
        torn = self._set_aside(at)
        last, month = self._last_entry()
        size = self.file(month).stat().st_size if month else 0
        n, hash_ = (last.n, last.hash) if last else (0, START)
        notes: list[tuple[str, dict[str, Any]]] = []
        if torn:
            notes.append(("audit.torn", torn))
        if self.head() is None:
            notes.append(("audit.head_missing", {"last": n}))
        elif n < head.synced_n:
            notes.append(("audit.cut", {"first": n + 1, "last": head.synced_n}))
            n, hash_ = head.synced_n, head.synced_hash
        elif n == head.synced_n and hash_ != head.synced_hash:
            # the next entry follows the one that was there, so that the one that is there stays a fault
            notes.append(("audit.replaced", {"entry": n}))
            hash_ = head.synced_hash
        elif n < head.n:
            notes.append(("audit.lost_unsynced", {"first": n + 1, "last": head.n}))
        now = Head(n, hash_, month, size, min(head.synced_n, n), head.synced_hash)
        for action, details in notes:
            log.warning("%s: %s %s; ./brain audit verify says more", self.folder, action, details)
            now = self._append(now, at, PLATFORM, action, "", details)
        return now

    def _set_aside(self, at: datetime) -> dict[str, Any] | None:
        """Move what follows the last whole entry of the last file to a file beside; details for the log."""
        for month in reversed(self.months()):
            content = self.file(month).read_bytes()
            whole = len(content)
            while whole and parsed(content[_line_start(content, whole) : whole]) is None:
                whole = _line_start(content, whole)
            if whole == len(content):
                return None
            beside = self.folder / f"{month}.torn-{at:%Y%m%dT%H%M%S%f}"
            handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                _write(handle, content[whole:])
                os.fsync(handle)
            finally:
                os.close(handle)
            sync(self.folder)
            os.truncate(self.file(month), whole)
            sync(self.file(month))
            return {
                "file": beside.name,
                "bytes": len(content) - whole,
                "sha256": hashlib.sha256(content[whole:]).hexdigest(),
            }
        return None

    def _last_entry(self) -> tuple[Entry | None, str]:
        """The last entry, and the month of the last file."""
        months = self.months()
        for month in reversed(months):
            content = self.file(month).read_bytes()
            if content:
                return parsed(content[_line_start(content, len(content)) :]), months[-1]
        return None, months[-1] if months else ""


def parsed(line: bytes) -> Entry | None:
    """The entry that a line is; nothing if it is none, or not exactly as it was written."""
    try:
        values = json.loads(line)
        values.pop("hash")
        entry = Entry(**values)
        return entry if entry.line == line else None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


@contextmanager
def _held(file: Path) -> Iterator[None]:
    """Hold a lock between processes; the system frees it if the holder is killed.

    ``filelock`` takes 50 times as long as the system call that it makes, which was half of an entry's time.

    Raises:
        TimeoutError: another process held it for ``WAIT_SECONDS``.
    """
    handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        until = time.monotonic() + WAIT_SECONDS
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise TimeoutError from None
                time.sleep(0.0005)
        yield
    finally:
        os.close(handle)


def _write(handle: int, content: bytes) -> None:
    """Write all of it: a system call may write a part, and only the next one says that the disk is full."""
    while content:
        content = content[os.write(handle, content) :]


def _line_start(content: bytes, end: int) -> int:
    """Where the line begins that ends at ``end``."""
    return content.rfind(b"\n", 0, max(end - 1, 0)) + 1


def _json(value: Any) -> bytes:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    # half a surrogate pair, which a sender's text may contain, as the escape that JSON has for it
    return text.encode("utf-8", "backslashreplace")
