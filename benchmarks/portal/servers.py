"""The servers that are measured: the portal as an office of the city sees it, and Datasette on the same rows."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.rows import Say
from infra.processes import ServerProcess, choose_ports, comes_up
from portal.services.memory import Watch
from schemas.errors import RejectedError
from warehouse import duck
from warehouse.releases import Release, open_release
from warehouse.settings import CHECKOUT, settings
from warehouse.state import write_whole

START_SECONDS = 120
#: The portal with a viewer of its own, so that the home's accounts stay as they are.
_PORTAL = """
import sys, uvicorn
from portal.access.viewer import Viewer
from portal.web.app import create_app
office = Viewer("bench", "city", rights=frozenset({"statistics"}))
uvicorn.run(create_app(lambda _: office, "bench" * 8), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning",
            access_log=False)
"""
#: Tables that the peer gets, with their keys.
_TABLES = {"per_mu.enterprise_grade": "uscc, year, evaluation_version", "core.enterprise": "uscc, year"}


@dataclass
class Portal:
    """A running portal."""

    address: str
    watch: Watch
    releases: Path

    def peak_bytes(self) -> int:
        return self.watch.peak

    def publish(self) -> None:
        """Publish the content of the only release again, with a file of its own."""
        [path] = self.releases.glob("manifest-*.json")
        manifest = json.loads(path.read_text(encoding="utf-8"))
        number, name = manifest["release"] + 1, manifest["file"]["name"]
        copy = f"release-{number}.duckdb"
        shutil.copyfile(self.releases / name, self.releases / copy)
        manifest |= {"release": number, "file": {**manifest["file"], "name": copy}}
        write_whole(self.releases / f"manifest-{number}.json", json.dumps(manifest))


@contextmanager
def portal(folder: Path) -> Iterator[Portal]:
    """The portal on a copy of the home's latest release; what it writes goes to a folder of the same disk."""
    home = folder / "home"
    releases = home / "releases"
    releases.mkdir(parents=True)
    release = open_release()
    for name in (release.file.name, f"manifest-{release.number}.json"):
        os.link(settings().releases / name, releases / name)
    for name in ("landing", "warehouse"):
        if (settings().home / name).exists():
            (home / name).symlink_to(settings().home / name)
    environment = {**os.environ, "BRAIN_HOME": str(home), "BRAIN_API_REQUESTS_PER_MINUTE": "100000000"}
    [port] = choose_ports([None])
    command = [sys.executable, "-c", _PORTAL, str(port)]
    with _process(command, port, environment) as process, Watch(process.pid, home) as watch:
        yield Portal(f"http://127.0.0.1:{port}", watch, releases)


@contextmanager
def datasette(release: Release, folder: Path, say: Say) -> Iterator[str]:
    """Datasette's address; its own environment is made from the lock file.

    Raises:
        RejectedError: uv is not there, or Datasette does not start.
    """
    uv = shutil.which("uv") or str(settings().cache / "uv" / "bin" / "uv")
    if not Path(uv).exists():
        raise RejectedError(
            "uv is needed for Datasette's environment; ./brain installs it at the first command"
        )
    say("Datasette: the release's tables as SQLite")
    file = _as_sqlite(release, folder / "release.db")
    [port] = choose_ports([None])
    command = [
        uv, "run", "--isolated", "--locked", "--only-group", "bench", "--python", sys.executable,
        "datasette", str(file),
        "--host", "127.0.0.1", "--port", str(port), "--setting", "max_returned_rows", "1000",
    ]  # fmt: skip
    with _process(command, port, dict(os.environ)):
        yield f"http://127.0.0.1:{port}"


def _as_sqlite(release: Release, path: Path) -> Path:
    with duck.connect(release.file, read_only=True) as source, sqlite3.connect(path) as target:
        for name, key in _TABLES.items():
            cursor = source.execute(f"FROM {name}")
            described = cursor.description or []
            # without a type SQLite would not find the number 2024 by the text of an address
            columns = [f"{name} {'NUMERIC' if kind == 'NUMBER' else 'TEXT'}" for name, kind, *_ in described]
            table = name.partition(".")[2]
            target.execute(f"CREATE TABLE {table} ({', '.join(columns)}, PRIMARY KEY ({key}))")
            marks = ", ".join("?" * len(columns))
            while rows := cursor.fetchmany(10_000):
                target.executemany(
                    f"INSERT INTO {table} VALUES ({marks})", [tuple(map(_plain, r)) for r in rows]
                )
        target.execute(
            "CREATE INDEX lists ON enterprise_grade (year, district_code, list_code, rank_in_list)"
        )
    return path


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, (int, float, str)) else str(value)


@contextmanager
def _process(command: list[str], port: int, environment: dict[str, str]) -> Iterator[ServerProcess]:
    child = subprocess.Popen(
        command, cwd=CHECKOUT, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    process = ServerProcess.of(child.pid)
    try:
        if not comes_up(process, lambda: _answers(port), START_SECONDS):
            raise RejectedError(
                f"{Path(command[0]).name} {command[1]} did not start; run it by hand to see why"
            )
        yield process
    finally:
        process.end((signal.SIGTERM, 10))


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return not probe.connect_ex(("127.0.0.1", port))
