"""Airflow in a home: its configuration, its database, and a run of every DAG in this process.

Airflow is configured by environment variables alone; its home holds its databases, its secrets and its state,
and nothing else on the machine is written.

A run in this process has a database of its own. In that of a running Airflow the scheduler would take the run's
tasks for its own and start them a second time, and the run's asset events would start every consumer again.
"""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import os
import secrets
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, TextIO

from filelock import FileLock

from schemas.errors import RejectedError, UserError
from warehouse.settings import CHECKOUT, Settings, settings

DAGS = CHECKOUT / "dags"
#: Where the tasks say what they are doing: (stage, what, rows).
PROGRESS_LOG = "brain.progress"
USER = "admin"
MIGRATION_SECONDS = 180

Progress = Callable[[str, str, int], None]

_MIGRATE = "from airflow.utils.db import initdb; initdb()"


# --- configuration and database ------------------------------------------------------------------------


def environment(config: Settings, port: int = 0) -> dict[str, str]:
    """Airflow's configuration for a home, as environment variables.

    ``port`` is that of the API server; 0 stands for a run in this process, without any server.
    """
    home = config.airflow
    secret = _secrets(config)
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        # One engine, one writer: tasks wait in Airflow's queue, by priority, rather than for each other's locks.
        "AIRFLOW__CORE__PARALLELISM": "1",
        "AIRFLOW__CORE__DEFAULT_POOL_TASK_SLOT_COUNT": "1",
        "AIRFLOW__CORE__FERNET_KEY": secret["fernet_key"],
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(password_file(config)),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/" if port else "",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{_database(config, port)}",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port or 8080),
        "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{port}" if port else "",
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__SECRET_KEY": secret["secret_key"],
        "AIRFLOW__API_AUTH__JWT_SECRET": secret["jwt_secret"],
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(config.logs / "airflow"),
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
        "AIRFLOW__LOGGING__COLORED_CONSOLE_LOG": "False",
        "AIRFLOW__DAG_PROCESSOR__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY": str(
            config.logs / "airflow" / "dag_processor"
        ),
        # DAGs are built from files that change with a new version of the code, not by the minute.
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "300",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "300",
        "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",
        "PYTHONWARNINGS": "ignore",
    }


def password_file(config: Settings) -> Path:
    """Where the password of the web user lies, readable by the owner alone."""
    return config.airflow / "passwords.json"


def prepare_airflow(config: Settings | None = None, port: int = 0) -> dict[str, str]:
    """Make the home's Airflow ready and this process see it; done once for each version of Airflow.

    Returns:
        Airflow's environment variables, which are also set in this process.

    Raises:
        RejectedError: the database could not be made.
    """
    config = config or settings()
    variables = environment(config, port)
    os.environ.update(variables)
    database = _database(config, port)
    with FileLock(config.airflow / "migration.lock", timeout=MIGRATION_SECONDS):
        if not _is_migrated(database):
            _make_database(config, database, variables)
    return variables


def start_migration(config: Settings | None = None) -> subprocess.Popen[bytes] | None:
    """Make the database in a process of its own, while something else is done; None when it is there.

    ``prepare_airflow`` waits for it.
    """
    config = config or settings()
    environment(config)
    if _is_migrated(_database(config)):
        return None
    return subprocess.Popen(
        [sys.executable, "-c", "from portal.orchestration import prepare_airflow; prepare_airflow()"],
        cwd=CHECKOUT,
        env={**os.environ, **config.environment()},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _database(config: Settings, port: int = 0) -> Path:
    return config.airflow / ("airflow.db" if port else "in-process.db")


def _make_database(config: Settings, database: Path, variables: dict[str, str]) -> None:
    """Migrate a database, or make it: a copy of an empty one where the home already has one of this version."""
    empty = config.airflow / "empty.db"
    if not database.exists() and _is_migrated(empty):
        shutil.copy(empty, database)
    else:
        is_new = not database.exists()
        _migrate(config, variables)
        if is_new:
            shutil.copy(database, empty)
            _marker(empty).write_text(version("apache-airflow"))
    _marker(database).write_text(version("apache-airflow"))


def _migrate(config: Settings, variables: dict[str, str]) -> None:
    log = config.logs / "airflow-migration.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as out:
        done = subprocess.run(
            [sys.executable, "-c", _MIGRATE],
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            timeout=MIGRATION_SECONDS,
            check=False,
        )
    if done.returncode:
        raise RejectedError(f"Airflow's database could not be prepared; see {log}")


def _marker(database: Path) -> Path:
    return database.with_suffix(".version")


def _is_migrated(database: Path) -> bool:
    marker = _marker(database)
    return marker.exists() and marker.read_text() == version("apache-airflow") and database.exists()


def _secrets(config: Settings) -> dict[str, str]:
    """Keys of this home's Airflow, made once; also the password of its web user."""
    config.airflow.mkdir(parents=True, exist_ok=True)
    path = config.airflow / "secrets.json"
    with FileLock(config.airflow / "secrets.lock", timeout=30):
        if not path.exists():
            from cryptography.fernet import Fernet

            _write_private(password_file(config), {USER: secrets.token_urlsafe(12)})
            _write_private(
                path,
                {
                    "fernet_key": Fernet.generate_key().decode(),
                    "secret_key": secrets.token_urlsafe(24),
                    "jwt_secret": secrets.token_urlsafe(48),
                },
            )
    return dict(json.loads(path.read_text()))


def _write_private(path: Path, content: dict[str, str]) -> None:
    partial = path.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    partial.touch(mode=0o600)
    partial.write_text(json.dumps(content))
    partial.replace(path)


# --- every DAG in this process -------------------------------------------------------------------------


def run_dags_in_process(progress: Progress = lambda *_: None) -> dict[str, dict[str, Any]]:
    """Take in every group's feeds, run every area and publish by Airflow, one after the other, in this process.

    ``dag.test()`` triggers no consumers, so the DAGs are run in the order of the graph; each asks the graph
    what is stale. What Airflow prints goes to ``logs/airflow-run.log``. As under the scheduler, files that are
    refused hold up nothing but themselves: the others go all the way, and then the failure is raised.

    Returns:
        DAG → what its task reported.

    Raises:
        UserError: the failure of a task that a user can mend (RejectedError, GateFailed), as it was raised.
        RejectedError: another failure; the line names the log.
    """
    config = settings()
    prepare_airflow(config)
    refused: BaseException | None = None
    log = config.logs / "airflow-run.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8", buffering=1) as out, _output_to(out), _progress_to(progress):
        dags = _load_dags()
        reports: dict[str, dict[str, Any]] = {}
        for name in _order(dags):
            report, failure = _run(dags[name], log)
            if not report:
                raise failure or RejectedError(f"the DAG {name} had to wait for others; run it again")
            reports[name] = report
            refused = refused or failure
    if refused:
        raise refused
    return reports


def _order(dags: dict[str, Any]) -> list[str]:
    """Groups of feeds first, publish last, between them the areas: by priority, as the scheduler takes them.

    What is about today and not about what came, like the feeds that are overdue, has no place in it.
    """

    def tagged(tag: str) -> list[str]:
        named = [name for name, dag in dags.items() if tag in dag.tags]
        return sorted(named, key=lambda name: -max(t.priority_weight for t in dags[name].tasks))

    return [*tagged("raw"), *tagged("area"), "publish"]


def _load_dags() -> dict[str, Any]:
    from airflow.dag_processing.dagbag import BundleDagBag

    bag = BundleDagBag(dag_folder=str(DAGS), bundle_path=DAGS, bundle_name="dags-folder")
    if bag.import_errors:
        file, error = next(iter(bag.import_errors.items()))
        raise RejectedError(f"{Path(file).name} is no DAG file: {error.strip().splitlines()[-1]}")
    return dict(bag.dags)


def _run(dag: Any, log: Path) -> tuple[dict[str, Any], BaseException | None]:
    """One run of a DAG, without retries: whoever waits for it hears of a failure at once.

    Returns:
        What its first task reported (nothing when it failed or was skipped), and the first failure.
    """
    failures: list[BaseException] = []
    reports: list[dict[str, Any]] = []
    for task in dag.tasks:
        task.retries = 0
        task.on_failure_callback = [lambda context: failures.append(context["exception"])]
        if hasattr(task, "python_callable"):
            task.python_callable = _reporting(task.python_callable, reports)
    run = dag.test()
    report = next((r for r in reports if r), {})
    for failure in failures:
        return report, failure.__cause__ if isinstance(failure.__cause__, UserError) else failure
    if run.state != "success":
        raise RejectedError(f"the DAG {dag.dag_id} ended as {run.state}; see {log}")
    return report, None


def _reporting(work: Callable[..., Any], reports: list[dict[str, Any]]) -> Callable[..., Any]:
    @functools.wraps(work)
    def reported(*args: Any, **kwargs: Any) -> Any:
        result = work(*args, **kwargs)
        if isinstance(result, dict):
            reports.append(result)
        return result

    return reported


@contextlib.contextmanager
def _output_to(out: TextIO) -> Iterator[None]:
    """Keep what Airflow prints out of the terminal; it remembers the stream it found when it was loaded."""
    with contextlib.redirect_stdout(out), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextlib.contextmanager
def _progress_to(progress: Progress) -> Iterator[None]:
    handler = _ProgressHandler(progress)
    logger = logging.getLogger(PROGRESS_LOG)
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


class _ProgressHandler(logging.Handler):
    """Hands what a task logs about its progress on to whoever shows it."""

    def __init__(self, progress: Progress) -> None:
        super().__init__()
        self._progress = progress

    def emit(self, record: logging.LogRecord) -> None:
        assert isinstance(record.args, tuple)
        stage, what, rows = record.args
        self._progress(str(stage), str(what), int(str(rows)))
