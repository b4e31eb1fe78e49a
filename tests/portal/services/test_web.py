"""The portal's server process: started once, found again, stopped; a port that is taken, a process that dies."""

from __future__ import annotations

import os
import signal
import socket
import stat
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.services import status
from portal.services.web import is_well, running_web, start_web, stop_web
from schemas.errors import RejectedError
from warehouse.settings import Settings, settings


@pytest.fixture
def config(cold_home: Path) -> Iterator[Settings]:
    cold_home.mkdir(parents=True)
    yield settings()
    stop_web(settings())


def test_it_starts_once_answers_and_stops(config: Settings) -> None:
    web, is_new = start_web(config)
    assert is_new
    assert web.process is not None
    assert start_web(config) == (web, False)
    with urllib.request.urlopen(f"{web.address}/zh/login", timeout=30) as page:
        assert page.status == 200
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert "server" not in page.headers
    [row] = [row for row in status.status() if row["service"] == "portal"]
    assert (row["state"], row["port"], row["pid"]) == ("running", web.port, web.process.pid)
    secret = config.portal / "secret"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert stop_web(config)
    assert not stop_web(config)
    assert not is_well(web)
    assert running_web(config).port == web.port, "its address stays the same at the next start"


def test_another_port_is_taken_if_its_own_is_not_free_and_a_dead_server_is_replaced(config: Settings) -> None:
    first, _ = start_web(config)
    assert first.process is not None
    os.kill(first.process.pid, signal.SIGKILL)
    while first.process.find():
        time.sleep(0.05)
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", first.port))
        other.listen()
        second, is_new = start_web(config)
    assert is_new
    assert second.port != first.port
    assert is_well(second)


def test_a_server_that_ends_while_it_starts_is_told_with_its_log(
    config: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    (config.portal).mkdir()
    (config.portal / "secret").mkdir()  # cannot be read
    with pytest.raises(RejectedError, match=r"portal did not start; see .*portal\.log"):
        start_web(config)
    assert running_web(config).process is None
