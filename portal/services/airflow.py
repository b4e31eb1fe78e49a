"""Airflow's processes of a home: start them, find them again, and stop them with all their children.

Airflow runs as its components (API server, scheduler, DAG processor, triggerer) and not as ``airflow standalone``,
because ``standalone``

* lets scheduler and triggerer serve their logs on all interfaces, at ports that two homes would have to share;
* continues when a component has died, and leaves the components running when it is killed.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from infra.processes import ServerProcess
from portal.services.orchestration import DAGS
from warehouse.settings import CHECKOUT, Settings
from warehouse.state import read_own, write_whole

#: In the order of stopping; started in reverse. Tasks call the API server, so it starts first and stops last: a task
#: left over from an earlier run starts with the scheduler and would fail without it.
COMPONENTS: Mapping[str, tuple[str, ...]] = {
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "triggerer": ("triggerer", "--skip-serve-logs"),
    "dag-processor": ("dag-processor",),
    "api-server": ("api-server",),
}
PREFERRED_PORT = 8080
STOP_SECONDS = 10


@dataclass(frozen=True)
class Airflow:
    """Airflow's processes of a home (component → process) and the port of its API and web pages."""

    port: int
    processes: Mapping[str, psutil.Process] = field(default_factory=dict)

    @property
    def is_complete(self) -> bool:
        return set(self.processes) == set(COMPONENTS)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def running_airflow(config: Settings) -> Airflow:
    """The components that are alive, and the current or last port of this home's Airflow (0: never started)."""
    try:
        state = read_own(_state_file(config), config.identity)
        marks = {name: ServerProcess(int(pid), float(at)) for name, (pid, at) in state["processes"].items()}
        port = int(state["port"])
    except (FileNotFoundError, KeyError, TypeError, ValueError, AttributeError):
        return Airflow(0)  # no home, or no readable state
    return Airflow(port, {name: process for name, mark in marks.items() if (process := mark.find())})


# --- start ---------------------------------------------------------------------------------------------


def start_airflow(
    config: Settings, variables: Mapping[str, str], port: int, wait_for_api: Callable[[Airflow], None]
) -> Airflow:
    """Start the components; the scheduler only after ``wait_for_api`` has returned."""
    config.logs.mkdir(parents=True, exist_ok=True)
    here = "127.0.0.1,localhost"  # tasks call the API server directly, not through a proxy
    env = {**os.environ, **config.environment(), **variables, "NO_PROXY": here, "no_proxy": here}
    # unlike tasks, the triggerer does not find modules in the folder of the DAGs by itself
    env["PYTHONPATH"] = os.pathsep.join(filter(None, (str(DAGS), os.environ.get("PYTHONPATH"))))
    airflow = Airflow(port)
    for name in reversed(list(COMPONENTS)):
        if name == "scheduler":
            wait_for_api(airflow)
        process = _start_component(config, name, env)
        airflow = Airflow(port, {**airflow.processes, name: process})
        _remember(config, airflow)
    return airflow


def _start_component(config: Settings, name: str, env: Mapping[str, str]) -> psutil.Process:
    with component_log(config, name).open("ab") as out:
        child = subprocess.Popen(
            [sys.executable, "-m", "airflow", *COMPONENTS[name]],
            cwd=CHECKOUT,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    return psutil.Process(child.pid)


def _remember(config: Settings, airflow: Airflow) -> None:
    marks = {name: [p.pid, p.create_time()] for name, p in airflow.processes.items()}
    state = {"home": config.identity, "port": airflow.port, "processes": marks}
    write_whole(_state_file(config), json.dumps(state))


def _state_file(config: Settings) -> Path:
    return config.airflow / "services.json"


def component_log(config: Settings, name: str) -> Path:
    """The log file of a component."""
    return config.logs / f"airflow-{name}.log"


# --- stop ----------------------------------------------------------------------------------------------


def stop_airflow(config: Settings, airflow: Airflow) -> None:
    """End the components and all their children, running tasks included.

    The components get time to end by themselves: Airflow considers a killed scheduler alive for a while, and its
    tasks running for five minutes. Running tasks are killed, because the scheduler would wait for them. The parent of
    a killed task then reports the failure, so that the task is tried again, to the API server, which stops last.
    """
    family = {p.pid: p for root in airflow.processes.values() for p in _tree(root)}
    scheduler = airflow.processes.get("scheduler")
    tasks = [p for worker in _children(scheduler) for p in _children(worker)] if scheduler else []
    roots = [airflow.processes[name] for name in COMPONENTS if name in airflow.processes]
    last = airflow.processes.get("api-server")
    _signal(p for p in roots if p is not last)
    _kill(tasks)
    _wait_for_end([p for p in family.values() if last is None or p.pid != last.pid])
    _signal([last] if last else [])
    _wait_for_end([last] if last else [])
    # processes started meanwhile belong to the session of their component
    family |= {p.pid: p for p in _of_sessions({root.pid for root in roots})}
    _kill(family.values())
    psutil.wait_procs(list(family.values()), timeout=STOP_SECONDS)
    if airflow.port:
        _remember(config, Airflow(airflow.port))


def _tree(root: psutil.Process) -> list[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        return [root, *root.children(recursive=True)]
    return []


def _children(process: psutil.Process) -> list[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.children()
    return []


def _of_sessions(leaders: set[int]) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError, PermissionError):
            if os.getsid(process.pid) in leaders:
                yield process


def _signal(processes: Iterable[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()


def _kill(processes: Iterable[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def _wait_for_end(processes: list[psutil.Process]) -> None:
    psutil.wait_procs(processes, timeout=STOP_SECONDS)


# --- port ----------------------------------------------------------------------------------------------


def choose_port(remembered: int) -> int:
    """The first free port of: the home's last one, the usual one, any."""
    for port in (remembered, PREFERRED_PORT):
        if port and is_free(port):
            return port
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    """Whether the API server can use the port; closing connections of an earlier server do not matter."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
