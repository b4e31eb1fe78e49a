"""The whole chain under the real scheduler: one call of the REST API, and a release comes out."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil
import pytest

from jobs import graph
from jobs.demo_city.city import CitySpec, generate
from jobs.ingest.ingest import ingest
from jobs.publish import publish
from portal import services
from portal.services import Airflow
from tests.built_city import redeliver
from warehouse import engine, releases, tables
from warehouse.settings import settings

RELEASE_SECONDS = 400
QUIET_SECONDS = 12
CITY = CitySpec(scale=0.005, seed=7, years=(2022, 2023))
#: What the area of a parcel reaches; the two other tables of core do not know of it.
FROM_PARCEL = {
    "core.parcel", "core.parcel_use", "core.enterprise_year", "per_mu.adjustment", "per_mu.baseline",
    "per_mu.city_rank", "per_mu.district_summary", "per_mu.enterprise_grade", "per_mu.indicator_value",
    "per_mu.population",
}  # fmt: skip


class Client:
    """A user of Airflow's REST API."""

    def __init__(self, airflow: Airflow) -> None:
        self._airflow = airflow
        self._token = services.log_in(settings(), airflow)

    def get(self, path: str) -> Any:
        return services.call(self._airflow, f"/api/v2{path}", self._token)

    def trigger(self, dag: str) -> str:
        body = {"logical_date": None, "conf": {}}
        return str(
            services.call(self._airflow, f"/api/v2/dags/{dag}/dagRuns", self._token, body)["dag_run_id"]
        )

    def runs(self, dag: str) -> list[dict[str, Any]]:
        return list(self.get(f"/dags/{dag}/dagRuns?limit=100&order_by=run_after")["dag_runs"])

    def tasks(self, dag: str, run: str) -> dict[str, dict[str, Any]]:
        found = self.get(f"/dags/{dag}/dagRuns/{quote(run)}/taskInstances")["task_instances"]
        return {task["task_id"]: task for task in found}

    def result(self, dag: str, run: str, task: str) -> dict[str, Any]:
        path = f"/dags/{dag}/dagRuns/{quote(run)}/taskInstances/{task}/xcomEntries/return_value"
        return dict(self.get(path)["value"])


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty home with an engine of its own; whatever it started is stopped, also when the test fails."""
    monkeypatch.setenv("BRAIN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("BRAIN_SPARK_MEMORY", "2g")
    monkeypatch.delenv("BRAIN_SPARK_REMOTE", raising=False)
    settings.cache_clear()
    yield settings().home
    services.down()
    settings.cache_clear()


def wait_until_quiet(client: Client, at_least: int) -> None:
    """Wait for a release of this number, and until no run of any DAG is queued or running for a while."""
    deadline = time.monotonic() + RELEASE_SECONDS
    quiet_since = None
    while time.monotonic() < deadline:
        states = Counter(run["state"] for dag in services.expected_dags() for run in client.runs(dag))
        assert states["failed"] == 0
        busy = states["queued"] + states["running"]
        if busy or (releases.release_numbers() or [0])[-1] < at_least:
            quiet_since = None
        elif quiet_since is None:
            quiet_since = time.monotonic()
        elif time.monotonic() - quiet_since > QUIET_SECONDS:
            return
        time.sleep(1)
    pytest.fail(f"no release {at_least} and quiet within {RELEASE_SECONDS} s")


def made_by(client: Client, known: set[str]) -> Counter[tuple[str, str]]:
    """(Table, period) → how often the runs of the areas made it, runs that were known before left out."""
    made: Counter[tuple[str, str]] = Counter()
    for dag in ("core", "per_mu"):
        for run in client.runs(dag):
            if run["dag_run_id"] not in known:
                report = client.result(dag, run["dag_run_id"], "run")
                made.update(
                    (table, period) for table, periods in report["made"].items() for period in periods
                )
    return made


def run_ids(client: Client) -> set[str]:
    return {run["dag_run_id"] for dag in services.expected_dags() for run in client.runs(dag)}


def staged_versions() -> dict[str, int]:
    return {name: tables.version(name) for name in graph.registry()}


def hashes(number: int) -> dict[str, str]:
    return {name: table.content_hash for name, table in releases.open_release(number).tables.items()}


def larger_first_parcel(records: list[dict[str, str]]) -> list[dict[str, str]]:
    area = "宗地面积(平方米)"
    return [{**r, area: f"{float(r[area]) + 50:.2f}"} if n == 0 else r for n, r in enumerate(records)]


def family_of(airflow: Airflow) -> list[psutil.Process]:
    state = engine.status(settings())
    assert state is not None
    roots = [*airflow.processes.values(), psutil.Process(state["supervisor"])]
    return [p for root in roots for p in [root, *root.children(recursive=True)]]


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_a_delivery_becomes_one_release_and_its_correction_exactly_one_more(
    own_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generate(CITY, settings().landing, own_home / "truth")
    airflow, is_new = services.up()
    assert is_new and services.up() == (airflow, False)
    client = Client(airflow)
    assert {dag["dag_id"] for dag in client.get("/dags")["dags"]} == {"ingest", "core", "per_mu", "publish"}
    listening = {c.laddr.ip for p in family_of(airflow) for c in p.net_connections() if c.status == "LISTEN"}
    assert listening <= {"127.0.0.1", "::ffff:127.0.0.1"}

    # ingest → its asset events → areas → publish; each table is made once, one release comes out
    client.trigger("ingest")
    wait_until_quiet(client, 1)
    assert releases.release_numbers() == [1]
    assert made_by(client, set()) == Counter((t, p) for t in graph.registry() for p in ("2022", "2023"))
    first = hashes(1)

    # nothing new: no run of an area, no release
    known = run_ids(client)
    run = client.trigger("ingest")
    wait_until_quiet(client, 1)
    assert client.result("ingest", run, "ingest")["taken"] == 0
    assert {r for r in run_ids(client) - known if not _is_of(client, r, "ingest")} == set()

    # one feed is corrected: exactly what is stale is made, once, and exactly one more release
    known, before = run_ids(client), staged_versions()
    redeliver(own_home, "gov_land_parcel", "land_parcel_2023.csv", larger_first_parcel)
    client.trigger("ingest")
    wait_until_quiet(client, 2)
    assert releases.release_numbers() == [1, 2]
    assert made_by(client, known) == Counter((table, "2023") for table in FROM_PARCEL)
    assert {n for n, v in staged_versions().items() if v != before[n]} == FROM_PARCEL
    second = hashes(2)
    published = {name for name in first if second[name] != first[name]}
    assert "core.parcel" in published and published <= FROM_PARCEL
    reports = [
        client.result("publish", run["dag_run_id"], "publish")
        for run in client.runs("publish")
        if client.tasks("publish", run["dag_run_id"])["publish"]["state"] == "success"
    ]
    assert sorted(r["release"] for r in reports if r["is_new"]) == [1, 2]

    # the engine went away while Airflow runs, as it does after its idle minutes: a task starts it again
    engine.stop(settings())
    assert [row["state"] for row in services.status()[:2]] == ["stopped", "running"]
    redeliver(own_home, "gov_land_parcel", "land_parcel_2022.csv", larger_first_parcel)
    client.trigger("ingest")
    wait_until_quiet(client, 3)
    assert engine.status(settings()) is not None
    assert releases.release_numbers() == [1, 2, 3]

    # the same deliveries, taken in and made without Airflow, are the same releases
    _assert_same_without_airflow(tmp_path / "other", first, monkeypatch)

    settings.cache_clear()
    family, port = family_of(airflow), airflow.port
    assert services.down() == ["Airflow", "engine"]
    assert [p for p in family if p.is_running() and p.status() != psutil.STATUS_ZOMBIE] == []
    assert services._is_free(port)
    assert services.down() == []


def _is_of(client: Client, run: str, dag: str) -> bool:
    return run in {r["dag_run_id"] for r in client.runs(dag)}


def _assert_same_without_airflow(
    home: Path, expected: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second home on the same engine, its tables made by the functions alone."""
    with monkeypatch.context() as patch:
        patch.setenv("BRAIN_SPARK_REMOTE", engine._remote(settings()))
        patch.setenv("BRAIN_HOME", str(home))
        settings.cache_clear()
        generate(CITY, settings().landing, home / "truth")
        ingest()
        graph.run()
        publish()
        assert hashes(1) == expected
    settings.cache_clear()
