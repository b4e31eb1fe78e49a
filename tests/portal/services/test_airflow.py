"""Airflow's processes are found again and stopped with all their children; the choice of a port."""

from __future__ import annotations

import socket
import subprocess

import psutil
import pytest

from portal.services import airflow, control
from portal.services.airflow import Airflow
from tests.portal.services.processes import remember, until
from warehouse.settings import Settings


def test_down_ends_a_process_and_its_child_even_if_they_ignore_the_signal(
    quiet_home: Settings, stubborn: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(airflow, "STOP_SECONDS", 0.5)
    family = [psutil.Process(stubborn.pid), *psutil.Process(stubborn.pid).children()]
    remember(quiet_home, 8123, scheduler=(stubborn.pid, family[0].create_time()))
    assert len(family) == 2 and control.down() == ["Airflow"]
    until(lambda: not [p for p in family if p.is_running() and p.status() != psutil.STATUS_ZOMBIE])
    assert airflow.running_airflow(quiet_home) == Airflow(8123)
    assert control.down() == []


def test_a_later_process_with_the_same_pid_is_left_alone(
    quiet_home: Settings, stubborn: subprocess.Popen[bytes]
) -> None:
    remember(quiet_home, 8123, scheduler=(stubborn.pid, psutil.Process(stubborn.pid).create_time() - 60))
    assert airflow.running_airflow(quiet_home).processes == {}
    assert control.down() == []
    assert stubborn.poll() is None


def test_a_free_port_is_kept_and_a_used_one_replaced() -> None:
    with socket.socket() as taken, socket.socket() as other:
        taken.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        used, free = taken.getsockname()[1], other.getsockname()[1]
        taken.listen()
        other.close()
        assert airflow.choose_port(free) == free
        assert airflow.choose_port(used) != used
