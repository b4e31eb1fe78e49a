"""A home in which nothing runs, and a process that ignores SIGTERM."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.portal.services.processes import until
from warehouse.settings import Settings, settings

#: A process that ignores SIGTERM, with a child that ignores it too.
STUBBORN = (
    "import signal, subprocess, sys, time\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "if len(sys.argv) < 2: subprocess.Popen([sys.executable, __file__, 'child'])\n"
    "time.sleep(60)\n"
)


@pytest.fixture
def quiet_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """A home in which nothing was ever started."""
    monkeypatch.setenv("BRAIN_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("BRAIN_ENGINE_ADDRESS", raising=False)
    settings.cache_clear()
    yield settings()
    settings.cache_clear()


@pytest.fixture
def stubborn(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    script = tmp_path / "stubborn.py"
    script.write_text(STUBBORN)
    process = subprocess.Popen([sys.executable, str(script)], start_new_session=True)
    until(lambda: len(psutil.Process(process.pid).children()) == 1)
    time.sleep(0.5)  # until the child ignores the signal
    yield process
    process.kill()
    process.wait()
