"""The portal's server process of a home: start it in the background, find it again, stop it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from infra.processes import ServerProcess, choose_ports, comes_up
from portal.web.boundaries import read_boundaries
from schemas.errors import RejectedError
from warehouse.settings import CHECKOUT, Settings
from warehouse.state import read_own, write_whole

PREFERRED_PORT = 8000
START_SECONDS = 60
STOP_SECONDS = 10
#: Answers as soon as the server can show a page; it needs no account and no release.
READY = "/ready"


@dataclass(frozen=True)
class Web:
    """The server and its port; ``process`` is ``None`` while it does not run."""

    port: int
    process: ServerProcess | None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def running_web(config: Settings) -> Web:
    """The home's server if it is alive, and its current or last port (0: never started)."""
    try:
        state = read_own(_state_file(config), config.identity)
        process = ServerProcess(int(state["process"][0]), float(state["process"][1]))
        return Web(int(state["port"]), process if process.find() else None)
    except (FileNotFoundError, KeyError, TypeError, ValueError, AttributeError, IndexError):
        return Web(0, None)


def start_web(config: Settings) -> tuple[Web, bool]:
    """Start the server unless it runs and answers.

    Returns:
        The server, and whether it was started now.

    Raises:
        RejectedError: a file that a setting names cannot be used, or it did not start; the line names its log.
    """
    running = running_web(config)
    if running.process and is_well(running):
        return running, False
    read_boundaries(config.boundaries)  # who starts it is told what is wrong, not the log alone
    stop_web(config)
    [port] = choose_ports([running.port or PREFERRED_PORT])
    web = Web(port, _spawn(config, port))
    assert web.process is not None
    _remember(config, web)
    if not comes_up(web.process, lambda: is_well(web), START_SECONDS):
        web.process.end((signal.SIGTERM, STOP_SECONDS))
        raise RejectedError(f"the portal did not start; see {log_file(config)}")
    return web, True


def stop_web(config: Settings) -> bool:
    """Stop the server; whether it ran. Requests under way are finished."""
    running = running_web(config)
    if running.process is None:
        return False
    running.process.end((signal.SIGTERM, STOP_SECONDS))
    return True


def is_well(web: Web) -> bool:
    """Whether the server answers."""
    with contextlib.suppress(OSError, urllib.error.URLError):
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{web.address}{READY}", timeout=5) as answer:
            return bool(answer.status == 200)
    return False


def log_file(config: Settings) -> Path:
    return config.logs / "portal.log"


def _spawn(config: Settings, port: int) -> ServerProcess:
    config.logs.mkdir(parents=True, exist_ok=True)
    with log_file(config).open("ab") as out:
        child = subprocess.Popen(
            [sys.executable, "-m", "portal.web.server", str(port)],
            cwd=CHECKOUT,
            env={**os.environ, **config.environment()},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    return ServerProcess.of(child.pid)


def _remember(config: Settings, web: Web) -> None:
    assert web.process is not None
    state = {"home": config.identity, "port": web.port, "process": [web.process.pid, web.process.started]}
    write_whole(_state_file(config), json.dumps(state))


def _state_file(config: Settings) -> Path:
    return config.portal / "service.json"
