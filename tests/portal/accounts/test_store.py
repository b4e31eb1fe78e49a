"""Accounts: who signs in, what ends a session, and what never changes silently."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from portal.access.viewer import RIGHTS, Viewer
from portal.accounts import audit, database, passwords, store
from portal.accounts.errors import (
    AccountError,
    AuditError,
    ClosedAccountError,
    FirstPasswordError,
    LockedError,
    NameTakenError,
    SessionEndedError,
    SignInError,
    UnavailableError,
    UnknownNameError,
    WeakPasswordError,
    WrongCallError,
)
from portal.accounts.verification import entries
from tests.portal.accounts.conftest import BY, CLERK, Later
from warehouse.settings import CHECKOUT

OWN = "maple teapot harbour"


@pytest.fixture
def clerk() -> Viewer:
    """An account with a password of its own."""
    store.create(CLERK, by=BY)
    store.set_password("li", OWN, by=CLERK)
    return CLERK


def actions() -> list[tuple[str, str, str]]:
    return [(entry.actor, entry.action, entry.subject) for entry in entries()]


def test_a_first_password_opens_only_its_own_change() -> None:
    first = store.create(CLERK, by=BY)
    assert store.authenticate("LI", first) == CLERK
    now = database.now()
    with pytest.raises(FirstPasswordError):
        store.viewer_of("li", now)
    assert store.viewer_of("li", now, is_changing_password=True) == CLERK
    with pytest.raises(WeakPasswordError, match="present password"):
        store.set_password("li", first, by=CLERK)
    store.set_password("li", OWN, by=CLERK)
    assert store.authenticate("li", OWN) == CLERK
    assert store.viewer_of("li", database.now()) == CLERK
    with pytest.raises(SignInError):
        store.authenticate("li", first)
    assert actions() == [
        ("test", "account.create", "li"),
        ("li", "sign_in", ""),
        ("li", "account.set_password", "li"),
        ("li", "sign_in", ""),
        ("li", "sign_in.refused", ""),
    ]


def test_names_are_one_whatever_their_case_and_stay_taken(clerk: Viewer) -> None:
    store.disable("LI", by=BY)
    with pytest.raises(NameTakenError):
        store.create(Viewer("Li", "city"), by=BY)
    assert [account.name for account in store.accounts()] == ["li"]


@pytest.mark.parametrize("name", ["", "x", "1st", "li\n", "li wei", "李伟", "a" * 33, "li;--", "token:li"])
def test_a_name_is_a_short_word(name: str) -> None:
    with pytest.raises(WrongCallError):
        store.create(Viewer(name, "city"), by=BY)
    assert store.accounts() == []


def test_visitors_have_no_account() -> None:
    with pytest.raises(WrongCallError, match="visitors"):
        store.create(Viewer("everybody", "public"), by=BY)


def test_a_password_is_stored_only_as_argon2_and_files_are_the_owners(
    clerk: Viewer, accounts_home: Path
) -> None:
    content = b"".join(path.read_bytes() for path in accounts_home.rglob("*") if path.is_file())
    assert b"$argon2id$" in content and OWN.encode() not in content
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (accounts_home / "accounts").rglob("*")}
    assert modes.pop("audit") == 0o700 and set(modes.values()) <= {0o600}
    assert stat.S_IMODE((accounts_home / "accounts").stat().st_mode) == 0o700


@pytest.mark.parametrize("is_log_first", [True, False])
def test_files_are_the_owners_whatever_the_umask(is_log_first: bool, accounts_home: Path) -> None:
    before = os.umask(0)
    try:
        if is_log_first:
            audit.record(BY, "change")
        store.create(CLERK, by=BY)
    finally:
        os.umask(before)
    paths = [accounts_home / "accounts", *(accounts_home / "accounts").rglob("*")]
    assert {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in paths} == {0}


def test_ten_failures_lock_a_name_and_the_right_password_waits_too(clerk: Viewer, later: Later) -> None:
    for _ in range(10):
        with pytest.raises(SignInError):
            store.authenticate("li", "wrong password here")
    with pytest.raises(LockedError) as locked:
        store.authenticate("li", OWN)
    assert locked.value.retry_after_seconds in range(295, 301)
    assert "5 min" in locked.value.en and "5 分钟" in locked.value.zh
    assert store.locked_until("li")
    later(timedelta(minutes=5, seconds=1))
    assert store.locked_until("li") is None
    # one more failure locks at once
    with pytest.raises(SignInError):
        store.authenticate("li", "wrong password here")
    with pytest.raises(LockedError):
        store.authenticate("li", OWN)
    later(timedelta(minutes=5, seconds=1))
    assert store.authenticate("li", OWN) == CLERK
    # and the count began anew
    with pytest.raises(SignInError):
        store.authenticate("li", "wrong password here")
    assert store.authenticate("li", OWN) == CLERK
    refused = [entry.details for entry in entries() if entry.action == "sign_in.refused"]
    assert [d["is_locked"] for d in refused] == [False] * 9 + [True, True, False]


def test_a_new_password_ends_a_lock(clerk: Viewer) -> None:
    for _ in range(10):
        with pytest.raises(SignInError):
            store.authenticate("li", "wrong password here")
    assert store.authenticate("li", store.new_password("li", by=BY)) == CLERK


def test_an_unknown_name_looks_like_a_known_one(clerk: Viewer, monkeypatch: pytest.MonkeyPatch) -> None:
    checked = []
    monkeypatch.setattr(passwords, "matches", lambda stored, given: checked.append(given))
    told = []
    for name in ("li", "nobody", "li"):
        for _ in range(5 if name == "li" else 10):
            with pytest.raises(SignInError) as refused:
                store.authenticate(name, "wrong password here")
            told.append(str(refused.value))
        if name == "nobody":
            with pytest.raises(LockedError):
                store.authenticate(name, "wrong password here")
    assert len(set(told)) == 1 and len(checked) == 20  # each was checked, known or not
    # a password typed into the field of the name is not kept
    with pytest.raises(SignInError):
        store.authenticate(OWN, "")
    assert {entry.actor for entry in entries()} == {"test", "li"}


def test_attempts_at_the_same_time_are_all_counted(clerk: Viewer) -> None:
    def attempt(number: int) -> type[Exception]:
        with pytest.raises(AccountError) as refused:
            store.authenticate("li", f"wrong password {number}")
        return refused.type

    with ThreadPoolExecutor(8) as pool:
        kinds = list(pool.map(attempt, range(24)))
    assert kinds.count(SignInError) == 10 and kinds.count(LockedError) == 14


def test_closed_accounts_say_so_only_after_the_right_password(clerk: Viewer, later: Later) -> None:
    signed_in = database.now()
    store.disable("li", by=BY)
    with pytest.raises(SignInError):
        store.authenticate("li", "wrong password here")
    with pytest.raises(ClosedAccountError, match="disabled"):
        store.authenticate("li", OWN)
    with pytest.raises(ClosedAccountError):
        store.viewer_of("li", signed_in)
    store.enable("li", by=BY)
    assert store.authenticate("li", OWN) == CLERK
    with pytest.raises(SessionEndedError):  # of before the account was disabled
        store.viewer_of("li", signed_in)
    store.change(CLERK, by=BY, expires_at=database.now() + timedelta(days=1))
    signed_in = database.now()
    assert store.viewer_of("li", signed_in) == CLERK
    later(timedelta(days=1))
    with pytest.raises(ClosedAccountError, match="expired"):
        store.viewer_of("li", signed_in)
    with pytest.raises(ClosedAccountError, match="expired"):
        store.authenticate("li", OWN)


def test_an_account_cannot_be_made_expired() -> None:
    with pytest.raises(WrongCallError, match="expired"):
        store.create(CLERK, by=BY, expires_at=database.now())


def test_a_session_sees_the_role_of_now_and_ends_with_the_password(clerk: Viewer) -> None:
    signed_in = database.now()
    analyst = Viewer("li", "analyst", rights=frozenset({"statistics"}))
    store.change(analyst, by=BY)
    assert store.viewer_of("li", signed_in) == analyst
    store.end_sessions("li", by=BY)
    with pytest.raises(SessionEndedError):
        store.viewer_of("li", signed_in)
    signed_in = database.now()
    assert store.viewer_of("li", signed_in) == analyst
    store.set_password("li", "another harbour in fog", by=analyst)
    with pytest.raises(SessionEndedError):
        store.viewer_of("li", signed_in)
    with pytest.raises(SessionEndedError):
        store.viewer_of("nobody", signed_in)


def test_a_hash_of_older_parameters_is_renewed_at_the_sign_in(
    clerk: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stored() -> str:
        with database.reading() as db:
            return str(db.execute("SELECT password_hash FROM account").fetchone()[0])

    with monkeypatch.context() as patch:
        patch.setattr(passwords, "_HASHER", PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1))
        store.set_password("li", "another harbour in fog", by=CLERK)
    assert "m=8192,t=1" in stored()
    store.authenticate("li", "another harbour in fog")
    assert "m=19456,t=2" in stored()
    store.authenticate("li", "another harbour in fog")


def test_the_first_account_is_made_once() -> None:
    first = store.ensure_first()
    assert first and store.ensure_first() is None
    assert store.authenticate("admin", first) == Viewer("admin", "city", rights=frozenset(RIGHTS))
    [account] = store.accounts()
    assert account.must_change_password


def test_two_processes_make_one_first_account(accounts_home: Path) -> None:
    code = "from portal.accounts import store; print(store.ensure_first())"
    started = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=CHECKOUT)
        for _ in range(3)
    ]
    printed = [process.communicate(timeout=60)[0].strip() for process in started]
    assert len(printed) == 3 and printed.count("None") == 2


def test_nothing_changes_if_the_audit_log_cannot_be_written(
    clerk: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = store.accounts()

    def refuse(*_: object, **__: object) -> None:
        raise AuditError("满", "full")

    monkeypatch.setattr(audit, "record", refuse)
    for change in (
        lambda: store.create(Viewer("wang", "city"), by=BY),
        lambda: store.change(Viewer("li", "city"), by=BY),
        lambda: store.disable("li", by=BY),
        lambda: store.end_sessions("li", by=BY),
        lambda: store.new_password("li", by=BY),
        lambda: store.authenticate("li", OWN),
    ):
        with pytest.raises(AuditError):
            change()
    assert store.accounts() == before
    monkeypatch.undo()


def test_unknown_names_and_a_damaged_file_are_one_sentence(clerk: Viewer, accounts_home: Path) -> None:
    with pytest.raises(UnknownNameError, match="there is no account wang"):
        store.disable("wang", by=BY)
    file = accounts_home / "accounts" / "accounts.sqlite"
    file.write_bytes(b"no database, but long enough to be read as one" * 40)
    with pytest.raises(UnavailableError, match="damaged") as told:
        store.accounts()
    assert told.value.status == 503 and "\n" not in str(told.value)


def test_a_lost_database_is_not_begun_anew(clerk: Viewer, accounts_home: Path) -> None:
    file = accounts_home / "accounts" / "accounts.sqlite"
    for lose in (file.unlink, lambda: file.write_bytes(b"")):
        lose()
        for _ in range(2):
            with pytest.raises(UnavailableError, match="restore it from a backup"):
                store.ensure_first()


def test_a_newer_database_is_refused(clerk: Viewer) -> None:
    with database.changing() as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(UnavailableError, match="newer version"):
        store.accounts()
