"""Background processes: what is started, found again, stopped with all it started, and told."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import psutil
import pytest

from portal.services import control, orchestration
from portal.services.control import Airflow
from schemas.errors import RejectedError
from warehouse import engine
from warehouse.settings import CHECKOUT, Settings, settings

#: A process that does not stop when asked to, with a child that does not either.
STUBBORN = (
    "import signal, subprocess, sys, time\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "if len(sys.argv) < 2: subprocess.Popen([sys.executable, __file__, 'child'])\n"
    "time.sleep(60)\n"
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
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


def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def remember(config: Settings, port: int, **started: tuple[int, float]) -> None:
    config.airflow.mkdir(parents=True, exist_ok=True)
    marks = {name.replace("_", "-"): list(mark) for name, mark in started.items()}
    control._state_file(config).write_text(json.dumps({"port": port, "processes": marks}))


def brain(config: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "portal.cli", *arguments], cwd=CHECKOUT, capture_output=True, text=True,
        env={**os.environ, **config.environment()}, check=False,
    )  # fmt: skip


# --- status --------------------------------------------------------------------------------------------


def test_status_of_a_home_where_nothing_runs(home: Settings) -> None:
    rows = {row["service"]: row for row in control.status()}
    assert {name: row["state"] for name, row in rows.items()} == {
        "engine": "stopped", "airflow": "stopped", "landing": "nothing waiting", "release": "none yet",
    }  # fmt: skip
    assert {tuple(row) for row in rows.values()} == {
        ("service", "state", "pid", "port", "memory_mib", "since", "note")
    }


def test_status_is_an_array_of_objects_and_nothing_else_and_starts_nothing(home: Settings) -> None:
    done = brain(home, "status", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert [row["service"] for row in json.loads(done.stdout)] == ["engine", "airflow", "landing", "release"]
    assert not home.engine_folder.exists()


def test_status_counts_deliveries_that_were_not_taken_in_and_names_a_broken_manifest(home: Settings) -> None:
    folder = home.landing / "gov_tax"
    folder.mkdir(parents=True)
    (folder / "a.csv").write_text("x\n")
    manifest = {
        "feed": "gov_tax",
        "period": "2023",
        "file": "a.csv",
        "sha256": "0" * 64,
        "sent_at": "2024-01-01T00:00:00Z",
    }
    (folder / "a.csv.manifest.json").write_text(json.dumps(manifest))
    (home.landing / "gov_energy").mkdir()
    (home.landing / "gov_energy" / "b.jsonl.manifest.json").write_text("{")
    landing = control.status()[2]
    assert landing["state"] == "1 files waiting"
    assert landing["note"].startswith("b.jsonl.manifest.json: ")


def test_a_component_that_ended_is_named(home: Settings, stubborn: subprocess.Popen[bytes]) -> None:
    mark = (stubborn.pid, psutil.Process(stubborn.pid).create_time())
    remember(home, 8080, scheduler=mark, triggerer=mark, api_server=mark)
    row = control.status()[1]
    assert (row["state"], row["note"]) == ("broken", "dag-processor ended; ./brain up starts it anew")
    assert row["pid"] == stubborn.pid and row["memory_mib"] > 0


def test_without_a_triggerer_nothing_would_be_waited_for_so_it_counts(
    home: Settings, stubborn: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = (stubborn.pid, psutil.Process(stubborn.pid).create_time())
    remember(home, 8080, scheduler=mark, api_server=mark, dag_processor=mark)
    row = control.status()[1]
    assert (row["state"], row["note"]) == ("broken", "triggerer ended; ./brain up starts it anew")

    remember(home, 8080, scheduler=mark, api_server=mark, dag_processor=mark, triggerer=mark)
    beat = "2026-03-01T08:15:00+00:00"
    parts = ("scheduler", "dag_processor", "triggerer")
    health = {part: {"status": "healthy", f"latest_{part}_heartbeat": beat} for part in parts}
    health["metadatabase"] = {"status": "healthy"}
    monkeypatch.setattr(control, "call", lambda *_: health)
    assert control.status()[1]["state"] == "running"
    assert control.is_well(Airflow(8080), datetime.fromisoformat("2026-03-01T08:14:00+00:00"))
    health["triggerer"]["latest_triggerer_heartbeat"] = "2026-03-01T08:13:00+00:00"
    assert not control.is_well(Airflow(8080), datetime.fromisoformat("2026-03-01T08:14:00+00:00"))
    health["triggerer"]["status"] = "unhealthy"
    assert control.status()[1]["state"] == "unwell"


def test_status_is_a_line_each_for_people() -> None:
    running = control._row(
        "airflow",
        "running",
        pid=12,
        port=8080,
        memory_mib=1580,
        since="2026-03-01T08:15:00+00:00",
        note="here",
    )
    [line, short] = control.as_lines([running, control._row("release", "none yet")])
    assert line.startswith("airflow  running          pid 12, port 8080, 1,580 MiB, since 2026-0")
    assert line.endswith(":15, here") and short == "release  none yet"


# --- down ----------------------------------------------------------------------------------------------


def test_down_is_quiet_where_nothing_runs_and_leaves_no_trace(home: Settings) -> None:
    done = brain(home, "down")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not home.home.exists()


def test_down_ends_the_whole_family_even_when_it_does_not_listen(
    home: Settings, stubborn: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "STOP_SECONDS", 0.5)
    family = [psutil.Process(stubborn.pid), *psutil.Process(stubborn.pid).children()]
    remember(home, 8123, scheduler=(stubborn.pid, family[0].create_time()))
    assert len(family) == 2 and control.down() == ["Airflow"]
    until(lambda: not [p for p in family if p.is_running() and p.status() != psutil.STATUS_ZOMBIE])
    assert control.running_airflow(home) == Airflow(8123)
    assert control.down() == []


def test_a_process_that_was_given_the_same_number_later_is_left_alone(
    home: Settings, stubborn: subprocess.Popen[bytes]
) -> None:
    remember(home, 8123, scheduler=(stubborn.pid, psutil.Process(stubborn.pid).create_time() - 60))
    assert control.running_airflow(home).processes == {}
    assert control.down() == []
    assert stubborn.poll() is None


# --- up ------------------------------------------------------------------------------------------------


@pytest.fixture
def without_engine_and_database(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """An engine that is there at once; what is done with it."""
    did: list[str] = []
    monkeypatch.setattr(engine, "connect", lambda _: did.append("connect"))
    monkeypatch.setattr(engine, "stop", lambda _: did.append("stop"))
    monkeypatch.setattr(control, "prepare_airflow", orchestration.environment)
    return did


def test_a_component_that_cannot_start_is_one_line_with_its_log_and_nothing_stays(
    home: Settings, without_engine_and_database: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "COMPONENTS", {"api-server": ("no-such-command",)})
    with pytest.raises(RejectedError, match=r"^Airflow's api-server ended at once; see .*\.log$"):
        control.up()
    assert "no-such-command" in control.component_log(home, "api-server").read_text()
    assert control.running_airflow(home).processes == {}
    assert without_engine_and_database == ["connect", "stop"]


def test_an_engine_that_ran_before_is_not_stopped_when_airflow_fails(
    home: Settings, without_engine_and_database: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "status", lambda _: {"java": os.getpid()})

    def refuse(*_: object) -> None:
        raise RejectedError("no")

    monkeypatch.setattr(control, "_start_airflow", refuse)
    with pytest.raises(RejectedError, match="no"):
        control.up()
    assert without_engine_and_database == ["connect"]


def test_a_port_is_kept_while_it_is_free_and_another_one_taken_when_it_is_not() -> None:
    with socket.socket() as taken, socket.socket() as other:
        taken.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        used, free = taken.getsockname()[1], other.getsockname()[1]
        taken.listen()
        other.close()
        assert control._choose_port(free) == free
        assert control._choose_port(used) != used


def test_airflow_listens_on_this_machine_only_and_a_run_in_process_has_its_own_database(
    home: Settings,
) -> None:
    served, alone = orchestration.environment(home, 8123), orchestration.environment(home)
    assert served["AIRFLOW__API__HOST"] == "127.0.0.1" and served["AIRFLOW__API__PORT"] == "8123"
    assert served["AIRFLOW__API__WORKERS"] == "1"
    databases = {e["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] for e in (served, alone)}
    assert len(databases) == 2
    assert all(str(home.airflow) in address for address in databases)
    for path in (orchestration.password_file(home), home.airflow / "secrets.json"):
        assert path.stat().st_mode & 0o077 == 0
