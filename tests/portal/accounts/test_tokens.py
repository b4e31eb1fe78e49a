"""API tokens: what is stored of them, and when they end."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path

import pytest

from portal.access.viewer import Viewer
from portal.accounts import tokens
from portal.accounts.errors import (
    ExpiredTokenError,
    NameTakenError,
    RevokedTokenError,
    UnknownNameError,
    UnknownTokenError,
    WrongCallError,
)
from portal.accounts.verification import entries
from tests.portal.accounts.conftest import BY, Later

APP = Viewer("loans", "application", "330282", frozenset({"statistics"}))


def test_a_token_is_its_own_viewer_and_only_its_hash_is_stored(accounts_home: Path, later: Later) -> None:
    text = tokens.issue(APP, by=BY)
    assert text.startswith("brain_") and len(text) == 49
    assert tokens.by_token(text) == Viewer("token:loans", APP.role, APP.scope, APP.rights)
    content = b"".join(path.read_bytes() for path in accounts_home.rglob("*") if path.is_file())
    assert text.encode() not in content and text.removeprefix("brain_").encode() not in content
    assert hashlib.sha256(text.encode()).hexdigest().encode() in content
    [token] = tokens.tokens()
    assert (token.state, token.expires_at - token.created_at) == ("active", timedelta(days=90))
    used = token.last_used_day
    later(timedelta(days=1))
    tokens.by_token(text)
    [token] = tokens.tokens()
    assert used and token.last_used_day == used + timedelta(days=1)


def test_unknown_expired_and_revoked_tokens_are_told_apart(later: Later) -> None:
    first, second = tokens.issue(APP, by=BY, days=30), tokens.issue(Viewer("maps", "application"), by=BY)
    for wrong in (first[:-1], first + "x", first.upper(), "", "brain_", "\ud800"):
        with pytest.raises(UnknownTokenError):
            tokens.by_token(wrong)
    later(timedelta(days=30))
    with pytest.raises(ExpiredTokenError, match="loans expired on 20"):
        tokens.by_token(first)
    assert tokens.by_token(second).name == "token:maps"
    tokens.revoke("MAPS", by=BY)
    tokens.revoke("maps", by=BY)
    with pytest.raises(RevokedTokenError, match="maps was revoked on 20"):
        tokens.by_token(second)
    assert [token.state for token in tokens.tokens()] == ["expired", "revoked"]
    assert [(entry.action, entry.subject) for entry in entries()] == [
        ("token.issue", "loans"), ("token.issue", "maps"), ("token.revoke", "maps"),
    ]  # fmt: skip


@pytest.mark.parametrize("days", [0, -1, 367])
def test_a_token_is_valid_for_a_year_at_most(days: int) -> None:
    with pytest.raises(WrongCallError, match="1 to 366 days"):
        tokens.issue(APP, by=BY, days=days)


def test_a_name_is_one_token_for_ever() -> None:
    tokens.issue(APP, by=BY)
    tokens.revoke("loans", by=BY)
    with pytest.raises(NameTakenError, match="loans-2"):
        tokens.issue(APP, by=BY)
    with pytest.raises(UnknownNameError):
        tokens.revoke("nothing", by=BY)
