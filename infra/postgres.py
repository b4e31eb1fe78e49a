"""A local PostgreSQL server, on 127.0.0.1: it plays a sender's database for the demo city and for tests.

All files of a server are in its folder: ``data/``, ``postgres.log`` and ``postgres.json``, by which other processes
find it and which has the password of its only user. PostgreSQL refuses to run as root; root's server runs as the user
``postgres``, or ``nobody``, and its data belong to that user.
"""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import re
import secrets
import shutil
import signal
import stat
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from filelock import FileLock

from infra.processes import ServerProcess, choose_ports, comes_up
from schemas.errors import RejectedError
from warehouse import state

START_SECONDS = 60
STOP_SECONDS = 20
USER = "brain"
#: The database that every new server has.
DATABASE = "postgres"
#: Folder in which Debian and Ubuntu install the programs of each version; it is not on PATH.
PROGRAMS = Path("/usr/lib/postgresql")

#: For tests: a crash of the machine may lose data, a crash of the server does not.
_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True)
class Postgres:
    """A running server; as a context manager it stops at the end."""

    folder: Path
    port: int
    process: ServerProcess
    password: str = field(repr=False)
    user: str = USER
    database: str = DATABASE

    @property
    def url(self) -> str:
        """URL for psycopg, SQLAlchemy and similar clients."""
        return f"postgresql://{self.user}:{self.password}@127.0.0.1:{self.port}/{self.database}"

    def stop(self) -> None:
        """Stop the server: roll back open transactions, close the files, and wait until it has ended."""
        self.process.end((signal.SIGINT, STOP_SECONDS), (signal.SIGQUIT, STOP_SECONDS))

    def __enter__(self) -> Postgres:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


# --- start, stop -----------------------------------------------------------------------------------


def start(folder: Path, port: int | None = None, *, is_durable: bool = True) -> Postgres:
    """The folder's server, which is started if it does not run.

    Args:
        folder: the server's folder; rows of its tables are kept.
        port: None for the port that it had last, or another one if that is taken.
        is_durable: False does not wait for the disk: faster, but a crash of the machine may lose all data.

    Raises:
        RejectedError: it did not start, or runs at another port; the message says what to do.
    """
    folder = folder.expanduser().resolve()
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "postgres.lock", timeout=START_SECONDS * 2):
        if found := running(folder):
            if port not in (None, found.port):
                raise RejectedError(
                    f"the PostgreSQL server in {folder} runs at port {found.port}; stop it first"
                )
            return found
        last = state.read(folder / "postgres.json")
        (chosen,) = choose_ports([port or last.get("port")])
        if port not in (None, chosen):
            raise RejectedError(f"port {port} of 127.0.0.1 is taken; name another one for PostgreSQL")
        return _start(folder, chosen, last, is_durable)


def running(folder: Path) -> Postgres | None:
    """The server that runs in this folder, whichever process started it; None if none runs."""
    folder = folder.expanduser().resolve()
    last = state.read(folder / "postgres.json")
    if "pid" not in last:
        return None
    process = ServerProcess(last["pid"], last["started"])
    return Postgres(folder, last["port"], process, last["password"]) if process.find() else None


def stop(folder: Path) -> bool:
    """Stop the server of this folder; return whether one ran."""
    server = running(folder)
    if server:
        server.stop()
    return server is not None


def _start(folder: Path, port: int, last: Mapping[str, Any], is_durable: bool) -> Postgres:
    programs = _programs()
    owner = _owner(folder)
    log = folder / "postgres.log"
    failure = RejectedError(f"PostgreSQL did not start; see {log}")
    with log.open("ab") as out:
        password = _initialise(programs, folder, owner, last, out)
        if password is None:
            raise failure
        settings = {"listen_addresses": "127.0.0.1", "port": str(port), "unix_socket_directories": ""}
        settings |= {} if is_durable else _FAST
        command = [str(programs / "postgres"), "-D", str(folder / "data")]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True, **owner.popen
        )
    server = Postgres(folder, port, ServerProcess.of(child.pid), password)
    try:
        _remember(folder, pid=child.pid, started=server.process.started, port=port, password=password)
        if not comes_up(server.process, lambda: _is_ready(server), START_SECONDS):
            raise failure
    except BaseException:
        server.stop()
        raise
    return server


def _initialise(
    programs: Path, folder: Path, owner: _Owner, last: Mapping[str, Any], out: IO[bytes]
) -> str | None:
    """Create the data directory, once for each folder; return the user's password, or None on failure."""
    data = folder / "data"
    if "password" in last and (data / "PG_VERSION").exists():
        return str(last["password"])
    if data.exists() and not last.get("is_begun"):
        raise RejectedError(
            f"{folder / 'postgres.json'} with the server's password is lost; restore it from a copy, or remove "
            f"{data} and its databases"
        )
    _remember(folder, is_begun=True)
    shutil.rmtree(data, ignore_errors=True)  # an unfinished initialisation
    data.mkdir(mode=0o700)
    password = secrets.token_urlsafe(24)
    password_file = folder / "password"
    password_file.touch(mode=0o600)
    password_file.write_text(password, encoding="utf-8")
    owner.give(data, password_file)
    command = [
        str(programs / "initdb"), "-D", str(data), "-U", USER, "--pwfile", str(password_file),
        "--auth=scram-sha-256", "--encoding=UTF8", "--no-locale", "--no-sync",
    ]  # fmt: skip
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, check=False, **owner.popen
        )
    finally:
        password_file.unlink()
    if done.returncode:
        shutil.rmtree(data, ignore_errors=True)
        return None
    _remember(folder, password=password)
    return password


def _remember(folder: Path, **known: Any) -> None:
    state.write_whole(folder / "postgres.json", json.dumps(known))


def _is_ready(server: Postgres) -> bool:
    """Whether the server accepts connections, by its own state file."""
    with contextlib.suppress(OSError):
        lines = (server.folder / "data" / "postmaster.pid").read_text().splitlines()
        return lines[0] == str(server.process.pid) and lines[-1].strip() == "ready"
    return False


# --- programs and their user -----------------------------------------------------------------------


def _programs() -> Path:
    """The folder of ``initdb`` and ``postgres``; on Debian root gets them installed if they are missing."""
    found = _find_programs()
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        _apt("update")
        _apt("install", "-y", "--no-install-recommends", "postgresql")
        found = _find_programs()
    if found is None:
        raise RejectedError(
            "PostgreSQL's server is missing; install it (Debian, Ubuntu: apt install postgresql)"
        )
    return found


def _apt(*arguments: str) -> None:
    """Run apt-get; the caller checks the result."""
    subprocess.run(
        ["apt-get", "-qq", *arguments],
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )


def _find_programs() -> Path | None:
    """Folder of the newest version installed by Debian, else of the programs on PATH."""
    versions = [path.parent for path in PROGRAMS.glob("*/bin/initdb") if (path.parent / "postgres").exists()]
    if versions:
        return max(versions, key=lambda path: [int(n) for n in re.findall(r"\d+", path.parent.name)])
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path and shutil.which("postgres") else None


@dataclass(frozen=True)
class _Owner:
    """User of the server: the present user (``None``) or, for root, an unprivileged one."""

    account: pwd.struct_passwd | None

    @property
    def popen(self) -> dict[str, Any]:
        if self.account is None:
            return {}
        # the user must be allowed to enter the working directory
        return {"user": self.account.pw_uid, "group": self.account.pw_gid, "extra_groups": [], "cwd": "/"}

    def give(self, *paths: Path) -> None:
        if self.account is not None:
            for path in paths:
                os.chown(path, self.account.pw_uid, self.account.pw_gid)


def _owner(folder: Path) -> _Owner:
    if os.geteuid() != 0:
        return _Owner(None)
    account = next(filter(None, map(_account, ("postgres", "nobody"))), None)
    if account is None:
        raise RejectedError(
            "PostgreSQL does not run as root; run this as another user, or add a user postgres"
        )
    # let the user pass through the folder; folders above belong to others and stay unchanged
    folder.chmod(folder.stat().st_mode | stat.S_IXOTH)
    for parent in folder.parents:
        found = parent.stat()
        if not found.st_mode & stat.S_IXOTH and found.st_uid != account.pw_uid:
            raise RejectedError(
                f"as root PostgreSQL runs as the user {account.pw_name}, who may not enter {parent}; "
                f"use a folder elsewhere, or: chmod o+x {parent}"
            )
    return _Owner(account)


def _account(name: str) -> pwd.struct_passwd | None:
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(name)
    return None
