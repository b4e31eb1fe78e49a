"""Write a home's state of started processes, and run a command on the home."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable

from portal.services import airflow
from warehouse.settings import CHECKOUT, Settings


def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def remember(config: Settings, port: int, **started: tuple[int, float]) -> None:
    config.airflow.mkdir(parents=True, exist_ok=True)
    marks = {name.replace("_", "-"): list(mark) for name, mark in started.items()}
    airflow._state_file(config).write_text(json.dumps({"port": port, "processes": marks}))


def brain(config: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "portal.cli", *arguments], cwd=CHECKOUT, capture_output=True, text=True,
        env={**os.environ, **config.environment()}, check=False,
    )  # fmt: skip
