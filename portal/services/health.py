"""Health of a home's Airflow: answers of its API, heartbeats, and the DAGs that it has read."""

from __future__ import annotations

import contextlib
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from infra.processes import is_alive
from portal.services.airflow import Airflow, component_log
from portal.services.orchestration import USER, password
from schemas.errors import RejectedError
from warehouse.settings import Settings

START_SECONDS = 180
CALL_SECONDS = 30


def wait(config: Settings, airflow: Airflow, condition: Callable[[Airflow], bool]) -> None:
    """Wait until the condition holds.

    Raises:
        RejectedError: a component ended, or the condition did not hold in time; the line names a log.
    """
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        for name, process in airflow.processes.items():
            if not is_alive(process):
                raise RejectedError(
                    f"Airflow's {name} ended while starting; see {component_log(config, name)}"
                )
        with contextlib.suppress(OSError):  # no answer yet, or one of another program
            if condition(airflow):
                return
        time.sleep(0.5)
    raise RejectedError(f"Airflow was not ready within {START_SECONDS} s; see {config.logs}/airflow-*.log")


def answers(airflow: Airflow) -> bool:
    """Whether the API server answers."""
    return "metadatabase" in call(airflow, "/api/v2/monitor/health")


def is_well(airflow: Airflow, since: datetime | None = None) -> bool:
    """Whether database, scheduler, DAG processor and triggerer are healthy, with heartbeats after ``since``."""
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
    """Ids of the DAGs: ingestion of each group of feeds, tables, alert about missing feeds, publication, procedure."""
    from schemas.contract import connected_groups

    return {"feeds_expected", "procedure", "tables", "publish"} | {
        f"ingest_{group}" for group in connected_groups()
    }


def has_read_dags(config: Settings, airflow: Airflow, since: datetime) -> bool:
    """Whether every DAG was read after ``since``.

    Raises:
        RejectedError: Airflow cannot import a DAG file.
    """
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
    """An answer of Airflow's REST API. A body makes the request a POST. Proxies are not used.

    Raises:
        OSError: there is no answer, or the answer is an error (urllib.error.HTTPError).
    """
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{airflow.address}{path}", data, headers)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=CALL_SECONDS) as answer:
        return json.loads(answer.read())
