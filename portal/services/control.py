"""``./brain up`` and ``down``: start and stop a home's engine and Airflow, which listen on 127.0.0.1 only."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from datetime import UTC, datetime

from portal.services.airflow import Airflow, choose_port, running_airflow, start_airflow, stop_airflow
from portal.services.health import START_SECONDS, answers, has_read_dags, is_well, wait
from portal.services.history import copy_finished_runs
from portal.services.orchestration import prepare_airflow
from portal.services.web import Web, running_web, start_web, stop_web
from schemas.errors import UserError
from warehouse import engine
from warehouse.locks import held
from warehouse.settings import Settings, settings

Progress = Callable[[str, str, int], None]


def up(progress: Progress = lambda *_: None) -> tuple[Airflow, Web, bool]:
    """Start what is not running yet, and wait until Airflow is healthy and has read every DAG.

    Returns:
        Airflow's processes, the portal's server, and whether any of them was started now.

    Raises:
        RejectedError: the portal, the engine or Airflow could not be started; the line names a log. What was started
            is stopped.
    """
    config = settings()
    with _changing(config):
        progress("up", "portal", 0)
        web, is_new_web = start_web(config)
        try:
            airflow, is_new = _up_airflow(config, progress)
        except BaseException:
            if is_new_web:
                stop_web(config)
            raise
        return airflow, web, is_new or is_new_web


def _up_airflow(config: Settings, progress: Progress) -> tuple[Airflow, bool]:
    running = running_airflow(config)
    if running.is_complete:
        engine.connect(config)
        copy_finished_runs(config)
        return running, False
    stop_airflow(config, running)
    had_engine = engine.status(config) is not None
    try:
        return _start(config, progress), True
    except BaseException:
        stop_airflow(config, running_airflow(config))
        if not had_engine:
            engine.stop(config)
        raise


def down(progress: Progress = lambda *_: None) -> list[str]:
    """Stop the portal, Airflow and the engine of this home.

    Returns:
        The names of what was running.
    """
    config = settings()
    if not config.home.is_dir():
        return []
    stopped = []
    with _changing(config):
        if running_web(config).process:
            progress("down", "portal", 0)
            stop_web(config)
            stopped.append("portal")
        running = running_airflow(config)
        if running.processes:
            progress("down", "Airflow", 0)
            stop_airflow(config, running)
            stopped.append("Airflow")
        if engine.status(config):
            progress("down", "engine", 0)
            engine.stop(config)
            stopped.append("engine")
    return stopped


def _changing(config: Settings) -> contextlib.AbstractContextManager[object]:
    refusal = "another ./brain up or down is still running; wait for it or stop it"
    return held(config.airflow, "services", START_SECONDS * 2, refusal)


def _start(config: Settings, progress: Progress) -> Airflow:
    port = choose_port(running_airflow(config).port)
    failures: list[UserError] = []
    progress("up", "engine", 0)
    warming = threading.Thread(target=_warm_engine, args=(config, failures), daemon=True)
    warming.start()
    try:
        progress("up", "Airflow's database", 0)
        variables = prepare_airflow(config, port)
        since = datetime.now(UTC)
        progress("up", f"Airflow on port {port}", 0)
        airflow = start_airflow(config, variables, port, lambda started: wait(config, started, answers))
        wait(
            config, airflow, lambda started: is_well(started, since) and has_read_dags(config, started, since)
        )
        copy_finished_runs(config)
    finally:
        warming.join()  # an engine that starts after a failure would keep running
    if failures:
        raise failures[0]
    return airflow


def _warm_engine(config: Settings, failures: list[UserError]) -> None:
    try:
        engine.connect(config)
    except UserError as error:
        failures.append(error)
