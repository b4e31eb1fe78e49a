"""Runs of one process in the servers' history: what is copied, once, and what is not."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from portal.services import control, health, history, in_process, orchestration
from portal.services.orchestration import database_file
from schemas.contract import connected_groups
from schemas.errors import RejectedError
from warehouse import engine
from warehouse.settings import Settings, settings

DAY = "2026-03-01 08:00:0{}.000000"


@pytest.fixture(scope="module")
def empty_databases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The two databases as Airflow makes them, with nothing in them."""
    config = Settings(home=tmp_path_factory.mktemp("history") / "home")
    with pytest.MonkeyPatch.context() as patch:
        for port in (0, 8123):
            for name, value in orchestration.environment(config, port).items():
                patch.setenv(name, value)
            orchestration.prepare_airflow(config, port)
    return config.airflow


@pytest.fixture
def config(tmp_path: Path, empty_databases: Path) -> Settings:
    """A home with both databases."""
    found = Settings(home=tmp_path / "home")
    found.airflow.mkdir(parents=True)
    for one in (False, True):
        path = database_file(found, is_served=one)
        path.write_bytes((empty_databases / path.name).read_bytes())
        marker = path.with_suffix(".version")
        marker.write_text((empty_databases / marker.name).read_text())
    return found


def at(config: Settings, *, is_served: bool) -> closing[sqlite3.Connection]:
    return closing(sqlite3.connect(database_file(config, is_served=is_served), isolation_level=None))


def add(db: sqlite3.Connection, table: str, **values: Any) -> None:
    names, places = ", ".join(f'"{n}"' for n in values), ", ".join("?" * len(values))
    db.execute(f"INSERT INTO {table} ({names}) VALUES ({places})", list(values.values()))


def add_dag(db: sqlite3.Connection, dag: str, version: str, content: str) -> None:
    """A DAG as a database knows it that has read its file."""
    db.execute("INSERT OR IGNORE INTO dag_bundle (name) VALUES ('dags-folder')")
    given = {r[1]: r for r in db.execute("PRAGMA table_info(dag)") if r[3] and r[4] is None}
    values: dict[str, Any] = dict.fromkeys(given, 0) | {"dag_id": dag, "bundle_name": "dags-folder"}
    add(
        db, "dag", **values | {name: "" for name, r in given.items() if "CHAR" in r[2] and name not in values}
    )
    times = {"created_at": DAY.format(0), "last_updated": DAY.format(0)}
    add(db, "dag_version", id=version, version_number=1, dag_id=dag, bundle_name="dags-folder", **times)
    add(db, "serialized_dag", id=f"s{version}", dag_id=dag, dag_hash=content, dag_version_id=version, **times)


def add_run(
    db: sqlite3.Connection, dag: str, run: str, version: str, state: str, task: str | None, second: int = 1
) -> None:
    """A run with one task, what the task returned, and an asset event of it."""
    day = DAY.format(second)
    add(
        db, "dag_run", dag_id=dag, run_id=run, state=state, run_type="manual", run_after=day, logical_date=day,
        created_dag_version_id=version, log_template_id=2,
    )  # fmt: skip
    add(
        db, "task_instance", id=f"{dag}{run}"[:32], task_id="run", dag_id=dag, run_id=run, state=task, try_number=1,
        pool="default_pool", pool_slots=1, dag_version_id=version,
    )  # fmt: skip
    (number,) = db.execute("SELECT id FROM dag_run WHERE run_id = ?", (run,)).fetchone()
    add(
        db, "xcom", dag_run_id=number, task_id="run", key="return_value", dag_id=dag, run_id=run,
        value='{"rows": 7}', timestamp=day,
    )  # fmt: skip
    add(
        db, "asset_event", asset_id=1, extra="{}", source_dag_id=dag, source_run_id=run, timestamp=day,
        source_map_index=-1,
    )  # fmt: skip


@pytest.fixture
def ran(config: Settings) -> Iterator[sqlite3.Connection]:
    """The database of runs in one process: finished runs, and one in which a process was killed."""
    with at(config, is_served=False) as db:
        add_dag(db, "tables", "here1", "one content")
        add_dag(db, "publish", "here2", "old content")
        add_dag(db, "gone", "here3", "any")
        add_run(db, "tables", "first", "here1", "success", "success", 1)
        add_run(db, "tables", "second", "here1", "failed", "failed", 2)
        add_run(db, "tables", "killed", "here1", "running", None, 3)
        add_run(db, "tables", "odd", "here1", "success", "running", 4)
        add_run(db, "publish", "third", "here2", "success", "skipped", 5)
        add_run(db, "gone", "fourth", "here3", "success", "success", 6)
        yield db


@pytest.fixture
def served(config: Settings) -> Iterator[sqlite3.Connection]:
    """That of the servers: they have read two of the DAGs, one of them after a change, and made a run of their own."""
    with at(config, is_served=True) as db:
        add_dag(db, "tables", "there1", "one content")
        add_dag(db, "publish", "there2", "new content")
        add_run(db, "tables", "own", "there1", "success", "success", 0)
        db.execute("DELETE FROM asset_event")
        yield db


def rows(db: sqlite3.Connection, sql: str) -> list[Any]:
    return db.execute(sql).fetchall()


def test_finished_runs_are_copied_once_with_results_and_without_events(
    config: Settings, ran: sqlite3.Connection, served: sqlite3.Connection
) -> None:
    assert history.copy_finished_runs(config) == 3
    runs = (
        "SELECT dag_id, run_id, state, created_dag_version_id, log_template_id FROM dag_run ORDER BY run_id"
    )
    expected = [
        ("tables", "first", "success", "there1", 2),
        ("tables", "own", "success", "there1", 2),
        ("tables", "second", "failed", "there1", 2),
        ("publish", "third", "success", None, 2),
    ]
    assert rows(served, runs) == expected
    tasks = "SELECT run_id, state, dag_version_id FROM task_instance ORDER BY run_id"
    assert rows(served, tasks) == [
        ("first", "success", "there1"),
        ("own", "success", "there1"),
        ("second", "failed", "there1"),
        ("third", "skipped", None),
    ]
    results = (
        "SELECT r.run_id, x.value FROM xcom x JOIN dag_run r ON r.id = x.dag_run_id AND r.run_id = x.run_id "
        "ORDER BY 1"
    )
    assert rows(served, results) == [(name, '{"rows": 7}') for name in ("first", "own", "second", "third")]
    assert rows(served, "SELECT * FROM asset_event") == []
    assert rows(served, "PRAGMA foreign_key_check") == []

    assert history.copy_finished_runs(config) == 0
    assert rows(served, runs) == expected
    add_run(ran, "tables", "later", "here1", "success", "success", 7)
    ran.execute("UPDATE dag_run SET state = 'success' WHERE run_id = 'odd'")
    ran.execute("UPDATE task_instance SET state = 'success' WHERE run_id = 'odd'")
    assert history.copy_finished_runs(config) == 2
    assert history.copy_finished_runs(config) == 0


def test_a_run_waits_until_the_servers_have_read_its_dag(
    config: Settings, ran: sqlite3.Connection, served: sqlite3.Connection
) -> None:
    history.copy_finished_runs(config)
    add_dag(served, "gone", "there3", "any")
    assert history.copy_finished_runs(config) == 1


def test_where_a_database_is_missing_or_of_another_version_nothing_is_done(
    tmp_path: Path, config: Settings, ran: sqlite3.Connection, served: sqlite3.Connection
) -> None:
    nobody = Settings(home=tmp_path / "nobody")
    assert history.copy_finished_runs(nobody) == 0
    assert not nobody.home.exists()
    database_file(config, is_served=True).with_suffix(".version").write_text("2.0")
    assert history.copy_finished_runs(config) == 0
    assert rows(served, "SELECT run_id FROM dag_run") == [("own",)]


def test_what_a_scheduler_holds_is_left_for_the_next_time(
    config: Settings, ran: sqlite3.Connection, served: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "LOCK_SECONDS", 0.1)
    served.execute("BEGIN IMMEDIATE")
    assert history.copy_finished_runs(config) == 0
    served.execute("ROLLBACK")
    assert history.copy_finished_runs(config) == 3


def test_a_failure_in_the_middle_leaves_nothing(
    config: Settings, ran: sqlite3.Connection, served: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(history._COPIED, "xcom", {"dag_run_id": "no_such_column"})
    with pytest.raises(sqlite3.Error):
        history.copy_finished_runs(config)
    assert rows(served, "SELECT run_id FROM dag_run") == [("own",)]


# --- with Airflow's own servers ----------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """A home without an engine, in which nothing ever came."""
    monkeypatch.setenv("BRAIN_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("BRAIN_ENGINE_ADDRESS", raising=False)
    settings.cache_clear()
    for name, value in orchestration.environment(settings()).items():
        monkeypatch.setenv(name, value)  # so that they are gone after the test
    monkeypatch.setattr(engine, "connect", lambda _: None)
    monkeypatch.setattr(engine, "stop", lambda _: None)
    yield settings()
    control.down()
    settings.cache_clear()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_servers_show_runs_of_one_process_with_their_logs(home: Settings) -> None:
    from airflow import settings as airflow_settings

    orchestration.prepare_airflow()
    airflow_settings.dispose_orm()
    airflow_settings.configure_vars()
    airflow_settings.configure_orm()

    def run_all() -> None:
        with pytest.raises(RejectedError, match="nothing has been ingested yet"):
            in_process.run_dags_in_process()

    run_all()
    airflow, _, _ = control.up()
    token = health.log_in(home, airflow)

    def get(path: str) -> Any:
        return health.call(airflow, f"/api/v2{path}", token)

    def shown() -> list[tuple[str, str]]:
        runs = get("/dags/~/dagRuns?limit=100&run_type=manual")["dag_runs"]
        return sorted((run["dag_id"], run["state"]) for run in runs)

    groups = [(f"ingest_{group}", "success") for group in sorted(connected_groups())]
    assert shown() == [*groups, ("tables", "failed")]
    for dag, task, said in (
        ("ingest_tax", "take_in", "Done. Returned value was"),
        ("ingest_tax", "wait", "::group::Pre Execute"),
        ("tables", "run", "nothing has been ingested yet"),
    ):
        [run] = get(f"/dags/{dag}/dagRuns?run_type=manual")["dag_runs"]
        here = f"/dags/{dag}/dagRuns/{quote(run['dag_run_id'])}"
        tasks = {t["task_id"]: t for t in get(f"{here}/taskInstances")["task_instances"]}
        assert tasks[task]["state"] == run["state"]
        # both sides have read the same files: the run shows the version that it ran
        assert tasks[task]["dag_version"]["dag_id"] == dag
        lines = get(f"{here}/taskInstances/{task}/logs/1?full_content=true")["content"]
        assert [line for line in lines if said in str(line)], lines
    [run] = get("/dags/ingest_tax/dagRuns?run_type=manual")["dag_runs"]
    path = (
        f"/dags/ingest_tax/dagRuns/{quote(run['dag_run_id'])}/taskInstances/take_in/xcomEntries/return_value"
    )
    assert get(path)["value"]["taken"] == 0
    assert get("/assets/events")["total_entries"] == 0

    # while the servers run: a run is shown as soon as it ended, and triggers nothing; groups without a new file
    # are at rest and do not run again
    run_all()
    assert shown() == [*groups, ("tables", "failed"), ("tables", "failed")]
    time.sleep(10)
    assert shown() == [*groups, ("tables", "failed"), ("tables", "failed")]
    assert get("/assets/events")["total_entries"] == 0
    assert get("/dags/publish/dagRuns")["total_entries"] == 0
