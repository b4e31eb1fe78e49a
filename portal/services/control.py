"""``./brain up`` and ``down``: what runs in the background for a home, the engine and Airflow, on 127.0.0.1 only."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from datetime import UTC, datetime

from portal.services.airflow import Airflow, choose_port, running_airflow, start_airflow, stop_airflow
from portal.services.health import START_SECONDS, answers, has_read_dags, is_well, wait
from portal.services.history import copy_finished_runs
from portal.services.orchestration import prepare_airflow
from schemas.errors import UserError
from warehouse import engine
from warehouse.locks import held
from warehouse.settings import Settings, settings

Progress = Callable[[str, str, int], None]


def up(progress: Progress = lambda *_: None) -> tuple[Airflow, bool]:
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
        stop_airflow(config, found)
        had_engine = engine.status(config) is not None
        try:
            return _start(config, progress), True
        except BaseException:
            stop_airflow(config, running_airflow(config))
            if not had_engine:
                engine.stop(config)
            raise


def down(progress: Progress = lambda *_: None) -> list[str]:
    """Stop Airflow and the engine of this home; the names of what ran."""
    config = settings()
    if not config.home.is_dir():
        return []
    stopped = []
    with _changing(config):
        found = running_airflow(config)
        if found.processes:
            progress("down", "Airflow", 0)
            stop_airflow(config, found)
            stopped.append("Airflow")
        if engine.status(config):
            progress("down", "engine", 0)
            engine.stop(config)
            stopped.append("engine")
    return stopped


def _changing(config: Settings) -> contextlib.AbstractContextManager[object]:
    refusal = "another ./brain up or down is still at work; wait for it or stop it"
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
        airflow = start_airflow(config, variables, port, lambda found: wait(config, found, answers))
        wait(config, airflow, lambda found: is_well(found, since) and has_read_dags(config, found, since))
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
