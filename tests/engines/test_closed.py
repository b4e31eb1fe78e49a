"""No other user of the machine reaches an engine: probed under another user's id."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from pyspark.errors import PySparkException
from pyspark.sql import functions as F

from warehouse import engine
from warehouse.engine import SCRATCH
from warehouse.engines.address import Address
from warehouse.engines.sail import OPEN
from warehouse.settings import CHECKOUT, Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NOBODY = 65534
as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root may take another user's id")


def as_stranger(probe: Callable[[], object]) -> str:
    """Outcome of a probe under the id of a user without rights: its result, or the name of its error."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            outcome = str(probe())
        except Exception as error:
            outcome = type(error).__name__
        os.write(writing, outcome.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        outcome = answer.read()
    os.waitpid(child, 0)
    return outcome


def open_socket(path: Path) -> str:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.connect(str(path))
    return "reached"


def open_port(port: int) -> str:
    with socket.create_connection(("127.0.0.1", port), 5):
        return "reached"


def listening(process: psutil.Process) -> set[int]:
    """TCP ports that are listened on in the process's network namespace."""
    lines = Path(f"/proc/{process.pid}/net/tcp").read_text().splitlines()[1:]
    return {int(line.split()[1].rpartition(":")[2], 16) for line in lines if line.split()[3] == "0A"}


# --- the embedded engine ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """State of an embedded engine with little memory, its home, and a session on it."""
    config = Settings(home=tmp_path_factory.mktemp("embedded"), engine_memory="64m", engine_address=None)
    session = engine.connect(config)
    state = engine.status(config)
    assert state
    yield {**state, "home": config.home, "session": session}
    engine.stop(config)


@as_root
def test_a_stranger_reaches_no_embedded_engine(embedded: dict[str, Any]) -> None:
    if embedded["open"]:
        pytest.skip("this system allows no network namespace")
    path = Address.of(embedded["address"], "embedded").path
    assert path and open_socket(path) == "reached"
    # the folders above the engine's own are open to all users
    assert as_stranger(lambda: open_socket(path)) == "PermissionError"
    assert as_stranger(lambda: [*path.parent.iterdir()]) == "PermissionError"
    inside = listening(psutil.Process(embedded["process"]))
    assert len(inside) == 1
    for port in inside:
        # even its owner reaches it only through the socket
        with pytest.raises(ConnectionRefusedError):
            open_port(port)
        assert as_stranger(partial(open_port, port)) == "ConnectionRefusedError"


def test_the_engine_has_a_network_namespace_of_its_own(embedded: dict[str, Any]) -> None:
    if embedded["open"]:
        pytest.skip("this system allows no network namespace")
    assert Path(f"/proc/{embedded['process']}/ns/net").readlink() != Path("/proc/self/ns/net").readlink()


def test_only_the_owner_can_read_the_engine_files_of_a_home(embedded: dict[str, Any]) -> None:
    file = embedded["home"] / "engine" / "engine.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    path = Address.of(embedded["address"], "embedded").path
    assert path and stat.S_IMODE(path.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_data_larger_than_memory_is_spilled_to_disk(embedded: dict[str, Any]) -> None:
    """Four million texts of 64 letters are 256 MB; the engine has 64 MB."""
    session: SparkSession = embedded["session"]
    rows = session.range(4_000_000).select(F.sha2(F.col("id").cast("string"), 256).alias("t"), "id")
    try:
        ordered = rows.orderBy("t").withColumn("id", F.col("id") + 1).agg(F.sum("id").alias("n")).collect()
        grouped = rows.groupBy("t").agg(F.count("*").alias("n")).agg(F.sum("n").alias("n")).collect()
        assert ordered[0]["n"] == 4_000_000 * 4_000_001 // 2 and grouped[0]["n"] == 4_000_000
    except PySparkException as error:
        advice = engine.told(error, Settings(home=embedded["home"], engine_memory="64m", engine_address=None))
        assert "\n" not in str(advice) and "BRAIN_ENGINE_MEMORY" in str(advice)
    assert session.range(3).count() == 3


def test_without_a_network_namespace_one_line_says_what_is_open(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from warehouse.engines import sail; "
        "sail.leave_network = lambda: False; sail.die_with_parent(); sail.serve(Path(sys.argv[1]))"
    )
    path = tmp_path / "engine"
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-c", code, str(path)], cwd=CHECKOUT, stdout=log)
    try:
        address = Address.of(f"unix:{path};engine=embedded", "embedded")
        deadline = time.monotonic() + 60
        while not address.answers() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        session = address.session()
        assert session.range(3).count() == 3
        session.stop()
        assert (tmp_path / OPEN).exists()
        [line] = (tmp_path / "log").read_text().splitlines()
        assert "open to every user of this machine" in line
    finally:
        process.kill()
        process.wait()


# --- Apache Spark ----------------------------------------------------------------------------------


@pytest.fixture
def java(apache_spark: SparkSession) -> dict[str, Any]:
    """State of the running Spark."""
    folder = Path(apache_spark.conf.get(SCRATCH) or "").parent
    state: dict[str, Any] = json.loads((folder / "engine.json").read_text())
    return {**state, "file": folder / "engine.json"}


def test_spark_asks_for_its_token(java: dict[str, Any]) -> None:
    from pyspark.sql import SparkSession

    remote = Address.of(java["address"], "spark").remote
    server, token = remote.split(";token=")
    for wrong in (server, f"{server};token=wrong{token}"):
        with pytest.raises(PySparkException) as refused:
            SparkSession.builder.remote(wrong).create().range(1).collect()
        assert "UNAUTHENTICATED" in str(refused.value) or "token" in str(refused.value).lower()


def test_no_other_user_can_see_a_secret_of_spark(java: dict[str, Any]) -> None:
    token = java["address"].split(";token=")[1].split(";")[0]
    supervisor = psutil.Process(java["supervisor"])
    processes = [supervisor, *supervisor.children(recursive=True)]
    assert java["process"] in [p.pid for p in processes]
    for process in processes:
        if process.status() == psutil.STATUS_ZOMBIE:
            continue  # it has ended and has no command line any more
        line = " ".join(process.cmdline())
        assert token not in line and "secret" not in line
    assert stat.S_IMODE(java["file"].stat().st_mode) == 0o600


def test_spark_deserialises_nothing_of_a_stranger_on_its_other_ports(
    apache_spark: SparkSession, java: dict[str, Any]
) -> None:
    assert apache_spark.conf.get("spark.authenticate") == "true"
    process = psutil.Process(java["process"])
    family = [process, *process.children(recursive=True)]
    ports = {c.laddr.port for p in family for c in p.net_connections() if c.status == psutil.CONN_LISTEN}
    connect = int(java["address"].split("/;")[0].rpartition(":")[2])
    assert connect in ports
    # a request in the frame of Spark's RPC (length, kind, number, size), with the first bytes of a Java object
    java_object = b"\xac\xed\x00\x05sr\x00\x01"
    request = b"\x03" + (7).to_bytes(8, "big") + len(java_object).to_bytes(4, "big") + java_object
    answers = []
    for port in ports - {connect}:
        with closing(socket.create_connection(("127.0.0.1", port), 10)) as stranger:
            stranger.settimeout(3)
            stranger.sendall((len(request) + 8).to_bytes(8, "big") + request)
            try:
                answers.append(stranger.recv(4096))
            except (ConnectionResetError, TimeoutError):
                answers.append(b"")
    # a client without the secret is rejected before any of its data is read
    assert any(answers) and all(b"Expected SaslMessage" in answer for answer in answers if answer)
    assert apache_spark.range(3).count() == 3


@as_root
def test_a_stranger_reads_nothing_of_spark(java: dict[str, Any]) -> None:
    assert as_stranger(java["file"].read_text) == "PermissionError"
    assert as_stranger(lambda: Path(f"/proc/{java['process']}/environ").read_bytes()) == "PermissionError"
