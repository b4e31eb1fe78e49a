"""Sessions: a cookie's content holds for a working day, and only while its account or provider does."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from portal.access.viewer import Viewer
from portal.accounts import sessions, store
from portal.accounts.errors import ClosedAccountError, FirstPasswordError, SessionEndedError
from tests.portal.accounts.conftest import BY, CLERK, Later
from warehouse.settings import settings


def carried(content: Mapping[str, Any]) -> dict[str, Any]:
    """What a cookie brings back."""
    back: dict[str, Any] = json.loads(json.dumps(content))
    return back


def test_a_session_of_an_account_ends_after_eight_hours_or_with_the_account(later: Later) -> None:
    store.create(CLERK, by=BY)
    first = carried(sessions.opened(CLERK))
    with pytest.raises(FirstPasswordError):
        sessions.viewer_in(first)
    assert sessions.viewer_in(first, is_changing_password=True) == CLERK
    store.set_password("li", "maple teapot harbour", by=CLERK)
    with pytest.raises(SessionEndedError):
        sessions.viewer_in(first)
    content = carried(sessions.opened(CLERK))
    later(timedelta(hours=7, minutes=59))
    assert sessions.viewer_in(content) == CLERK
    later(timedelta(minutes=1))
    with pytest.raises(SessionEndedError):
        sessions.viewer_in(content)
    content = carried(sessions.opened(CLERK))
    store.disable("li", by=BY)
    with pytest.raises(ClosedAccountError):
        sessions.viewer_in(content)


def test_a_session_of_the_provider_carries_its_claims(monkeypatch: pytest.MonkeyPatch, later: Later) -> None:
    monkeypatch.setattr(settings(), "oidc_issuer", "https://login.example")
    official = Viewer("oidc:7", "district", "330282", frozenset({"statistics"}))
    content = carried(sessions.opened(official, is_openid=True))
    assert sessions.viewer_in(content) == official
    for changed in ({"role": "boss"}, {"scope": "1"}, {"rights": None}, {"issuer": "https://other.example"}):
        with pytest.raises(SessionEndedError):
            sessions.viewer_in(content | changed)
    later(timedelta(hours=8))
    with pytest.raises(SessionEndedError):
        sessions.viewer_in(content)


@pytest.mark.parametrize(
    "content", [{}, {"name": "li"}, {"name": "li", "at": "soon"}, {"name": "li", "at": 3}, {"at": "2026-01-01"},
                {"name": "li", "at": "2026-01-01T00:00:00"}, {"name": "li", "at": "2999-01-01T00:00:00+00:00"}]
)  # fmt: skip
def test_a_cookie_of_another_kind_is_an_ended_session(content: dict[str, Any]) -> None:
    store.create(CLERK, by=BY)
    with pytest.raises(SessionEndedError):
        sessions.viewer_in(content)
