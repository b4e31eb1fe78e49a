"""Faults of an engine: each gives one line that says what to do, and the next run repairs the tables."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from filelock import FileLock

from pipeline.run import run_tables
from schemas.errors import RejectedError
from tests.built_city import BuiltCity, copy
from warehouse import engine, tables
from warehouse.comparison import staged_content
from warehouse.settings import CHECKOUT, Settings, settings


@pytest.fixture
def own_engine(built_city: BuiltCity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """A copy of the built city with an engine of its own, which a test may damage."""
    monkeypatch.setenv("BRAIN_HOME", str(copy(built_city, tmp_path / "home")))
    monkeypatch.delenv("BRAIN_ENGINE_ADDRESS", raising=False)
    settings.cache_clear()
    yield settings()
    engine.stop(settings())
    settings.cache_clear()


def brain(*args: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if k not in ("BRAIN_ENGINE_ADDRESS", "PYTEST_CURRENT_TEST")}
    return subprocess.run(
        [sys.executable, "-m", "portal.cli", *args],
        capture_output=True, text=True, check=False, timeout=300, env={**clean, **environment}, cwd=CHECKOUT,
    )  # fmt: skip


def failure_line(done: subprocess.CompletedProcess[str]) -> str:
    """The only line that a failed command prints."""
    [line] = [line for line in done.stderr.splitlines() if line.startswith("brain: ")]
    assert "Traceback" not in done.stderr and "this should not happen" not in line
    return line


def wait_for(condition: Any, seconds: float = 120) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if result := condition():
            return result
        time.sleep(0.005)
    raise AssertionError(f"the condition was not met within {seconds} seconds")


def test_an_unknown_engine_is_refused(tmp_path: Path) -> None:
    done = brain("run", BRAIN_ENGINE="duck", BRAIN_HOME=str(tmp_path))
    assert done.returncode == 2
    assert failure_line(done) == "brain: unknown engine duck; set BRAIN_ENGINE to one of: embedded, spark"


def test_an_engine_that_is_killed_in_the_middle_of_a_table(own_engine: Settings) -> None:
    before = list(staged_content())
    state = engine.status(own_engine) or {}
    if not state:
        engine.connect()
        state = engine.status(own_engine) or {}
    run = subprocess.Popen(
        [sys.executable, "-m", "portal.cli", "run", "core", "--full"],
        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, cwd=CHECKOUT,
    )  # fmt: skip
    # wait for the first file of a table
    wait_for(lambda: list(own_engine.scratch.glob("*/*/*.parquet")))
    os.kill(state["process"], signal.SIGKILL)
    _, errors = run.communicate(timeout=120)
    [line] = [line for line in errors.splitlines() if line.startswith("brain: ")]
    assert run.returncode == 1
    assert "ended during the work" in line and "run it again" in line
    assert not own_engine.scratch.exists()
    # the next run deletes what a killed run left
    (own_engine.scratch / "core.parcel-0").mkdir(parents=True)
    run_tables(["core"], full=True)
    assert not own_engine.scratch.exists()
    assert list(staged_content()) == before
    assert (engine.status(own_engine) or {})["process"] != state["process"]


def test_an_idle_engine_stops_while_a_release_is_published(own_engine: Settings) -> None:
    engine.connect()
    other_run = FileLock(own_engine.locks / "run.lock", thread_local=False)
    with other_run:
        engine.rest()
        assert engine.status(own_engine)
    engine.rest()
    assert engine.status(own_engine) is None
    assert engine.connect().range(3).count() == 3


def test_a_disk_that_is_full_while_an_engine_writes(own_engine: Settings) -> None:
    before = list(staged_content())
    engine.connect()
    process = psutil.Process((engine.status(own_engine) or {})["process"])
    # files may not grow beyond this limit: to the engine the disk is full
    process.rlimit(psutil.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    with pytest.raises(RejectedError) as refused:
        run_tables(["core"], full=True)
    assert "make room on the disk" in str(refused.value) and "\n" not in str(refused.value)
    assert not own_engine.scratch.exists()
    process.rlimit(psutil.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    run_tables(["core"], full=True)
    assert list(staged_content()) == before


def test_a_second_run_waits_and_is_then_refused(cold_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "LOCK_SECONDS", 0.1)
    with tables.writing("run"), pytest.raises(RejectedError, match="another run has been running") as refused:
        run_tables()
    assert "\n" not in str(refused.value)


def test_a_master_that_cannot_be_reached(tmp_path: Path) -> None:
    begun = time.monotonic()
    config = Settings(home=tmp_path, engine="spark", spark_master="spark://127.0.0.1:1", engine_address=None)
    with pytest.raises(RejectedError) as refused:
        engine.connect(config)
    assert "spark://127.0.0.1:1 cannot be reached" in str(refused.value) and "\n" not in str(refused.value)
    assert time.monotonic() - begun < 30


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("External error: No space left on device (os error 28)", "make room"),
        ("Resources exhausted: Failed to allocate 64 MB", "raise BRAIN_ENGINE_MEMORY"),
        ("Failed to allocate additional 435.8 KB for HashJoinInput[0]", "raise BRAIN_ENGINE_MEMORY"),
    ],
)
def test_an_error_of_an_engine_becomes_advice(cold_home: Path, text: str, advice: str) -> None:
    assert advice in str(engine.told(RuntimeError(text)))
    other = RuntimeError("something else")
    assert engine.told(other) is other
