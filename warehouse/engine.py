"""The engine of a home, behind Spark Connect: one warm process per home, shared by commands, DAG tasks and tests.

It is started when first needed, restarted when its configuration changed, and stopped after some idle minutes or when
its home vanishes. A supervisor process owns the engine's process, so that no command has to stay. Which engine it is
says ``BRAIN_ENGINE``; what the two differ in stands in ``warehouse/engines``.

The module is one, above 300 lines: starting, watching and stopping share the state file that says what runs.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from filelock import FileLock

from schemas.contract import digest
from schemas.errors import RejectedError
from warehouse.engines import ENGINES, Engine, engine_named
from warehouse.engines.address import Address
from warehouse.locks import held
from warehouse.settings import CHECKOUT, Settings, settings
from warehouse.state import is_disk_full, read, read_own, write_whole

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

START_SECONDS = 90
#: Between two marks that a process which has a session is still there.
AWAKE_SECONDS = 60
#: Operations that are handed to the engine at a time: one is planned while the other one's tasks run.
AT_ONCE = 2
#: How engines say that their memory is full.
_NO_MEMORY = ("Resources exhausted", "Failed to allocate additional", "OutOfMemoryError")
#: A session's configuration that names the folder for what a job writes down on its way (``jobs/columns/rows.py``).
SCRATCH = "brain.scratch"
#: How the folder of an engine's socket is called, in the system's folder for temporary files.
FOLDER = "brain-engine-"
#: Addresses of the engines that work was handed to since it began: a second one took the place of one that died.
_at_work: set[str] = set()
#: Frames of different sessions cannot be joined: threads that connect for the first time must get the same one.
_connecting = threading.Lock()


class MemoryFullError(RejectedError):
    """What a table needs at once does not fit into the memory that the engine may have."""


def kind(config: Settings | None = None) -> Engine:
    """The engine that answers: as the address says where one is given, else as the setting does.

    Raises:
        UsageError: there is no such engine.
    """
    config = config or settings()
    name = config.engine
    if config.engine_address:
        name = Address.of(config.engine_address, name).engine
    return engine_named(name)


def connect(config: Settings | None = None) -> SparkSession:
    """A session on the engine, which is started when it does not run.

    Raises:
        RejectedError: the engine could not be started; the line names its log.
        UsageError: the settings name no engine that there is.
    """
    config = config or settings()
    with _connecting:
        address = config.engine_address or _address(config)
        _at_work.add(address)
        session = _session(address, config.engine)
        if session.conf.get(SCRATCH, "") != str(config.scratch):
            session.conf.set(SCRATCH, str(config.scratch))
    _make_active(session)
    return session


def _make_active(session: SparkSession) -> None:
    """Let what pyspark makes without being told a session belong to this thread's engine.

    It takes the thread's active session, which stays the first one that the thread made, or that of the process, which
    stays the first one of all: after a restart both may be of an engine that was stopped.
    """
    from pyspark.sql.connect.session import SparkSession as ConnectSession

    ConnectSession._active_session.session = session


def warm_up() -> None:
    """Start the engine and let it do for nothing what every table needs: Java is slow at what is new to it."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    session = connect()
    if kind().name == "embedded":
        return
    settings().engine_folder.mkdir(parents=True, exist_ok=True)
    rows = session.range(50_000).select(
        F.concat(F.lit("c"), F.col("id").cast("string")).alias("code"),
        (F.col("id") % 5).cast("string").alias("year"),
        (F.col("id") * 7).cast("decimal(18,6)").alias("amount"),
    )
    place = Window.partitionBy("year").orderBy(F.col("amount").desc())
    sums = rows.groupBy("year", F.left("code", F.lit(3)).alias("group")).agg(F.sum("amount").alias("total"))
    made = (
        rows.withColumn("group", F.left("code", F.lit(3)))
        .withColumn("place", F.row_number().over(place))
        .join(sums.hint("shuffle_hash"), ["year", "group"], "left")
        .withColumn("share", F.when(F.col("total") > 0, F.try_divide("amount", "total")))
        .withColumn("marks", F.array_except(F.array("code", "group"), F.array(F.lit("c"))))
    )
    spill = settings().engine_folder / "spill"
    spill.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=spill, ignore_cleanup_errors=True) as folder:
        made.write.partitionBy("year").parquet(f"{folder}/table")


@cache
def _session(address: str, engine: str) -> SparkSession:
    # its query errors come back as exceptions; the same again as JSON on the terminal helps nobody
    logging.getLogger("DataFrameQueryContextLogger").disabled = True
    # functions of PySpark ask this, and not the session, whether they build plans for Connect
    os.environ["SPARK_CONNECT_MODE_ENABLED"] = "1"
    from pyspark.sql.connect.client.retries import DefaultPolicy

    session = Address.of(address, engine).session()
    # By default a client waits ten minutes for a server that died, and as long again when it exits.
    session.client.set_retry_policies([DefaultPolicy(max_retries=5)])
    atexit.unregister(session.client._on_exit)
    return session


def _address(config: Settings) -> str:
    config.engine_folder.mkdir(parents=True, exist_ok=True)
    with FileLock(config.engine_folder / "start.lock", timeout=START_SECONDS * 2):
        state = _running(config)
        if state is None or state["conf"] != _conf_hash(config):
            stop(config)
            state = _start(config)
    touch(config)
    _stay_awake(config.engine_folder / "used")
    return str(state["address"])


def _conf_hash(config: Settings) -> str:
    """What a running engine must have been started with to be used."""
    engine = kind(config)
    return digest([engine.name, engine.version(), engine.conf(config)])


def touch(config: Settings) -> None:
    """Tell the supervisor that the engine is in use."""
    config.engine_folder.mkdir(parents=True, exist_ok=True)
    (config.engine_folder / "used").touch()


@cache
def _stay_awake(used: Path) -> None:
    """Touch the mark of use for as long as this process lives: an operation may take longer than the idle minutes."""

    def touch_on() -> None:
        while True:
            time.sleep(AWAKE_SECONDS)
            with contextlib.suppress(OSError):
                os.utime(used)  # unlike touch() it makes nothing where the home is gone

    threading.Thread(target=touch_on, daemon=True).start()


@contextlib.contextmanager
def workers(at_once: int = AT_ONCE) -> Iterator[ThreadPoolExecutor]:
    """Threads for work on the engine; one caller at a time holds them in a home.

    After a failure of the one who hands out the work nothing new is begun, and what runs is finished; when it is
    interrupted, what runs is cancelled in the engine. What was written down on the way goes at the end, and at the
    beginning what an engine left that was killed.

    Raises:
        RejectedError: the engine ended, or its disk was full.
        MemoryFullError: its memory was.
    """
    _at_work.clear()
    shutil.rmtree(settings().scratch, ignore_errors=True)
    try:
        with ThreadPoolExecutor(max_workers=at_once) as pool:
            try:
                yield pool
            except BaseException as error:
                pool.shutdown(wait=False, cancel_futures=True)
                if not isinstance(error, Exception):
                    connect().interruptAll()
                    raise
                raise told(error) from error
    finally:
        shutil.rmtree(settings().scratch, ignore_errors=True)


def told(error: Exception, config: Settings | None = None) -> Exception:
    """What a person can do about a failure on the engine, in one line; any other error as it is."""
    config = config or settings()
    text = str(error)
    again = "run it again to go on: tables that were made stay"
    if is_disk_full(error):
        return RejectedError(
            f"the engine could not write all of its files; make room on the disk of {config.home}, and {again}"
        )
    if any(sign in text for sign in _NO_MEMORY):
        setting = "BRAIN_SPARK_MEMORY" if kind(config).name == "spark" else "BRAIN_ENGINE_MEMORY"
        return MemoryFullError(
            f"a table needs more memory than the engine may have; raise {setting}, and {again}"
        )
    if type(error).__module__.startswith(("pyspark.", "grpc.")) and not _answers(config):
        log = config.logs / "engine.log"
        return RejectedError(
            f"the engine {ENGINES[kind(config).name]} ended while it worked; see {log}, and {again}"
        )
    return error


def _answers(config: Settings) -> bool:
    """Whether the engine that was at work is still there."""
    if config.engine_address:
        return Address.of(config.engine_address, config.engine).answers()
    state = _running(config)
    return state is not None and _at_work == {state["address"]}


def status(config: Settings) -> dict[str, Any] | None:
    """What runs: engine and version, process ids and address, or None; ``open`` where other users reach it."""
    return _running(config)


def stop(config: Settings) -> bool:
    """Stop the engine of this home. True when one ran."""
    state = _running(config)
    file = config.engine_folder / "engine.json"
    last = _last(config)
    file.unlink(missing_ok=True)
    if state is None:
        _remove_folder(last.get("folder"))  # it was killed
        return False
    for pid in (state["supervisor"], state["process"]):
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            process.terminate()
            with contextlib.suppress(psutil.TimeoutExpired):
                process.wait(15)
                continue
            process.kill()
    return True


def _running(config: Settings) -> dict[str, Any] | None:
    state = _last(config)
    try:
        process = psutil.Process(state["process"])
        # a process id may have been given to somebody else since
        alive = abs(process.create_time() - state["started"]) < 1 and process.is_running()
        return state if alive and Address.of(state["address"], state["engine"]).answers() else None
    except (KeyError, TypeError, ValueError, psutil.NoSuchProcess):
        return None  # nothing says so, or it has ended


def rest() -> None:
    """End the embedded engine of a home where nobody makes tables: idle, it keeps the memory that its work took.

    It starts again within seconds. Spark stays: Java starts slowly.
    """
    config = settings()
    if kind(config).name != "embedded" or config.engine_address:
        return
    with contextlib.suppress(RejectedError), held(config.locks, "run", 0, "a run is at work"):
        stop(config)


def _last(config: Settings) -> dict[str, Any]:
    """What the home's last engine said of itself; nothing where there is no home."""
    try:
        return read_own(config.engine_folder / "engine.json", config.identity)
    except FileNotFoundError:
        return {}


def _start(config: Settings) -> dict[str, Any]:
    engine = kind(config)
    log = config.logs / "engine.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    # what is missing is fetched, and refused, in sight of the one who asks
    engine.prepare(config)
    with log.open("ab") as out:
        supervisor = subprocess.Popen(
            [sys.executable, "-m", "warehouse.engine"],
            cwd=CHECKOUT,
            env={**_inherited(os.environ), **config.environment()},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if state := _running(config):
            return state
        if supervisor.poll() is not None:
            break
        time.sleep(0.05)
    supervisor.terminate()
    raise RejectedError(f"{ENGINES[engine.name]} did not start; see {log} ({engine.needs(config)})")


def _remove_folder(name: object) -> None:
    """Remove the folder that an engine had for its socket, and no other, whatever its state says."""
    folder = Path(str(name))
    if folder.parent == Path(tempfile.gettempdir()) and folder.name.startswith(FOLDER):
        shutil.rmtree(folder, ignore_errors=True)


def _inherited(environment: Mapping[str, str]) -> dict[str, str]:
    """What the engine inherits: no password, since it outlives who started it, and no word of its clients' sessions."""
    left_out = ("AIRFLOW_CONN_", "SPARK_REMOTE", "SPARK_CONNECT_MODE_ENABLED")
    return {k: v for k, v in environment.items() if not k.startswith(left_out)}


# --- the supervisor process ------------------------------------------------------------------------


def supervise(config: Settings) -> None:
    """Run the engine's process until idle, told to stop, or the home is gone."""
    engine = kind(config)
    shutil.rmtree(config.engine_folder / "spill", ignore_errors=True)  # what one that was killed has left
    # a socket's path must be short, and a folder under the home may be long
    with tempfile.TemporaryDirectory(prefix=FOLDER, ignore_cleanup_errors=True) as folder:
        launch = engine.launch(config, Path(folder))
        process = subprocess.Popen(
            launch.command,
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **launch.environment},
        )
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        state_file = config.engine_folder / "engine.json"
        address = Address.of(launch.address, engine.name)
        try:
            while process.poll() is None and not (address.answers() and _listens(process.pid, address.port)):
                time.sleep(0.05)
            if process.poll() is not None:
                return
            touch(config)
            state = {
                "engine": engine.name,
                "home": config.identity,
                "version": engine.version(),
                "supervisor": os.getpid(),
                "process": process.pid,
                "started": psutil.Process(process.pid).create_time(),
                "address": launch.address,
                "folder": folder,
                "conf": _conf_hash(config),
                "open": engine.is_open(Path(folder)),
            }
            write_whole(state_file, json.dumps(state))
            while process.poll() is None and _wanted(config, state_file):
                time.sleep(2)
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()


def _listens(pid: int, port: int | None) -> bool:
    """Whether it is this process, or one it started, that listens at a port: another program may have been faster.

    Who takes an engine's port would be told its token, and would be asked to make the tables.
    """
    if port is None:  # a socket in a folder that nobody else may write to
        return True
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for one in (process, *process.children(recursive=True)):
            listening = (c for c in one.net_connections("tcp") if c.status == psutil.CONN_LISTEN)
            if port in {c.laddr.port for c in listening}:
                return True
    return False


def _wanted(config: Settings, state_file: Path) -> bool:
    try:
        idle = time.time() - (config.engine_folder / "used").stat().st_mtime
    except OSError:
        return False  # the home vanished
    # without it the engine was told to stop
    mine = read(state_file).get("supervisor") == os.getpid()
    return mine and idle < config.engine_idle_minutes * 60


if __name__ == "__main__":
    supervise(settings())
