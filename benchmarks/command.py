"""Run a command as a user does, in a process and on a home of its own, and measure it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from portal.services.memory import Watch
from schemas.errors import RejectedError
from warehouse.settings import CHECKOUT


@dataclass
class Measured:
    """One command: wall-clock seconds, peak memory of its processes and the engine together, and its JSON output."""

    seconds: float
    peak_gib: float
    output: list[dict[str, Any]]


def brain(home: Path, *words: str, environment: Mapping[str, str] | None = None) -> Measured:
    """Run a command on a home.

    Raises:
        RejectedError: the command failed; the line is its last one on standard error.
    """
    start = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "portal.cli", *words],
        cwd=CHECKOUT,
        env={**os.environ, "BRAIN_HOME": str(home), **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with Watch(process.pid, home) as watch:
        out, err = process.communicate()
        seconds = time.monotonic() - start
    if process.returncode:
        raise RejectedError((err.strip().splitlines() or [f"brain {words[0]} failed"])[-1])
    return Measured(seconds, watch.peak / 2**30, json.loads(out) if "--json" in words else [])
