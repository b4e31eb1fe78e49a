"""Only its owner can read a home; SQL statements see only a release; a sender's text cannot rewrite a terminal."""

from __future__ import annotations

import grp
import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from portal.plain_text import plain
from tests.built_city import BuiltCity, copy
from warehouse import access, engine
from warehouse.settings import CHECKOUT, Settings, settings


def brain(
    home: Path, *words: str, given: str | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "portal.cli", *words],
        capture_output=True, text=True, check=False, timeout=300, cwd=CHECKOUT, input=given,
        env={**os.environ, "BRAIN_HOME": str(home), **environment},
    )  # fmt: skip


@pytest.fixture
def old_home(built_city: BuiltCity, tmp_path: Path) -> Iterator[Path]:
    """A home as earlier versions created it: readable by everyone."""
    home = copy(built_city, tmp_path / "home")
    for path in (home, *home.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    yield home
    settings.cache_clear()


def modes(home: Path) -> dict[str, int]:
    return {str(p.relative_to(home)): stat.S_IMODE(p.stat().st_mode) for p in (home, *home.rglob("*"))}


def test_the_next_command_closes_an_old_home_and_new_files_are_closed_too(old_home: Path) -> None:
    assert brain(old_home, "releases").returncode == 0
    assert brain(old_home, "ingest").returncode == 0
    assert {name for name, mode in modes(old_home).items() if mode & 0o077} == set()
    assert all(mode & 0o600 for mode in modes(old_home).values())


@pytest.mark.skipif(os.geteuid() != 0, reason="gives files to another group")
def test_one_group_reads_what_was_published_and_nothing_else(old_home: Path) -> None:
    group = next(g for g in grp.getgrall() if g.gr_gid not in os.getgroups() and g.gr_gid != os.getgid())
    assert brain(old_home, "releases", BRAIN_GROUP=group.gr_name).returncode == 0
    for name, mode in modes(old_home).items():
        path = old_home / name
        if name.startswith(("releases", "warehouse/published")):
            assert path.stat().st_gid == group.gr_gid, name
            assert mode == (0o2750 if path.is_dir() else 0o640), name
        elif name in (".", "warehouse"):
            assert (mode, path.stat().st_gid) == (0o710, group.gr_gid)
    # reads as another user, a member of the group only
    script = (
        "import os, sys\n"
        f"os.setgroups([]); os.setgid({group.gr_gid}); os.setuid(65534)\n"
        "def reads(p):\n"
        "    try:\n        return bool(os.listdir(p) if os.path.isdir(p) else open(p,'rb').read(1))\n"
        "    except OSError:\n        return False\n"
        "print([reads(p) for p in sys.argv[1:]])"
    )
    paths = ["releases", "releases/release-1.duckdb", "warehouse/published/core/parcel", ".", "warehouse/staged",
             "warehouse/raw", "landing", "warehouse"]  # fmt: skip
    for folder in [p for p in old_home.parents if p.is_relative_to("/tmp")]:
        folder.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-c", script, *(str(old_home / p) for p in paths)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == str([True, True, True, False, False, False, False, False])
    # without the group the home is closed again
    assert brain(old_home, "releases", BRAIN_GROUP="").returncode == 0
    assert {name for name, mode in modes(old_home).items() if mode & 0o077} == set()


def test_an_unknown_group_is_one_line(old_home: Path) -> None:
    done = brain(old_home, "releases", BRAIN_GROUP="no-such-group")
    assert done.returncode == 2
    assert done.stderr == "brain: there is no group no-such-group on this machine (BRAIN_GROUP)\n"


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("BRAIN_ENGINE_IDLE_MINUTES", "soon", "BRAIN_ENGINE_IDLE_MINUTES: input should be a valid number"),
        ("BRAIN_SPARK_CONF", "x=1", "BRAIN_SPARK_CONF: not readable as JSON"),
    ],
)
def test_an_invalid_setting_is_one_line(tmp_path: Path, name: str, value: str, line: str) -> None:
    done = brain(tmp_path, "status", **{name: value})
    assert done.returncode == 2
    assert done.stderr.startswith(f"brain: {line}") and done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "statement",
    [
        "select * from read_csv('/etc/passwd')", "select * from read_text('/etc/passwd')", "from '/etc/passwd'",
        "copy (select 1) to '{}'", "attach '{}'", "install httpfs", "load httpfs", "export database '{}'",
        "set memory_limit = '90GB'", "set enable_external_access = true", "select * from glob('/etc/*')",
        "from read_parquet('https://127.0.0.1:9/x.parquet')", "create table core.mine as select 1",
        "delete from core.parcel", "copy core.parcel from '/etc/passwd'",
    ],
)  # fmt: skip
def test_a_statement_sees_only_the_release(old_home: Path, tmp_path: Path, statement: str) -> None:
    target = tmp_path / "written"
    done = brain(old_home, "sql", "-c", statement.format(target))
    assert done.returncode == 1 and done.stderr.startswith("brain: SQL: "), done.stdout
    assert not target.exists()
    assert "root:" not in done.stdout


def test_an_unsafe_statement_reads_files_after_a_warning(old_home: Path, tmp_path: Path) -> None:
    (tmp_path / "firms.csv").write_text("uscc\n1\n", encoding="utf-8")
    statement = f"select count(*) AS n from '{tmp_path / 'firms.csv'}'"
    done = brain(old_home, "sql", "--unsafe", "--json", "-c", statement)
    assert json.loads(done.stdout) == [{"n": 1}]
    assert done.stderr == "brain: --unsafe: this statement can read and write all that you can\n"


def test_a_senders_text_cannot_rewrite_a_terminal(old_home: Path) -> None:
    name = "甲\x1b[2J\x1b]0;x\x07\x9b31m\u202e厂\u200b"
    literal = "||".join(f"chr({ord(c)})" for c in name)
    for words in (["-c", f"select {literal} AS firm"], ["-c", f"select error({literal}) AS firm"]):
        done = brain(old_home, "sql", *words)
        printed = done.stdout + done.stderr
        assert "甲" in printed and "厂" in printed
        assert not [
            c for c in printed if c != "\n" and (ord(c) < 32 or 127 <= ord(c) < 160 or c in "\u202e\u200b")
        ]
    done = brain(old_home, "sql", "--json", "-c", f"select {literal} AS firm")
    assert json.loads(done.stdout) == [{"firm": name}]
    assert not set(done.stdout) & {"\x1b", "\u202e", "\x9b"}
    assert plain("宁波　甲厂\t1\n") == "宁波　甲厂\t1\n"


def test_a_copied_home_leaves_the_first_ones_processes_alone(
    built_city: BuiltCity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BRAIN_ENGINE_ADDRESS", raising=False)
    first = Settings(home=copy(built_city, tmp_path / "first"), engine="embedded", engine_address=None)
    try:
        engine.connect(first)
        state = engine.status(first)
        assert state
        subprocess.run(["cp", "-a", str(first.home), str(tmp_path / "second")], check=True)
        second = Settings(home=tmp_path / "second", engine="embedded", engine_address=None)
        assert engine.status(second) is None and not engine.stop(second)
        done = brain(second.home, "down", BRAIN_ENGINE_ADDRESS="")
        assert (done.returncode, done.stdout) == (0, "")
        assert psutil.pid_exists(state["process"]) and engine.status(first) == state
        moved = Settings(
            home=Path(first.home).rename(tmp_path / "moved"), engine="embedded", engine_address=None
        )
        assert moved.identity != second.identity
    finally:
        for config in (Settings(home=tmp_path / "moved"), first):
            if config.home.is_dir():
                engine.stop(config)


def test_closing_a_home_does_not_follow_links(
    home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    home.mkdir(exist_ok=True)
    outside = tmp_path / "outside"
    outside.write_text("x", encoding="utf-8")
    outside.chmod(0o644)
    (home / "link").symlink_to(outside)
    home.chmod(0o755)
    before = os.umask(0o022)
    try:
        access.close(settings())
    finally:
        os.umask(before)
    assert stat.S_IMODE(outside.stat().st_mode) == 0o644
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe", b"null", b"[1, 2]", b'{"a": 1}', b'{"process": "x", "processes": 3, "port": "y"}',
     b'{"process": 1, "started": "soon", "processes": {"scheduler": 3}, "port": 1}'],
)  # fmt: skip
def test_unreadable_state_of_processes_means_that_nothing_runs(tmp_path: Path, content: bytes) -> None:
    home = tmp_path / "home"
    for name in ("engine/engine.json", "airflow/services.json"):
        (home / name).parent.mkdir(parents=True)
        (home / name).write_bytes(content)
    status = brain(home, "status", "--json", BRAIN_ENGINE_ADDRESS="")
    assert status.returncode == 0, status.stderr
    states = {row["service"]: row["state"] for row in json.loads(status.stdout)}
    assert (states["engine"], states["airflow"]) == ("stopped", "stopped")
    done = brain(home, "down", BRAIN_ENGINE_ADDRESS="")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
