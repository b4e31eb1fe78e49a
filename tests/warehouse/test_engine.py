"""The engine's process: mark of use, folders, environment, port."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest

from tests.built_city import at_home
from warehouse import engine
from warehouse.settings import Settings
from warehouse.state import write_whole


def test_a_process_with_a_session_keeps_the_engine_running_but_recreates_no_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "AWAKE_SECONDS", 0.02)
    used = tmp_path / "engine" / "used"
    used.parent.mkdir()
    used.touch()
    os.utime(used, (1, 1))
    engine._stay_awake(used)
    deadline = time.monotonic() + 10
    while used.stat().st_mtime == 1 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert used.stat().st_mtime > 1
    used.unlink()
    used.parent.rmdir()
    time.sleep(0.2)
    assert not used.parent.exists()


def test_warming_up_leaves_nothing_behind(tmp_path: Path, engine_remote: str) -> None:
    with at_home(tmp_path / "home", engine_remote) as home:
        engine.warm_up()
        assert [p for p in home.rglob("*") if p.is_file()] == []


def test_only_the_socket_folder_of_a_killed_engine_is_removed(tmp_path: Path) -> None:
    config = Settings(home=tmp_path, engine_address=None)
    for name, stays in ((engine.FOLDER, False), ("other-", True)):
        folder = Path(tempfile.mkdtemp(prefix=name))
        state = {"home": config.identity, "process": 0, "started": 0, "folder": str(folder)}
        write_whole(config.engine_folder / "engine.json", json.dumps(state))
        engine.stop(config)
        assert folder.exists() == stays
    folder.rmdir()


def test_the_engine_inherits_no_password_and_no_client_session() -> None:
    given = {
        "AIRFLOW_CONN_TAX": "postgres://reader:secret@host/tax", "SPARK_REMOTE": "sc://host:1/;token=t",
        "SPARK_CONNECT_MODE_ENABLED": "1", "SPARK_HOME": "/opt/spark", "PATH": "/bin",
    }  # fmt: skip
    assert engine._inherited(given) == {"SPARK_HOME": "/opt/spark", "PATH": "/bin"}


def test_another_program_at_an_engines_port_is_not_the_engine() -> None:
    listener = "import socket, time; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True)"
    shell = ["sh", "-c", f'"{sys.executable}" -c "{listener}; time.sleep(60)" & wait']
    with (
        socket.create_server(("127.0.0.1", 0)) as mine,
        subprocess.Popen(shell, stdout=subprocess.PIPE, text=True) as its,
    ):
        try:
            assert its.stdout
            port = int(its.stdout.readline())
            assert engine._listens(its.pid, port)  # a child of the process that was started, as Java is
            assert not engine._listens(its.pid, mine.getsockname()[1])
            assert engine._listens(os.getpid(), mine.getsockname()[1])
            assert engine._listens(its.pid, None)
        finally:
            for child in psutil.Process(its.pid).children():
                child.kill()
            its.kill()
    assert not engine._listens(its.pid, port)
