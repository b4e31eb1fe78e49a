"""End to end under the real scheduler and triggerer: from a dropped manifest to a release."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil
import pytest

from demo_city.city import CitySpec, generate
from ingest.ways.landing import ingest
from pipeline.publish import publish
from pipeline.registry import registry
from pipeline.run import run_tables
from portal.services import control, health, status
from portal.services.airflow import Airflow, is_free
from schemas.contract import connected_groups
from tests.built_city import redeliver
from warehouse import engine, releases, tables
from warehouse.settings import settings

RELEASE_SECONDS = 900
QUIET_SECONDS = 12
CITY = CitySpec(scale=0.005, seed=7, years=(2022, 2023), slips=False)
#: Tables of monthly feeds, which the demo city sends only for 2024.
OF_THE_LAST_YEAR = {
    "core.enterprise_month", "chain.trade", "chain.supply_flow", "chain.node_metrics_month",
    "chain.chain_metrics_month", "profile.enterprise_profile_month", "profile.enterprise_tag_month",
    "profile.comprehensive_score_month",
}  # fmt: skip
#: Tables that depend on a parcel's area.
FROM_PARCEL = {
    "core.parcel", "core.parcel_use", "core.enterprise_year", "per_mu.adjustment", "per_mu.baseline",
    "per_mu.city_rank", "per_mu.district_summary", "per_mu.enterprise_grade", "per_mu.indicator_value",
    "per_mu.population", "per_mu.unit", "core.enterprise_identifier", "core.identity_review",
    "chain.chain_metrics", "chain.gap", "chain.local_supplier", "chain.node_metrics",
    "chain.target_progress", "profile.comprehensive_score",
    "profile.enterprise_profile", "profile.enterprise_tag",
    "bulletin.city_total", "bulletin.district_total", "bulletin.division_total", "bulletin.grade_list",
}  # fmt: skip


GROUPS = sorted(f"ingest_{group}" for group in connected_groups())
RUN_BY_EVENTS = [*GROUPS, "tables", "publish"]


class Client:
    """A user of Airflow's REST API."""

    def __init__(self, airflow: Airflow) -> None:
        self._airflow = airflow
        self._token = health.log_in(settings(), airflow)

    def get(self, path: str) -> Any:
        return health.call(self._airflow, f"/api/v2{path}", self._token)

    def trigger(self, dag: str) -> str:
        body: dict[str, Any] = {"logical_date": None, "conf": {}}
        return str(health.call(self._airflow, f"/api/v2/dags/{dag}/dagRuns", self._token, body)["dag_run_id"])

    def runs(self, dag: str) -> list[dict[str, Any]]:
        return list(self.get(f"/dags/{dag}/dagRuns?limit=100&order_by=run_after")["dag_runs"])

    def everything(self, path: str, *states: str) -> list[dict[str, Any]]:
        """Runs or task instances of all DAGs in the given states, without those of the daily check."""
        query = "&".join(f"state={state}" for state in states)
        answer = self.get(f"/dags/~{path}?limit=100&{query}")
        found = answer.get("dag_runs") or answer.get("task_instances") or []
        return [one for one in found if one["dag_id"] != "feeds_expected"]

    def events(self) -> list[dict[str, Any]]:
        """All asset events, oldest first; a page has at most a hundred, whatever the limit."""
        found: list[dict[str, Any]] = []
        while page := self.get(f"/assets/events?order_by=timestamp&limit=100&offset={len(found)}")[
            "asset_events"
        ]:
            found += page
        return found

    def tasks(self, dag: str, run: str) -> dict[str, dict[str, Any]]:
        found = self.get(f"/dags/{dag}/dagRuns/{quote(run)}/taskInstances")["task_instances"]
        return {task["task_id"]: task for task in found}

    def result(self, dag: str, run: str, task: str) -> dict[str, Any]:
        path = f"/dags/{dag}/dagRuns/{quote(run)}/taskInstances/{task}/xcomEntries/return_value"
        return dict(self.get(path)["value"])


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty home with its own engine; all its processes are stopped, also when the test fails."""
    monkeypatch.setenv("BRAIN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("BRAIN_SPARK_MEMORY", "2g")
    monkeypatch.delenv("BRAIN_ENGINE_ADDRESS", raising=False)
    settings.cache_clear()
    yield settings().home
    control.down()
    settings.cache_clear()


def wait_until_quiet(client: Client, at_least: int, failed: int = 0) -> None:
    """Wait for a release of this number, and until for a while every group waits and nothing else runs.

    Args:
        failed: number of failed runs expected, of groups with a rejected file.
    """
    deadline = time.monotonic() + RELEASE_SECONDS
    quiet_since = None
    while time.monotonic() < deadline:
        assert len(client.everything("/dagRuns", "failed")) == failed
        busy = waiting(client) != GROUPS or [run["dag_id"] for run in active(client)] != GROUPS
        if busy or (releases.release_numbers() or [0])[-1] < at_least:
            quiet_since = None
        elif quiet_since is None:
            quiet_since = time.monotonic()
        elif time.monotonic() - quiet_since > QUIET_SECONDS:
            return
        time.sleep(2)
    pytest.fail(f"no release {at_least} and quiet within {RELEASE_SECONDS} s")


def active(client: Client) -> list[dict[str, Any]]:
    """Runs of all DAGs that are queued or running."""
    return sorted(client.everything("/dagRuns", "queued", "running"), key=lambda run: str(run["dag_id"]))


def waiting(client: Client) -> list[str]:
    """DAGs with a task that waits in the triggerer, once for each such task."""
    deferred = client.everything("/dagRuns/~/taskInstances", "deferred")
    assert {task["task_id"] for task in deferred} <= {"wait"}
    return sorted(task["dag_id"] for task in deferred)


def reports(client: Client) -> dict[str, list[dict[str, Any]]]:
    """Reports of each group's runs that ingested, in order of time; a waiting run has no report."""
    return {
        dag: [
            client.result(dag, run["dag_run_id"], "take_in")
            for run in client.runs(dag)
            if client.tasks(dag, run["dag_run_id"])["take_in"]["state"] == "success"
        ]
        for dag in GROUPS
    }


def since(client: Client, before: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """Groups that ingested since then, and their reports."""
    return {dag: new for dag, all_ in reports(client).items() if (new := all_[len(before[dag]) :])}


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + RELEASE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(2)


def made_by(client: Client, known: set[str]) -> Counter[tuple[str, str]]:
    """(Table, period) → how often runs computed it, without the known runs."""
    made: Counter[tuple[str, str]] = Counter()
    for record in records(client, known):
        made.update((one["table"], period) for one in record["tables"] for period in one["periods"])
    return made


def records(client: Client, known: set[str]) -> list[dict[str, Any]]:
    """Records of the runs of ``tables``, without the known runs."""
    runs = [run["dag_run_id"] for run in client.runs("tables")]
    return [client.result("tables", run, "run") for run in runs if run not in known]


def run_ids(client: Client) -> set[str]:
    return {run["dag_run_id"] for dag in RUN_BY_EVENTS for run in client.runs(dag)}


def staged_versions() -> dict[str, int]:
    return {name: tables.version(name) for name in registry()}


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
@pytest.mark.timeout(3000)
def test_a_manifest_becomes_one_release_and_a_correction_exactly_one_more(
    own_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generate(CITY, settings().landing, own_home / "truth")
    airflow, web, is_new = control.up()
    assert is_new and control.up() == (airflow, web, False)
    client = Client(airflow)
    assert {dag["dag_id"] for dag in client.get("/dags")["dags"]} == {
        *RUN_BY_EVENTS,
        "feeds_expected",
        "procedure",
    }
    listening = {c.laddr.ip for p in family_of(airflow) for c in p.net_connections() if c.status == "LISTEN"}
    assert listening <= {"127.0.0.1", "::ffff:127.0.0.1"}

    # landing folder → every group → its asset events → tables → publish; each table is built once, one release
    wait_until_quiet(client, 1)
    assert releases.release_numbers() == [1]
    yearly = set(registry()) - OF_THE_LAST_YEAR
    assert made_by(client, set()) == Counter((table, year) for table in yearly for year in ("2022", "2023"))
    first = hashes(1)
    _assert_rebuilt_tables_are_shown(client)

    _assert_no_worker_is_held(client)
    _assert_a_run_by_hand_does_not_wait(client)

    # a manifest is dropped: exactly the stale tables are rebuilt, once, and exactly one more release is published
    known, before, reported = run_ids(client), staged_versions(), reports(client)
    redeliver(own_home, "gov_land_parcel", "land_parcel_2023.csv", larger_first_parcel)
    wait_until_quiet(client, 2)
    assert releases.release_numbers() == [1, 2]
    [report] = since(client, reported).pop("ingest_land")
    assert (report["taken"], list(since(client, reported))) == (1, ["ingest_land"])
    assert made_by(client, known) == Counter((table, "2023") for table in FROM_PARCEL)
    reasons = {one["table"]: one["reason"] for record in records(client, known) for one in record["tables"]}
    assert reasons["core.parcel"] == "input changed: raw.gov_land_parcel"
    assert {reason.split(":")[0] for reason in reasons.values()} == {"input changed"}
    assert {n for n, v in staged_versions().items() if v != before[n]} == FROM_PARCEL
    second = hashes(2)
    published = {name for name in first if second[name] != first[name]}
    assert "core.parcel" in published and published <= FROM_PARCEL
    made = [
        client.result("publish", run["dag_run_id"], "publish")
        for run in client.runs("publish")
        if client.tasks("publish", run["dag_run_id"])["publish"]["state"] == "success"
    ]
    assert sorted(r["release"] for r in made if r["is_new"]) == [1, 2]

    _assert_a_refused_file_fails_one_run(client)

    # the engine stops while Airflow runs, as after its idle minutes and after a release; a task starts it again, else
    # there would be no third release
    engine.stop(settings())
    assert [row["state"] for row in status.status()[:2]] == ["stopped", "running"]
    redeliver(own_home, "gov_land_parcel", "land_parcel_2022.csv", larger_first_parcel)
    wait_until_quiet(client, 3, failed=1)
    assert releases.release_numbers() == [1, 2, 3]
    assert engine.status(settings()) is None, "it stops after a release"

    # the same deliveries, ingested and computed without Airflow, give the same release; this starts the engine again
    _assert_same_without_airflow(tmp_path / "other", first, monkeypatch)

    settings.cache_clear()
    family, port = family_of(airflow), airflow.port
    assert control.down() == ["Airflow", "engine"]
    assert [p for p in family if p.is_running() and p.status() != psutil.STATUS_ZOMBIE] == []
    assert is_free(port)
    assert control.down() == []


def _assert_rebuilt_tables_are_shown(client: Client) -> None:
    """The log has a group for each rebuilt table, and the table's events equal the record."""
    for run in client.runs("tables"):
        record = client.result("tables", run["dag_run_id"], "run")
        path = f"/dags/tables/dagRuns/{quote(run['dag_run_id'])}/taskInstances/run/logs/1?full_content=true"
        lines = [str(line["event"]) for line in client.get(path)["content"]]
        named = [
            line.removeprefix("::group::").split(":")[0] for line in lines if line.startswith("::group::")
        ]
        assert [name for name in named if "." in name] == [
            one["table"] for one in sorted(record["tables"], key=lambda one: float(one["ended"]))
        ]
    events = client.events()
    told = {e["name"]: e["extra"] for e in events if e["source_dag_id"] == "tables"}
    made = {one["table"]: one for record in records(client, set()) for one in record["tables"]}
    for name, one in made.items():
        assert {key: told[name][key] for key in ("rows", "seconds", "reason")} == {
            key: one[key] for key in ("rows", "seconds", "reason")
        }


def _assert_no_worker_is_held(client: Client) -> None:
    """While nothing arrives every group has a deferred task, and the only worker is free."""
    assert waiting(client) == GROUPS
    pool = client.get("/pools/default_pool")
    assert (pool["deferred_slots"], pool["occupied_slots"], pool["open_slots"]) == (len(GROUPS), 0, 1)


def _assert_a_run_by_hand_does_not_wait(client: Client) -> None:
    """A manual run starts although a waiting run exists; it ingests nothing and starts no other run."""
    known = run_ids(client)
    run = client.trigger("ingest_land")
    wait_until_quiet(client, 1)
    assert client.result("ingest_land", run, "take_in")["taken"] == 0
    assert run_ids(client) - known <= {r["dag_run_id"] for r in client.runs("ingest_land")}


def _assert_a_refused_file_fails_one_run(client: Client) -> None:
    """A rejected file fails one run and is not tried again unchanged."""
    before = reports(client)
    good = settings().landing / "gov_tax" / "tax_2023.csv.manifest.json"
    (good.parent / "mangled.csv").write_text("增值税\n1\n", encoding="utf-8")
    manifest = json.loads(good.read_text(encoding="utf-8")) | {"file": "mangled.csv", "sha256": "0" * 64}
    (good.parent / "mangled.csv.manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    until(lambda: len(client.everything("/dagRuns", "failed")) == 1)
    wait_until_quiet(client, 2, failed=1)
    time.sleep(45)  # the triggerer has checked again by then
    [report] = since(client, before).pop("ingest_tax")
    assert list(since(client, before)) == ["ingest_tax"]
    assert [line.split(":")[0] for line in report["rejected"]] == ["gov_tax/mangled.csv"]
    assert waiting(client) == GROUPS


def _assert_same_without_airflow(
    home: Path, expected: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second home on the same engine, whose tables are computed without Airflow."""
    try:
        with monkeypatch.context() as patch:
            patch.setenv("BRAIN_ENGINE_ADDRESS", engine._address(settings()))
            patch.setenv("BRAIN_HOME", str(home))
            settings.cache_clear()
            generate(CITY, settings().landing, home / "truth")
            ingest()
            run_tables()
            publish()
            assert hashes(1) == expected
    finally:
        settings.cache_clear()  # teardown must stop the first home's processes
