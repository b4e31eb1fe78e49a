"""The audit log: every kind of damage is found, and what a kill or a power cut leaves is never hidden."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from portal.access.viewer import Viewer
from portal.accounts import audit, database, store
from portal.accounts.errors import AuditError, WrongCallError
from portal.accounts.verification import Anchor, Verification, entries
from tests.disks import mounted
from tests.portal.accounts.conftest import BY, CLERK, Later
from warehouse import state
from warehouse.settings import CHECKOUT, settings

FIRM = "91330200MA00000012"


def log() -> audit.AuditLog:
    return audit.log_of(database.folder())


def file() -> Path:
    return log().file(log().months()[-1])


def kinds(anchor: Anchor | None = None) -> list[tuple[str, int]]:
    return [(fault.kind, fault.line) for fault in Verification(anchor)]


def actions() -> list[str]:
    return [entry.action for entry in entries()]


def write(count: int) -> None:
    for number in range(count):
        audit.record(BY, f"change.{number + 1}", FIRM, {"姓名": "李", "n": number})


def lines() -> list[bytes]:
    return file().read_bytes().splitlines(keepends=True)


def rewrite(changed: list[bytes]) -> None:
    file().write_bytes(b"".join(changed))


def test_an_entry_says_who_did_what_and_can_be_checked_by_hand() -> None:
    write(2)
    first, second = (json.loads(line) for line in lines())
    assert first["n"] == 1 and first["previous"] == "0" * 64 and second["previous"] == first["hash"]
    assert (first["actor"], first["role"], first["action"], first["subject"]) == (
        "test", "operator", "change.1", FIRM,
    )  # fmt: skip
    assert abs(datetime.fromisoformat(first["at"]) - datetime.now(UTC)) < timedelta(minutes=1)
    assert first["details"] == {"姓名": "李", "n": 0} and "李".encode() in lines()[0]
    # the hash is that of the line without its last field
    body = lines()[0].split(b',"hash":')[0] + b"}"
    assert hashlib.sha256(body).hexdigest() == first["hash"]
    walk = Verification()
    assert list(walk) == [] and (walk.entries, walk.last_n, walk.last_hash) == (2, 2, second["hash"])


def test_any_text_is_recorded_as_it_is() -> None:
    texts = ["\n\r\u2028", '"},{"n":1', "\ud800", "\x00", "=1+1", "🏭"]
    for text in texts:
        audit.record(BY, "change", text, {text: [text, None, 1.5]})
    assert [entry.subject for entry in entries()] == texts
    assert kinds() == [] and len(lines()) == len(texts)


def _edited(lines: list[bytes]) -> list[bytes]:
    return [*lines[:4], lines[4].replace(FIRM.encode(), b"91330200MA00000099"), *lines[5:]]


def _rehashed(lines: list[bytes]) -> list[bytes]:
    values = json.loads(lines[4]) | {"actor": "wang"}
    values.pop("hash")
    return [*lines[:4], audit.Entry(**values).line, *lines[5:]]


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (_edited, [("changed", 5)]),
        (_rehashed, [("broken", 6)]),
        (lambda lines: lines[:4] + lines[5:], [("missing", 5)]),
        (lambda lines: lines[2:], [("missing", 1)]),
        (lambda lines: [*lines[:4], lines[1], *lines[4:]], [("out_of_order", 5)]),
        (lambda lines: [*lines[:4], lines[5], lines[4], *lines[6:]], [("missing", 5), ("out_of_order", 6)]),
        (lambda lines: [*lines[:4], b"{}\n", *lines[5:]], [("changed", 5)]),
        (lambda lines: [*lines[:4], lines[4][:50] + b"\n", *lines[5:]], [("changed", 5)]),
        (lambda lines: [line.replace(b'"n":5,', b'"n": 5,') for line in lines], [("changed", 5)]),
        (lambda lines: lines[:-3], [("cut", 0)]),
        (lambda lines: [*lines[:-1], lines[-1][:-20]], [("changed", 10)]),
        (lambda lines: [], [("cut", 0), ("cut", 0)]),
    ],
    ids=["edited", "edited and hashed", "removed", "beginning cut", "repeated", "moved", "emptied", "shortened",
         "spaces", "end cut", "last line cut", "all cut"],
)  # fmt: skip
def test_damage_is_found_and_stays_found(
    change: Callable[[list[bytes]], list[bytes]], found: list[tuple[str, int]]
) -> None:
    write(9)
    store.create(CLERK, by=BY)
    assert len(lines()) == 10 and kinds() == []
    rewrite(change(lines()))
    assert kinds() == found
    # the log goes on, and what was found is not forgotten
    audit.record(BY, "later", FIRM)
    assert actions()[-1] == "later" and kinds() != []


def test_a_cut_end_is_a_gap_for_ever() -> None:
    write(10)
    rewrite(lines()[:-3])
    write(1)
    assert actions()[-2:] == ["audit.cut", "change.1"]
    [said] = [entry for entry in entries() if entry.action == "audit.cut"]
    assert said.n == 11 and said.details == {"first": 8, "last": 10} and said.role == "platform"
    assert kinds() == [("missing", 8)]


@pytest.mark.parametrize("is_same_length", [True, False])
def test_a_replaced_last_entry_stays_found(is_same_length: bool) -> None:
    write(3)
    values = json.loads(lines()[-1])
    values.pop("hash")
    values["details"] = {"姓名": "王", "n": 2} if is_same_length else {}
    rewrite([*lines()[:-1], audit.Entry(**values).line])
    assert kinds() == [("head", 3)]
    write(1)
    assert kinds() == [("broken", 4)]
    assert ("audit.replaced" in actions()) is not is_same_length


def test_a_removed_folder_is_found() -> None:
    write(3)
    file().unlink()
    log().folder.rmdir()
    assert kinds() == [("cut", 0)]
    write(1)
    assert kinds() == [("missing", 1)]


def test_a_lost_head_is_found_and_said() -> None:
    write(3)
    whole = log().head_file.read_bytes()
    for damage in (b"", b"{", b"[]", b'{"n": 1, "other": 2}', whole[:-9], whole.replace(b'"n":3', b'"n":"')):
        log().head_file.write_bytes(damage)
        assert kinds() == [("head", 0)]
    log().head_file.unlink()
    write(1)
    assert actions() == ["change.1", "change.2", "change.3", "audit.head_missing", "change.1"]
    assert kinds() == []


def test_a_log_that_begins_after_the_first_account_is_not_the_first() -> None:
    store.create(CLERK, by=BY)
    file().unlink()
    log().head_file.unlink()
    write(1)
    assert kinds() == [("cut", 0)]


def test_a_log_written_anew_from_the_beginning_is_found_by_a_noted_entry() -> None:
    write(5)
    walk = Verification()
    assert list(walk) == []
    noted = Anchor.of(f"{walk.last_n}:{walk.last_hash}")
    write(2)
    assert kinds(noted) == [] and kinds(Anchor.of(f"{noted.n}:{noted.hash[:12]}")) == []
    file().unlink()
    log().head_file.unlink()
    write(7)
    assert kinds() == [] and kinds(noted) == [("anchor", 0)]
    for text in ("", "5", "five:abcdef12", "5:abc"):
        with pytest.raises(WrongCallError):
            Anchor.of(text)


@pytest.mark.parametrize("torn", [b'{"n":4,"at":"2026', b"\0" * 300, b"\n", '{"a":"宁'.encode()[:-1]])
def test_a_torn_end_is_set_aside_and_said(torn: bytes, caplog: pytest.LogCaptureFixture) -> None:
    write(3)
    with file().open("ab") as end:
        end.write(torn)
    assert [kind for kind, _ in kinds()] == (["changed"] if torn == b"\n" else ["torn"])
    write(1)
    assert actions() == ["change.1", "change.2", "change.3", "audit.torn", "change.1"]
    [said] = [entry.details for entry in entries() if entry.action == "audit.torn"]
    beside = log().folder / said["file"]
    assert beside.read_bytes() == torn and said["bytes"] == len(torn)
    assert hashlib.sha256(torn).hexdigest() == said["sha256"]
    assert kinds() == [] and "audit.torn" in caplog.text


def test_entries_that_a_power_cut_took_before_their_sync_are_said() -> None:
    write(3)
    size = file().stat().st_size
    for firm in ("a", "b"):
        audit.record(BY, "read", firm, is_read=True)
    os.truncate(file(), size)  # as if their pages never reached the disk
    write(1)
    said = list(entries())
    assert [entry.action for entry in said] == [
        "change.1", "change.2", "change.3", "audit.lost_unsynced", "change.1",
    ]  # fmt: skip
    assert said[3].n == 4 and said[3].details == {"first": 4, "last": 5}
    assert kinds() == []


def test_a_kill_between_entry_and_head_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    write(3)
    with monkeypatch.context() as patch:
        patch.setattr(audit.AuditLog, "_write_head", lambda *_: None)
        audit.record(BY, "killed", FIRM, is_read=True)
    write(1)
    assert actions() == ["change.1", "change.2", "change.3", "killed", "change.1"]
    assert kinds() == []


def test_the_first_entry_may_be_killed_too(monkeypatch: pytest.MonkeyPatch) -> None:
    real = audit.AuditLog._write_head

    def until_the_first(self: audit.AuditLog, head: audit.Head) -> None:
        if not head.n:
            real(self, head)

    with monkeypatch.context() as patch:
        patch.setattr(audit.AuditLog, "_write_head", until_the_first)
        audit.record(BY, "killed", FIRM, is_read=True)
    write(1)
    assert actions() == ["killed", "change.1"] and kinds() == []


def test_the_chain_goes_on_over_months_and_a_clock_that_is_set_back(later: Later) -> None:
    write(2)
    later(timedelta(days=40))
    write(2)
    later(timedelta(days=-40))
    write(2)
    later(timedelta(days=400))
    write(1)
    assert len(log().months()) == 3
    assert [entry.n for entry in entries()] == [1, 2, 3, 4, 5, 6, 7] and kinds() == []
    log().file(log().months()[1]).unlink()
    assert kinds() == [("missing", 1)]


def test_reads_are_one_entry_a_minute_and_on_disk_within_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[Path] = []

    def noted(path: Path) -> None:
        state.sync(path)
        synced.append(path)

    monkeypatch.setattr(audit, "sync", noted)
    audit.record(BY, "change", FIRM)
    assert file() in synced
    synced.clear()
    for _ in range(5):
        audit.record(CLERK, "read.enterprise", FIRM, is_read=True)
    audit.record(CLERK, "read.enterprise", "91330200MA00000099", is_read=True)
    audit.record(CLERK, "export.enterprise", FIRM, is_read=True)
    audit.record(Viewer("wang", "city"), "read.enterprise", FIRM, is_read=True)
    assert file() not in synced
    assert [(entry.actor, entry.action) for entry in entries(subject=FIRM)] == [
        ("test", "change"), ("li", "read.enterprise"), ("li", "export.enterprise"), ("wang", "read.enterprise"),
    ]  # fmt: skip
    until = time.monotonic() + 20
    while file() not in synced and time.monotonic() < until:
        time.sleep(0.05)
    assert synced.count(file()) == 1  # all of them together
    monkeypatch.setattr(audit, "SAME_READ_SECONDS", 0)
    audit.record(CLERK, "read.enterprise", FIRM, is_read=True)
    assert len(list(entries(actor="li", subject=FIRM))) == 3


def test_a_failed_sync_refuses_what_comes_after(monkeypatch: pytest.MonkeyPatch) -> None:
    write(1)

    def broken(_: Path) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(audit, "sync", broken)
        with pytest.raises(AuditError, match="Input/output error"):
            write(1)
        with pytest.raises(AuditError):
            audit.record(BY, "read", FIRM, is_read=True)
    audit.record(BY, "read", FIRM, is_read=True)
    assert kinds() == []


WRITER = """
import sys
from portal.accounts import audit
by = audit.Operator(sys.argv[1])
for number in range(int(sys.argv[2])):
    audit.record(by, "read", f"firm {number}", is_read=True)
    if number % 100 == 99:
        audit.record(by, "change", f"firm {number}")
        print(number, flush=True)
"""


def writer(name: str, count: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, name, str(count)], stdout=subprocess.PIPE, text=True, cwd=CHECKOUT
    )


def read_many(prefix: str) -> None:
    for number in range(100):
        audit.record(BY, "thread", f"{prefix} {number}", is_read=True)


def test_two_processes_and_threads_append_to_one_chain() -> None:
    others = [writer("a", 1000), writer("b", 1000)]
    threads = [threading.Thread(target=read_many, args=(str(number),)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [process.wait(timeout=300) for process in others] == [0, 0]
    walk = Verification()
    assert list(walk) == [] and walk.entries == 2 * 1010 + 400
    assert [entry.subject for entry in entries(actor="a") if entry.action == "read"] == [
        f"firm {number}" for number in range(1000)
    ]


def test_a_process_that_is_killed_at_any_moment_leaves_a_whole_log() -> None:
    done = 0
    for _ in range(3):
        process = writer("killed", 1_000_000)
        assert process.stdout and process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        done += len([process.stdout.read(), process.wait()]) // 2
        audit.record(BY, "after", FIRM)
    assert done == 3 and actions().count("after") == 3 and kinds() == []
    # what was reported as changed is there
    assert actions().count("change") >= 3


@pytest.fixture
def small_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with mounted(tmp_path / "disk", "-t", "tmpfs", "-o", "size=256k", "tmpfs") as disk:
        monkeypatch.setenv("BRAIN_HOME", str(disk / "home"))
        settings.cache_clear()
        yield disk
    settings.cache_clear()


def test_a_full_disk_refuses_and_the_log_stays_whole(small_disk: Path) -> None:
    store.create(CLERK, by=BY)
    store.set_password("li", "maple teapot harbour", by=CLERK)
    (small_disk / "filler").write_bytes(b"x" * 40_000)
    written = 0
    with pytest.raises(AuditError, match="make room") as full:
        while written < 10_000:
            audit.record(BY, "read", f"firm {written}", {"text": "x" * 1000}, is_read=True)
            written += 1
    assert full.value.status == 503 and "磁盘已满" in full.value.zh and written
    with pytest.raises(AuditError):
        store.disable("li", by=BY)
    assert store.account("li").disabled_at is None
    (small_disk / "filler").unlink()
    store.disable("li", by=BY)
    assert actions().count("read") == written and actions()[-1] == "account.disable"
    assert kinds() == []


def test_a_log_that_may_not_be_written_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    log().head_file.mkdir(parents=True)
    with pytest.raises(AuditError, match="cannot be written"):
        audit.record(BY, "change", FIRM)


def test_a_log_that_is_removed_under_unsynced_reads_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    write(2)
    audit.record(BY, "read", FIRM, is_read=True)
    file().unlink()
    log()._sync_reads()
    assert "audit.cut" in caplog.text
    write(1)
    assert actions() == ["audit.cut", "change.1"] and kinds() == [("missing", 1)]


def test_entries_are_found_by_actor_subject_and_time(later: Later) -> None:
    audit.record(BY, "a", FIRM)
    later(timedelta(days=40))
    middle = database.now()
    audit.record(CLERK, "b", FIRM)
    audit.record(CLERK, "c", "other")
    assert [entry.action for entry in entries(subject=FIRM)] == ["a", "b"]
    assert [entry.action for entry in entries(actor="li")] == ["b", "c"]
    assert [entry.action for entry in entries(since=middle)] == ["b", "c"]
    assert list(entries(since=middle + timedelta(days=400))) == []
