"""``./brain up`` that fails leaves nothing, and ``./brain down`` is quiet where nothing runs."""

from __future__ import annotations

import os

import pytest

from portal.services import airflow, control, orchestration
from schemas.errors import RejectedError
from tests.portal.services.processes import brain
from warehouse import engine
from warehouse.settings import Settings


def test_down_is_quiet_where_nothing_runs_and_leaves_no_trace(quiet_home: Settings) -> None:
    done = brain(quiet_home, "down")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not quiet_home.home.exists()


@pytest.fixture
def without_engine_and_database(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """An engine that is there at once; what is done with it."""
    did: list[str] = []
    monkeypatch.setattr(engine, "connect", lambda _: did.append("connect"))
    monkeypatch.setattr(engine, "stop", lambda _: did.append("stop"))
    monkeypatch.setattr(control, "prepare_airflow", orchestration.environment)
    return did


def test_a_component_that_cannot_start_is_one_line_with_its_log_and_nothing_stays(
    quiet_home: Settings, without_engine_and_database: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(airflow, "COMPONENTS", {"api-server": ("no-such-command",)})
    with pytest.raises(RejectedError, match=r"^Airflow's api-server ended at once; see .*\.log$"):
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
