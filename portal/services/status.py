"""Status of a home: its processes, files waiting in its landing folder, and its latest release."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import psutil

from portal.services.airflow import COMPONENTS, Airflow, running_airflow
from portal.services.health import is_well
from portal.services.memory import held_bytes
from portal.services.web import is_well as is_well_web
from portal.services.web import log_file, running_web
from schemas.errors import RejectedError, UsageError
from warehouse import engine
from warehouse.engines import ENGINES
from warehouse.locks import is_held
from warehouse.settings import Settings, settings


def status() -> list[dict[str, Any]]:
    """One row each for engine, Airflow, portal, every stream, a synthetic day, landing folder and release."""
    config = settings()
    airflow = running_airflow(config)
    return [
        _engine_row(config, airflow),
        _airflow_row(airflow),
        _portal_row(config),
        *_stream_rows(config),
        *_today_rows(),
        _landing_row(config),
        _release_row(),
    ]


def as_lines(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """One readable line for each row, with local times."""
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
        name = ENGINES[engine.kind(config).name]
        return _row("engine", "elsewhere", note=f"{name}; at the address in BRAIN_ENGINE_ADDRESS")
    state = engine.status(config)
    idle = f"stops after {config.engine_idle_minutes:g} idle minutes, starts again when needed"
    if state is None:
        wanted = engine.kind(config).version()
        idle = idle if airflow.processes else "starts when needed"
        return _row("engine", "stopped", note=f"{wanted}; {idle}")
    processes = [p for pid in (state["process"], state["supervisor"]) for p in _existing(pid)]
    exposed = (
        "; other users of this machine can reach it, because the system has no network namespaces"
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
        state, note = "broken", f"{', '.join(missing)} ended; ./brain up restarts Airflow"
    elif is_well(airflow):
        state, note = "running", airflow.address
    else:
        state, note = "unwell", f"{airflow.address}/api/v2/monitor/health names the cause"
    return _row(
        "airflow", state, pid=(airflow.processes.get("scheduler") or processes[0]).pid, port=airflow.port,
        memory_mib=_memory(processes), since=_since(processes), note=note,
    )  # fmt: skip


def _portal_row(config: Settings) -> dict[str, Any]:
    web = running_web(config)
    process = web.process.find() if web.process else None
    if process is None:
        return _row("portal", "stopped", note="./brain up starts it")
    state = "running" if is_well_web(web) else "unwell"
    note = web.address if state == "running" else f"does not answer; see {log_file(config)}"
    return _row(
        "portal", state, pid=process.pid, port=web.port, memory_mib=_memory([process]), since=_since([process]),
        note=note,
    )  # fmt: skip


def _stream_rows(config: Settings) -> Iterator[dict[str, Any]]:
    """Streams of this home, running or stopped."""
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


def _today_rows() -> Iterator[dict[str, Any]]:
    """The day of a synthetic city; no row in a home that has the real day."""
    from ingest.register.today import today

    if (day := today()).is_synthetic:
        yield _row(
            "today", str(day.day), note="今天（合成城市） the day of the synthetic city, not of the clock"
        )


def _landing_row(config: Settings) -> dict[str, Any]:
    waiting, broken = _waiting(config)
    note = f"in {config.landing}" if waiting else ""
    if broken:
        note = "; ".join(broken)
    return _row("landing", f"{waiting} files waiting" if waiting else "nothing waiting", note=note)


def _waiting(config: Settings) -> tuple[int, list[str]]:
    """The number of complete drops that are not ingested yet, and a line for each unreadable manifest."""
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
    from pipeline.manifest import engines_of
    from warehouse.releases import open_release

    try:
        release = open_release()
    except UsageError:
        return _row("release", "none yet", note="./brain demo makes one")
    except RejectedError as error:
        return _row("release", "all damaged", note=str(error))
    manifest = release.manifest
    note = f"{len(manifest['tables'])} tables, {sum(t['rows'] for t in manifest['tables'].values()):,} rows"
    if engines := engines_of(manifest):
        note += f", computed by {engines}"
    return _row("release", str(release.number), since=manifest["created_at"], note=note)


def _existing(pid: int) -> list[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        return [psutil.Process(pid)]
    return []


def _memory(processes: Iterable[psutil.Process]) -> int:
    """MiB of the processes and their children."""
    return round(held_bytes(p.pid for p in processes) / 2**20)


def _since(processes: Iterable[psutil.Process]) -> str:
    started = [p.create_time() for p in processes if p.is_running()]
    return datetime.fromtimestamp(min(started), UTC).isoformat(timespec="seconds") if started else ""
