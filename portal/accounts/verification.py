"""Reading the audit log: is the chain whole, and what does it say?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from portal.accounts import database, store
from portal.accounts.audit import START, AuditLog, Entry, Head, log_of, parsed
from portal.accounts.errors import WrongCallError


@dataclass(frozen=True)
class Fault:
    """A place where the log is not as it was written."""

    #: changed, missing, out_of_order, broken, torn, cut, head or anchor.
    kind: str
    file: str
    line: int
    zh: str
    en: str


@dataclass(frozen=True)
class Anchor:
    """An entry noted outside the home, ``812:3f0a…``: whoever rewrites the whole chain cannot rewrite the note."""

    n: int
    hash: str

    @classmethod
    def of(cls, text: str) -> Anchor:
        number, _, hash_ = text.partition(":")
        if not number.isdigit() or len(hash_) < 8:
            raise WrongCallError(
                f"{text} 不是“序号:哈希”。", f"{text} is no NUMBER:HASH, as ./brain audit verify prints it"
            )
        return cls(int(number), hash_)


@dataclass
class Verification:
    """A walk over the log: iterate over its faults, then read how far it came."""

    anchor: Anchor | None = None
    #: Entries that were read, and the last of them.
    entries: int = 0
    last_n: int = 0
    #: Empty if the last line does not say its hash.
    last_hash: str = START

    def __iter__(self) -> Iterator[Fault]:
        log = log_of(database.folder())
        with log.locked() as head:  # later entries are left out
            is_headless = log.head() is None
            sizes = {month: log.file(month).stat().st_size for month in log.months()}
        is_anchored = self.anchor is None or self.anchor.n == 0
        begins_at: str | None = None
        for month, size in sizes.items():
            for number, line in enumerate(_lines(log, month, size), 1):
                if begins_at is None:
                    first = parsed(line)
                    begins_at = first.at if first else ""  # a changed line is told as such
                yield from self._of_line(f"{month}.jsonl", number, line, head)
                if self.anchor and self.last_n == self.anchor.n:
                    is_anchored = is_anchored or self.last_hash.startswith(self.anchor.hash)
        if is_headless:
            yield Fault("head", log.head_file.name, 0, "日志头缺失或损坏。", "the head is missing or damaged")
        yield from self._of_end(log.head_file.name, head, is_anchored, begins_at)

    def _of_line(self, file: str, number: int, line: bytes, head: Head) -> Iterator[Fault]:
        entry = parsed(line)
        where = (file, number)
        if entry is None:
            if self.last_n >= head.synced_n and not line.endswith(b"\n"):
                yield Fault(
                    "torn", *where, "最后一行不完整，下一条记录会将其移出。",
                    "the last line is torn; the next entry sets it aside",
                )  # fmt: skip
                return
            # the next entry tells how this one's hash was, so its number is the only thing to go by
            yield Fault("changed", *where, "此行被改动。", "this line was changed after it was written")
            self.last_n += 1
            self.last_hash = _said_hash(line)
            return
        self.entries += 1
        expected = self.last_n + 1
        if entry.n > expected:
            gone = f"{expected}" if entry.n == expected + 1 else f"{expected}–{entry.n - 1}"
            yield Fault(
                "missing", *where, f"此行之前缺第 {gone} 条。", f"entries {gone} before this line are missing"
            )
        elif entry.n < expected:
            yield Fault(
                "out_of_order", *where, f"第 {entry.n} 条位置不对或被插入。",
                f"entry {entry.n} is out of order or was inserted",
            )  # fmt: skip
        elif self.last_hash and entry.previous != self.last_hash:
            yield Fault(
                "broken", *where, "此条不承接上一条。", "this entry does not follow the one before: one was replaced"
            )  # fmt: skip
        if entry.n == head.synced_n and entry.hash != head.synced_hash:
            yield Fault(
                "head", *where, "此条与日志头不符。", "this entry is not the one that the head names: it was replaced"
            )  # fmt: skip
        if entry.n >= expected:
            self.last_n, self.last_hash = entry.n, entry.hash

    def _of_end(
        self, head_file: str, head: Head, is_anchored: bool, begins_at: str | None
    ) -> Iterator[Fault]:
        where = (head_file, 0)
        if self.last_n < head.synced_n:
            gone = f"{self.last_n + 1}–{head.synced_n}"
            yield Fault("cut", *where, f"末尾第 {gone} 条被删除。", f"entries {gone} at the end are missing")
        if not is_anchored and self.anchor:
            yield Fault(
                "anchor", *where, f"第 {self.anchor.n} 条与所给哈希不符。",
                f"entry {self.anchor.n} is not the one that was noted: the log was rewritten or cut",
            )  # fmt: skip
        oldest = store.oldest_created_at()
        if oldest and (begins_at is None or oldest < begins_at):
            yield Fault(
                "cut", *where, "日志晚于最早的账户：开头被删除。",
                "the log begins after the first account was made: its beginning was removed",
            )  # fmt: skip


def entries(
    actor: str | None = None, subject: str | None = None, since: datetime | None = None
) -> Iterator[Entry]:
    """Entries of the log, the earliest first; changed lines are left to ``Verification``."""
    log = log_of(database.folder())
    after = database.as_text(since) if since else ""
    for month in log.months():
        if month < after[:7]:
            continue
        for line in _lines(log, month):
            entry = parsed(line)
            if (
                entry
                and entry.at >= after
                and (actor is None or entry.actor == actor)
                and (subject is None or entry.subject == subject)
            ):
                yield entry


def _lines(log: AuditLog, month: str, size: int | None = None) -> Iterator[bytes]:
    with log.file(month).open("rb") as file:
        for line in file:
            if size is not None and file.tell() > size:
                return
            yield line


def _said_hash(line: bytes) -> str:
    """The hash that a changed line says it has; the next entry refers to it unless that was changed too."""
    try:
        said = json.loads(line)["hash"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return ""
    return said if isinstance(said, str) else ""
