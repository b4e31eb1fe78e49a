"""A thread's frames belong to the engine that it connected to last, whatever ran in this process before.

PySpark binds a checkpoint to the thread's active session, or else to the first session of the process, whose engine
may have been stopped since.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from pyspark.sql.connect.session import SparkSession

from warehouse import engine
from warehouse.settings import Settings

STOPPED, RUNNING = "sc://127.0.0.1:1", "sc://127.0.0.1:2"


@pytest.fixture
def sessions(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """Address → session: of the process's first engine, now stopped, and of the engine after it."""
    conf = SimpleNamespace(get=lambda *_: "", set=lambda *_: None)
    known = {one: SimpleNamespace(is_stopped=False, conf=conf) for one in (STOPPED, RUNNING)}
    monkeypatch.setattr(engine, "_session", lambda address, *_: known[address])
    monkeypatch.setattr(SparkSession, "_default_session", known[STOPPED])
    before = getattr(SparkSession._active_session, "session", None)
    SparkSession._active_session.session = known[STOPPED]
    yield known
    SparkSession._active_session.session = before


def active_after_connecting(address: str) -> Any:
    engine.connect(Settings(engine_address=address))
    return SparkSession.active()


def test_a_new_thread_uses_the_engine_that_it_connected_to(sessions: dict[str, Any]) -> None:
    found: list[Any] = []
    for address in (RUNNING, STOPPED, RUNNING):
        thread = threading.Thread(
            target=lambda to: found.append(active_after_connecting(to)), args=(address,)
        )
        thread.start()
        thread.join()
    assert found == [sessions[RUNNING], sessions[STOPPED], sessions[RUNNING]]


def test_a_thread_with_an_earlier_engine_uses_the_new_one(sessions: dict[str, Any]) -> None:
    for address in (RUNNING, STOPPED, RUNNING):
        assert active_after_connecting(address) is sessions[address]
