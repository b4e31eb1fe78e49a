"""Fixtures of accounts: an own home, viewers, and a clock that tests move."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from portal.access.viewer import Viewer
from portal.accounts import database
from portal.accounts.audit import Operator

#: Moves the clock on.
Later = Callable[[timedelta], None]

BY = Operator("test")
CLERK = Viewer("li", "district", "330282", frozenset({"quarantine"}))


@pytest.fixture(autouse=True)
def accounts_home(cold_home: Path) -> Path:
    return cold_home


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Later:
    real = database.now
    moved = timedelta(0)

    def now() -> datetime:
        return real() + moved

    def move(by: timedelta) -> None:
        nonlocal moved
        moved += by

    monkeypatch.setattr(database, "now", now)
    return move
