"""A failed ``./brain up`` leaves nothing running, and ``./brain down`` prints nothing if nothing runs."""

from __future__ import annotations

import os

import pytest

from portal.services import airflow, control, orchestration
from schemas.errors import RejectedError
from tests.portal.services.processes import brain
from warehouse import engine
from warehouse.settings import Settings


def test_down_prints_and_writes_nothing_if_nothing_runs(quiet_home: Settings) -> None:
    done = brain(quiet_home, "down")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not quiet_home.home.exists()


@pytest.fixture
def without_engine_and_database(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replace the engine by a fake; the names of its calls."""
    calls: list[str] = []
    monkeypatch.setattr(engine, "connect", lambda _: calls.append("connect"))
    monkeypatch.setattr(engine, "stop", lambda _: calls.append("stop"))
    monkeypatch.setattr(control, "prepare_airflow", orchestration.environment)
    return calls


def test_a_component_that_cannot_start_is_one_line_with_its_log_and_nothing_keeps_running(
    quiet_home: Settings, without_engine_and_database: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(airflow, "COMPONENTS", {"api-server": ("no-such-command",)})
    with pytest.raises(RejectedError, match=r"^Airflow's api-server ended while starting; see .*\.log$"):
        control.up()
    assert "no-such-command" in airflow.component_log(quiet_home, "api-server").read_text()
    assert airflow.running_airflow(quiet_home).processes == {}
    assert without_engine_and_database == ["connect", "stop"]


def test_an_engine_that_ran_before_is_not_stopped_when_airflow_fails(
    quiet_home: Settings, without_engine_and_database: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "status", lambda _: {"java": os.getpid()})

    def refuse(*_: object) -> None:
        raise RejectedError("no")

    monkeypatch.setattr(control, "start_airflow", refuse)
    with pytest.raises(RejectedError, match="no"):
        control.up()
    assert without_engine_and_database == ["connect"]
