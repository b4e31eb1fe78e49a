"""Airflow's keys and databases in a home are created once, and named if they are damaged."""

from __future__ import annotations

import json
import os
import sqlite3
from importlib.metadata import version
from pathlib import Path

import pytest

from portal.services import orchestration
from schemas.errors import RejectedError
from tests.built_city import one_line
from warehouse.settings import Settings

BROKEN = [b"", b'{"fernet_key": "', b"[1]", b"null", b'{"a": 1}', bytes(range(256))]


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home without Airflow's database; changes of the process's environment are undone."""
    monkeypatch.setattr(os, "environ", dict(os.environ))
    return Settings(home=tmp_path)


def test_keys_are_created_once_and_only_the_owner_reads_them(config: Settings) -> None:
    first = orchestration.environment(config)
    assert orchestration.environment(config) == first
    assert (config.airflow / "secrets.json").stat().st_mode & 0o077 == 0
    assert orchestration.password(config) in orchestration.password_file(config).read_text("utf-8")


@pytest.mark.parametrize("content", BROKEN)
def test_keys_that_cannot_be_read_are_named_and_never_replaced(config: Settings, content: bytes) -> None:
    orchestration.environment(config)
    path = config.airflow / "secrets.json"
    path.write_bytes(content)
    with pytest.raises(RejectedError, match="put it back from a copy, or remove it") as refused:
        orchestration.environment(config)
    assert one_line(refused.value).startswith(str(path))
    assert path.read_bytes() == content


@pytest.mark.parametrize("content", BROKEN)
def test_a_lost_password_is_replaced(config: Settings, content: bytes) -> None:
    before = orchestration.password(config)
    orchestration.password_file(config).write_bytes(content)
    after = orchestration.password(config)
    assert after != before
    assert json.loads(orchestration.password_file(config).read_text("utf-8")) == {"admin": after}


@pytest.mark.parametrize("damage", ["half", "another file"])
def test_a_damaged_database_is_named_and_left_as_it_is(config: Settings, damage: str) -> None:
    database = orchestration.database_file(config, is_served=False)
    database.parent.mkdir(parents=True)
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE dag_run (id INTEGER, note TEXT)")
        connection.executemany("INSERT INTO dag_run VALUES (?, ?)", ((n, "x" * 500) for n in range(100)))
    connection.close()
    assert orchestration._is_whole(database)
    whole = database.read_bytes()
    damaged = whole[: len(whole) // 2] if damage == "half" else b"no database" * 500
    database.write_bytes(damaged)
    with pytest.raises(RejectedError, match="is damaged; put it back from a copy, or remove it") as refused:
        orchestration.prepare_airflow(config)
    assert one_line(refused.value).startswith(str(database))
    assert database.read_bytes() == damaged


def test_an_empty_database_file_counts_as_not_migrated(config: Settings) -> None:
    database = orchestration.database_file(config, is_served=False)
    database.parent.mkdir(parents=True)
    database.with_suffix(".version").write_text(version("apache-airflow"))
    for content, is_migrated in ((b"", False), (b"rows", True)):
        database.write_bytes(content)
        assert orchestration.is_migrated(database) == is_migrated


def test_airflow_listens_on_this_machine_only_and_a_run_in_process_has_its_own_database(
    quiet_home: Settings,
) -> None:
    served, alone = orchestration.environment(quiet_home, 8123), orchestration.environment(quiet_home)
    assert served["AIRFLOW__API__HOST"] == "127.0.0.1" and served["AIRFLOW__API__PORT"] == "8123"
    assert served["AIRFLOW__API__WORKERS"] == "1"
    databases = {e["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] for e in (served, alone)}
    assert len(databases) == 2
    assert all(str(quiet_home.airflow) in address for address in databases)
    for path in (orchestration.password_file(quiet_home), quiet_home.airflow / "secrets.json"):
        assert path.stat().st_mode & 0o077 == 0
