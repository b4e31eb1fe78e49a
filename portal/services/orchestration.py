"""Airflow in a home: its configuration and its databases.

Airflow is configured only by environment variables. Its folder in the home holds its databases, secrets and state;
nothing else on the machine is written.

In-process runs (``portal/services/in_process.py``) have a database of their own. In the servers' database the
scheduler would take the tasks of such a run for its own and start them a second time, and the run's asset events
would trigger every consumer again.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import sqlite3
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote

from filelock import FileLock

from schemas.errors import RejectedError
from warehouse.settings import CHECKOUT, Settings, settings
from warehouse.state import read, write_whole

DAGS = CHECKOUT / "dags"
USER = "admin"
MIGRATION_SECONDS = 180
#: Airflow's keys in the home's ``secrets.json``.
_KEYS = ("fernet_key", "secret_key", "jwt_secret")

_MIGRATE = "from airflow.utils.db import initdb; initdb()"


# --- configuration and database ------------------------------------------------------------------------


def environment(config: Settings, port: int = 0) -> dict[str, str]:
    """Airflow's configuration for a home, as environment variables.

    Args:
        port: the API server's port; 0 for a run in this process, without servers.
    """
    home = config.airflow
    home.mkdir(parents=True, exist_ok=True)
    secret = _secrets(config)
    password(config)
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        # One engine and one writer: tasks wait in Airflow's queue, by priority, and not for each other's locks.
        "AIRFLOW__CORE__PARALLELISM": "1",
        "AIRFLOW__CORE__DEFAULT_POOL_TASK_SLOT_COUNT": "1",
        "AIRFLOW__CORE__FERNET_KEY": secret["fernet_key"],
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(password_file(config)),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/" if port else "",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{quote(str(database_file(config, is_served=bool(port))))}",
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
        # DAGs are built from files that change only with a new version of the code.
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "300",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "300",
        "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",
        "PYTHONWARNINGS": "ignore",
    }


def password_file(config: Settings) -> Path:
    """The file with the web user's password, readable by its owner only."""
    return config.airflow / "passwords.json"


def prepare_airflow(config: Settings | None = None, port: int = 0) -> dict[str, str]:
    """Configure this process for the home's Airflow, and migrate its database once for each version of Airflow.

    Returns:
        Airflow's environment variables, which are also set in this process.

    Raises:
        RejectedError: the database could not be created, or the database or Airflow's keys are damaged.
    """
    config = config or settings()
    variables = environment(config, port)
    os.environ.update(variables)
    database = database_file(config, is_served=bool(port))
    with FileLock(config.airflow / "migration.lock", timeout=MIGRATION_SECONDS):
        if database.exists() and not _is_whole(database):
            raise RejectedError(
                f"{database} is damaged; put it back from a copy, or remove it: Airflow then starts without the "
                "history of its runs, and without connections that were entered in its pages"
            )
        if not is_migrated(database):
            _make_database(config, database, variables)
    return variables


def database_file(config: Settings, *, is_served: bool) -> Path:
    """The database of Airflow's servers, or that of in-process runs."""
    return config.airflow / ("airflow.db" if is_served else "in-process.db")


def _make_database(config: Settings, database: Path, variables: dict[str, str]) -> None:
    """Migrate a database, or create it: as a copy if the home has an empty one of this version."""
    empty = config.airflow / "empty.db"
    if not database.exists() and is_migrated(empty) and _is_whole(empty):
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


def is_migrated(database: Path) -> bool:
    """Whether a database exists and has the schema of the installed version of Airflow."""
    marker = _marker(database)
    is_of_version = marker.exists() and marker.read_bytes() == version("apache-airflow").encode()
    # SQLite reads an empty file as a database without tables
    return is_of_version and database.exists() and database.stat().st_size > 0


def _is_whole(database: Path) -> bool:
    try:
        with contextlib.closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as db:
            return bool(db.execute("PRAGMA quick_check(1)").fetchall() == [("ok",)])
    except sqlite3.DatabaseError:
        return False


def password(config: Settings) -> str:
    """The web user's password; created if it does not exist or cannot be read."""
    path = password_file(config)
    with FileLock(config.airflow / "secrets.lock", timeout=30):
        known = read(path)
        if USER not in known:
            known = {USER: secrets.token_urlsafe(12)}
            write_whole(path, json.dumps(known))
        return str(known[USER])


def _secrets(config: Settings) -> dict[str, str]:
    """Keys of this home's Airflow, created once.

    Raises:
        RejectedError: they exist but cannot be read. New ones would silently lose what Airflow encrypted with them.
    """
    path = config.airflow / "secrets.json"
    with FileLock(config.airflow / "secrets.lock", timeout=30):
        if not path.exists():
            from cryptography.fernet import Fernet

            keys = (Fernet.generate_key().decode(), secrets.token_urlsafe(24), secrets.token_urlsafe(48))
            write_whole(path, json.dumps(dict(zip(_KEYS, keys, strict=True))))
    known = read(path)
    if not known.keys() >= set(_KEYS):
        raise RejectedError(
            f"{path} is not readable; put it back from a copy, or remove it: Airflow then gets new keys, and "
            "connections that were entered in its pages must be entered again"
        )
    return known
