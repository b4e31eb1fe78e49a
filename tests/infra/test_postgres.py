"""The PostgreSQL server: rows are kept, access needs the password, and no process stays behind."""

from __future__ import annotations

import contextlib
import os
import socket
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from infra import postgres
from schemas.errors import RejectedError

pytestmark = pytest.mark.postgres


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder outside pytest's: where root runs the tests, the server's user may not enter that."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)
        postgres.stop(Path(name))


def family(server: postgres.Postgres) -> list[psutil.Process]:
    process = psutil.Process(server.process.pid)
    return [process, *process.children(recursive=True)]


def users(processes: Iterable[psutil.Process]) -> set[int]:
    """Users of those that still run: the server's own workers come and go."""
    found = set()
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            found.add(process.uids().real)
    return found


def test_rows_survive_a_stop_and_nothing_stays_behind(folder: Path) -> None:
    with postgres.start(folder, is_durable=False) as first:
        with psycopg.connect(first.url) as connection:
            connection.execute("create table firm (name text primary key, land_area_mu numeric(12, 2))")
            rows = [("宁波一号", "1.25"), ("宁波二号", "2.50")]
            connection.cursor().executemany("insert into firm values (%s, %s)", rows)
        processes = family(first)
        assert len(processes) > 1
        assert users(processes) and 0 not in users(processes)
        listening = [c for c in processes[0].net_connections() if c.status == psutil.CONN_LISTEN]
        assert {(c.laddr.ip, c.laddr.port) for c in listening} == {("127.0.0.1", first.port)}
    assert [p for p in processes if p.is_running()] == []
    assert postgres.running(folder) is None

    second = postgres.start(folder)
    assert (second.port, second.password) == (first.port, first.password)
    assert postgres.start(folder) == second == postgres.running(folder)
    with psycopg.connect(second.url) as connection:
        found = connection.execute("select name, land_area_mu::text from firm order by name").fetchall()
        assert found == sorted(rows)
        assert connection.execute("show fsync").fetchone() == ("on",)
    assert postgres.stop(folder)
    assert not postgres.stop(folder)


def test_a_lost_password_deletes_no_data_and_a_killed_start_is_repeated(folder: Path) -> None:
    postgres.start(folder, is_durable=False).stop()
    state_file = folder / "postgres.json"
    known = state_file.read_text(encoding="utf-8")
    for lost in ("", "[1]", '{"a": 1}'):
        state_file.write_text(lost, encoding="utf-8")
        with pytest.raises(RejectedError, match="is lost; restore it from a copy, or remove"):
            postgres.start(folder)
        assert (folder / "data" / "PG_VERSION").exists()
    state_file.write_text(known, encoding="utf-8")
    postgres.start(folder, is_durable=False).stop()
    state_file.write_text('{"is_begun": true}', encoding="utf-8")
    with postgres.start(folder, is_durable=False) as server, psycopg.connect(server.url):
        pass


def test_a_wrong_password_is_refused(folder: Path) -> None:
    with postgres.start(folder, is_durable=False) as server:
        assert server.password not in repr(server)
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(server.url.replace(server.password, "wrong"))
        with psycopg.connect(server.url) as connection:
            hashed = connection.execute("select rolpassword from pg_authid where rolcanlogin").fetchall()
        assert [text.split("$")[0] for (text,) in hashed] == ["SCRAM-SHA-256"]


def test_a_taken_port_is_refused_before_anything_starts(folder: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(RejectedError, match="is taken"):
            postgres.start(folder, other.getsockname()[1])
    assert not (folder / "data").exists()


def test_a_server_that_cannot_start_is_one_line_with_its_log(folder: Path) -> None:
    postgres.start(folder, is_durable=False).stop()
    (folder / "data" / "postgresql.conf").write_text("no such setting\n")
    with pytest.raises(RejectedError) as refused:
        postgres.start(folder)
    assert str(folder / "postgres.log") in str(refused.value) and "\n" not in str(refused.value)
    assert postgres.running(folder) is None


def test_a_missing_server_is_one_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "PROGRAMS", folder)
    monkeypatch.setattr("infra.postgres.shutil.which", lambda _: None)
    with pytest.raises(RejectedError, match="apt install postgresql"):
        postgres.start(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's server runs as somebody else")
def test_a_folder_that_the_user_cannot_reach_is_named(folder: Path) -> None:
    (folder / "closed").mkdir(mode=0o700)
    with pytest.raises(RejectedError, match=f"may not enter {folder / 'closed'}"):
        postgres.start(folder / "closed" / "server")
