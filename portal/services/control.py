"""What runs in the background for a home: the Spark engine and Airflow, on 127.0.0.1 only.

Airflow runs as its components (API server, scheduler, DAG processor, triggerer) and not as ``airflow standalone``,
which

* lets scheduler and triggerer serve their logs on all interfaces at ports that two homes would have to share;
* goes on when one of its components has died, and leaves them behind when it is killed.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from infra.processes import ServerProcess, is_alive
from portal.services.history import copy_finished_runs
from portal.services.memory import held_bytes
from portal.services.orchestration import DAGS, USER, password, prepare_airflow
from schemas.errors import RejectedError, UsageError, UserError
from warehouse import engine
from warehouse.engines import ENGINES
from warehouse.locks import held, is_held
from warehouse.progress import Progress, silent
from warehouse.settings import CHECKOUT, Settings, settings
from warehouse.state import read_own, write_whole

#: The order in which they are stopped, and backwards started: tasks talk to the API server, so it goes last and
#: comes first. One that the scheduler starts at once, left over from before, would fail without it.
COMPONENTS: Mapping[str, tuple[str, ...]] = {
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "triggerer": ("triggerer", "--skip-serve-logs"),
    "dag-processor": ("dag-processor",),
    "api-server": ("api-server",),
}
PREFERRED_PORT = 8080
START_SECONDS = 180
STOP_SECONDS = 10
CALL_SECONDS = 30


@dataclass(frozen=True)
class Airflow:
    """Airflow's processes of a home (component → process) and the port of its API and pages."""

    port: int
    processes: Mapping[str, psutil.Process] = field(default_factory=dict)

    @property
    def is_complete(self) -> bool:
        return set(self.processes) == set(COMPONENTS)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"


# --- up, down ------------------------------------------------------------------------------------------


def up(progress: Progress = silent) -> tuple[Airflow, bool]:
    """Start what does not run yet and wait until Airflow is well and has read every DAG.

    Returns:
        Airflow's processes, and whether they were started now.

    Raises:
        RejectedError: something could not be started; the line names a log, and nothing is left running.
    """
    config = settings()
    with _changing(config):
        found = running_airflow(config)
        if found.is_complete:
            engine.connect(config)
            copy_finished_runs(config)
            return found, False
        _stop_airflow(config, found)
        had_engine = engine.status(config) is not None
        try:
            return _start(config, progress), True
        except BaseException:
            _stop_airflow(config, running_airflow(config))
            if not had_engine:
                engine.stop(config)
            raise


def down(progress: Progress = silent) -> list[str]:
    """Stop Airflow and the engine of this home; the names of what ran."""
    config = settings()
    if not config.home.is_dir():
        return []
    stopped = []
    with _changing(config):
        found = running_airflow(config)
        if found.processes:
            progress("down", "Airflow", 0)
            _stop_airflow(config, found)
            stopped.append("Airflow")
        if engine.status(config):
            progress("down", "engine", 0)
            engine.stop(config)
            stopped.append("engine")
    return stopped


def running_airflow(config: Settings) -> Airflow:
    """The components that are alive, and the port that this home's Airflow has or had (0: never had one)."""
    try:
        state = read_own(_state_file(config), config.identity)
        marks = {name: ServerProcess(int(pid), float(at)) for name, (pid, at) in state["processes"].items()}
        port = int(state["port"])
    except (FileNotFoundError, KeyError, TypeError, ValueError, AttributeError):
        return Airflow(0)  # no home, or nothing that says so
    return Airflow(port, {name: process for name, mark in marks.items() if (process := mark.find())})


def _changing(config: Settings) -> contextlib.AbstractContextManager[object]:
    refusal = "another ./brain up or down is still at work; wait for it or stop it"
    return held(config.airflow, "services", START_SECONDS * 2, refusal)


def _start(config: Settings, progress: Progress) -> Airflow:
    port = _choose_port(running_airflow(config).port)
    failures: list[UserError] = []
    progress("up", "engine", 0)
    warming = threading.Thread(target=_warm_engine, args=(config, failures), daemon=True)
    warming.start()
    try:
        progress("up", "Airflow's database", 0)
        variables = prepare_airflow(config, port)
        since = datetime.now(UTC)
        progress("up", f"Airflow on port {port}", 0)
        airflow = _start_airflow(config, variables, port)
        _wait(config, airflow, lambda found: is_well(found, since) and _has_read_dags(config, found, since))
        copy_finished_runs(config)
    finally:
        warming.join()  # an engine that comes up after a failure would be left behind
    if failures:
        raise failures[0]
    return airflow


def _warm_engine(config: Settings, failures: list[UserError]) -> None:
    try:
        engine.connect(config)
    except UserError as error:
        failures.append(error)


def _start_airflow(config: Settings, variables: Mapping[str, str], port: int) -> Airflow:
    config.logs.mkdir(parents=True, exist_ok=True)
    here = "127.0.0.1,localhost"  # what tasks say to the API server is no business of a proxy
    env = {**os.environ, **config.environment(), **variables, "NO_PROXY": here, "no_proxy": here}
    # tasks find what lies beside the DAGs, the triggerer by itself does not
    env["PYTHONPATH"] = os.pathsep.join(filter(None, (str(DAGS), os.environ.get("PYTHONPATH"))))
    airflow = Airflow(port)
    for name in reversed(list(COMPONENTS)):
        if name == "scheduler":
            _wait(config, airflow, _answers)
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
    """Where a component writes what it has to say."""
    return config.logs / f"airflow-{name}.log"


def _stop_airflow(config: Settings, airflow: Airflow) -> None:
    """End the components with everything they started, tasks in the middle of their work included.

    The components get time to end by themselves: a scheduler that was killed counts as alive for a while, and its
    tasks as running for five minutes. A task is killed, for it would go on to its end and make the scheduler wait;
    that it failed and has to be tried again is then reported by its parent, to the API server, which goes last.
    """
    family = {p.pid: p for root in airflow.processes.values() for p in _tree(root)}
    scheduler = airflow.processes.get("scheduler")
    tasks = [p for worker in _children(scheduler) for p in _children(worker)] if scheduler else []
    roots = [airflow.processes[name] for name in COMPONENTS if name in airflow.processes]
    last = airflow.processes.get("api-server")
    _signal(p for p in roots if p is not last)
    _kill(tasks)
    _gone([p for p in family.values() if last is None or p.pid != last.pid])
    _signal([last] if last else [])
    _gone([last] if last else [])
    # what came into being meanwhile belongs to the session of its component
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


def _gone(processes: list[psutil.Process]) -> None:
    psutil.wait_procs(processes, timeout=STOP_SECONDS)


def _choose_port(remembered: int) -> int:
    for port in (remembered, PREFERRED_PORT):
        if port and _is_free(port):
            return port
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_free(port: int) -> bool:
    """Whether the API server can have the port; connections of its predecessor that are being closed do not count."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


# --- health --------------------------------------------------------------------------------------------


def _wait(config: Settings, airflow: Airflow, condition: Callable[[Airflow], bool]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        for name, process in airflow.processes.items():
            if not is_alive(process):
                raise RejectedError(f"Airflow's {name} ended at once; see {component_log(config, name)}")
        with contextlib.suppress(OSError):  # nobody answers yet, or somebody else does
            if condition(airflow):
                return
        time.sleep(0.5)
    raise RejectedError(f"Airflow did not get ready in {START_SECONDS} s; see {config.logs}/airflow-*.log")


def _answers(airflow: Airflow) -> bool:
    return "metadatabase" in call(airflow, "/api/v2/monitor/health")


def is_well(airflow: Airflow, since: datetime | None = None) -> bool:
    """Whether database, scheduler, DAG processor and triggerer are healthy, by heartbeats after ``since``."""
    try:
        health = call(airflow, "/api/v2/monitor/health")
    except (OSError, ValueError):
        return False
    beating = ("scheduler", "dag_processor", "triggerer")
    if any(health[part]["status"] != "healthy" for part in ("metadatabase", *beating)):
        return False
    beats = [health[part][f"latest_{part}_heartbeat"] for part in beating]
    return since is None or min(datetime.fromisoformat(beat) for beat in beats) > since


def expected_dags() -> set[str]:
    """Ids of the DAGs: one for each group of feeds, the tables, the alert, and the way out."""
    from schemas.contract import connected_groups

    return {"feeds_expected", "tables", "publish"} | {f"ingest_{group}" for group in connected_groups()}


def _has_read_dags(config: Settings, airflow: Airflow, since: datetime) -> bool:
    token = log_in(config, airflow)
    broken = call(airflow, "/api/v2/importErrors", token)["import_errors"]
    for error in broken:
        if datetime.fromisoformat(error["timestamp"]) > since:
            reason = error["stack_trace"].strip().splitlines()[-1]
            raise RejectedError(f"{error['filename']} is no DAG file: {reason}")
    dags = call(airflow, "/api/v2/dags?limit=100", token)["dags"]
    fresh = {d["dag_id"] for d in dags if datetime.fromisoformat(d["last_parsed_time"]) > since}
    return expected_dags() <= fresh


def log_in(config: Settings, airflow: Airflow) -> str:
    """A token for the REST API, for this home's own user."""
    answer = call(airflow, "/auth/token", body={"username": USER, "password": password(config)})
    return str(answer["access_token"])


def call(airflow: Airflow, path: str, token: str = "", body: Mapping[str, Any] | None = None) -> Any:
    """An answer of Airflow's REST API; a body makes it a POST. Proxies are passed by.

    Raises:
        OSError: nobody answered, or the answer is an error (urllib.error.HTTPError).
    """
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{airflow.address}{path}", data, headers)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=CALL_SECONDS) as answer:
        return json.loads(answer.read())


# --- status --------------------------------------------------------------------------------------------


def status() -> list[dict[str, Any]]:
    """What runs, what waits, and the last release: one row each."""
    config = settings()
    airflow = running_airflow(config)
    return [
        _engine_row(config, airflow),
        _airflow_row(airflow),
        *_stream_rows(config),
        _landing_row(config),
        _release_row(),
    ]


def as_lines(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The rows as a person reads them, one line each; times as the clock on the wall shows them."""
    for row in rows:
        parts = [f"{name} {row[key]}" for key, name in (("pid", "pid"), ("port", "port")) if row[key]]
        if row["memory_mib"]:
            parts.append(f"{row['memory_mib']:,} MiB")
        if row["since"]:
            since = datetime.fromisoformat(row["since"]).astimezone()
            parts.append(f"since {since:%Y-%m-%d %H:%M}")
        parts += [row["note"]] if row["note"] else []
        yield f"{row['service']:<8} {row['state']:<16} {', '.join(parts)}".rstrip()


def _row(service: str, state: str, **values: Any) -> dict[str, Any]:
    empty = {"pid": None, "port": None, "memory_mib": None, "since": None, "note": ""}
    return {"service": service, "state": state, **empty, **values}


def _engine_row(config: Settings, airflow: Airflow) -> dict[str, Any]:
    if config.engine_address:
        found = ENGINES[engine.kind(config).name]
        return _row("engine", "elsewhere", note=f"{found}; BRAIN_ENGINE_ADDRESS names it")
    state = engine.status(config)
    idle = f"stops after {config.engine_idle_minutes:g} idle minutes, starts again when it is needed"
    if state is None:
        wanted = engine.kind(config).version()
        idle = idle if airflow.processes else "starts when it is needed"
        return _row("engine", "stopped", note=f"{wanted}; {idle}")
    processes = [p for pid in (state["process"], state["supervisor"]) for p in _existing(pid)]
    exposed = (
        "; other users of this machine reach it: the system has no network namespaces"
        if state["open"]
        else ""
    )
    return _row(
        "engine", "running", pid=state["process"], memory_mib=_memory(processes), since=_since(processes),
        note=f"{state['version']}; {idle}{exposed}",
    )  # fmt: skip


def _airflow_row(airflow: Airflow) -> dict[str, Any]:
    processes = list(airflow.processes.values())
    if not processes:
        return _row("airflow", "stopped", note="./brain up starts it")
    missing = sorted(set(COMPONENTS) - set(airflow.processes))
    if missing:
        state, note = "broken", f"{', '.join(missing)} ended; ./brain up starts it anew"
    elif is_well(airflow):
        state, note = "running", airflow.address
    else:
        state, note = "unwell", f"{airflow.address}/api/v2/monitor/health says what is amiss"
    return _row(
        "airflow", state, pid=(airflow.processes.get("scheduler") or processes[0]).pid, port=airflow.port,
        memory_mib=_memory(processes), since=_since(processes), note=note,
    )  # fmt: skip


def _stream_rows(config: Settings) -> Iterator[dict[str, Any]]:
    """The streams that this home has, or had."""
    from ingest.ways.stream import lock_name, streamed
    from ingest.ways.stream_state import state_of
    from schemas.contract import feeds

    for spec in streamed(feeds().values()):
        if state := state_of(spec, config):
            runs = is_held(config.locks, lock_name(spec))
            note = f"{spec.table}: {state.records:,} records, {state.refused:,} quarantined"
            if state.begun_at:
                note += f", last batch {state.begun_at.astimezone():%Y-%m-%d %H:%M:%S}"
            yield _row("stream", "running" if runs else "stopped", note=note)


def _landing_row(config: Settings) -> dict[str, Any]:
    waiting, broken = _waiting(config)
    note = f"in {config.landing}" if waiting else ""
    if broken:
        note = "; ".join(broken)
    return _row("landing", f"{waiting} files waiting" if waiting else "nothing waiting", note=note)


def _waiting(config: Settings) -> tuple[int, list[str]]:
    """How many complete drops were not taken in yet, and which manifests cannot be read."""
    from ingest.register.entries import deliveries
    from ingest.ways.manifest import find_drops
    from schemas.contract import feeds

    known = {row["delivery_id"] for row in deliveries()}
    waiting = 0
    refused: list[RejectedError] = []
    for spec in feeds().values():
        drops = find_drops(config.landing / spec.table, refused)
        waiting += sum(d.delivery_id not in known for d in drops)
    return waiting, [str(error) for error in refused]


def _release_row() -> dict[str, Any]:
    from pipeline.publish import engines_of
    from warehouse.releases import open_release

    try:
        release = open_release()
    except UsageError:
        return _row("release", "none yet", note="./brain demo makes one")
    except RejectedError as error:
        return _row("release", "none whole", note=str(error))
    manifest = release.manifest
    note = f"{len(manifest['tables'])} tables, {sum(t['rows'] for t in manifest['tables'].values()):,} rows"
    if made := engines_of(manifest):
        note += f", made by {made}"
    return _row("release", str(release.number), since=manifest["created_at"], note=note)


def _existing(pid: int) -> list[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        return [psutil.Process(pid)]
    return []


def _memory(processes: Iterable[psutil.Process]) -> int:
    """MiB of the processes and all that they started."""
    return round(held_bytes(p.pid for p in processes) / 2**20)


def _since(processes: Iterable[psutil.Process]) -> str:
    started = [p.create_time() for p in processes if p.is_running()]
    return datetime.fromtimestamp(min(started), UTC).isoformat(timespec="seconds") if started else ""
