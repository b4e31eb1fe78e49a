"""The engine of a home, behind Spark Connect: one warm process per home, shared by commands, DAG tasks and tests.

It starts at first use, restarts when its configuration has changed, and stops after some idle minutes or when its home
is removed. A supervisor process owns the engine's process, so commands can end before it. ``BRAIN_ENGINE`` chooses the
engine; the differences between the two are in ``warehouse/engines``.

The module is one, above 300 lines: starting, watching and stopping share the state file of the running engine.
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
#: Interval at which a process with a session marks the engine as used.
AWAKE_SECONDS = 60
#: Operations submitted to the engine at a time: one is planned while the other's tasks run.
AT_ONCE = 2
#: Messages of engines whose memory is full.
_NO_MEMORY = ("Resources exhausted", "Failed to allocate additional", "OutOfMemoryError")
#: Session setting with the folder of a job's intermediate files (``jobs/columns/rows.py``).
SCRATCH = "brain.scratch"
#: Lock of whoever computes tables on trial (``pipeline/trial.py``).
TRIAL = "trial"
#: Prefix of the folder of an engine's socket, in the system's temporary folder.
FOLDER = "brain-engine-"
#: Addresses of engines used since the work began; a second address means that the first engine died.
_at_work: set[str] = set()
#: Frames of different sessions cannot be joined, so threads that connect for the first time must get one session.
_connecting = threading.Lock()


class MemoryFullError(RejectedError):
    """A table needs more memory at once than the engine may use."""


def kind(config: Settings | None = None) -> Engine:
    """The engine that the address names where one is set, else the one of ``BRAIN_ENGINE``.

    Raises:
        UsageError: no engine has this name.
    """
    config = config or settings()
    name = config.engine
    if config.engine_address:
        name = Address.of(config.engine_address, name).engine
    return engine_named(name)


def connect(config: Settings | None = None, scratch: Path | None = None) -> SparkSession:
    """A session on the engine, which is started if it does not run.

    Args:
        scratch: folder for intermediate files; by default the home's.

    Raises:
        RejectedError: the engine could not be started; the message names its log.
        UsageError: the settings name an unknown engine.
    """
    config = config or settings()
    with _connecting:
        address = config.engine_address or _address(config)
        _at_work.add(address)
        session = _session(address, config.engine)
        folder = str(scratch or config.scratch)
        if session.conf.get(SCRATCH, "") != folder:
            session.conf.set(SCRATCH, folder)
    _make_active(session)
    return session


def _make_active(session: SparkSession) -> None:
    """Make the session the active one of this thread, which PySpark functions without a session argument use.

    PySpark keeps the first session of a thread, or of the process, as the active one. After a restart that session may
    belong to a stopped engine.
    """
    from pyspark.sql.connect.session import SparkSession as ConnectSession

    ConnectSession._active_session.session = session


def warm_up() -> None:
    """Start the engine and run typical operations once: Java is slow at code that it runs for the first time."""
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
    # query errors are raised as exceptions; this logger would print them again as JSON
    logging.getLogger("DataFrameQueryContextLogger").disabled = True
    # PySpark functions look at this variable, not at the session, to build plans for Connect
    os.environ["SPARK_CONNECT_MODE_ENABLED"] = "1"
    from pyspark.sql.connect.client.retries import DefaultPolicy

    session = Address.of(address, engine).session()
    # By default a client waits ten minutes for a dead server, and as long again at exit.
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
    """Hash of engine, version and configuration; a running engine with another one is restarted."""
    engine = kind(config)
    return digest([engine.name, engine.version(), engine.conf(config)])


def touch(config: Settings) -> None:
    """Mark the engine as used, for the supervisor."""
    config.engine_folder.mkdir(parents=True, exist_ok=True)
    (config.engine_folder / "used").touch()


@cache
def _stay_awake(used: Path) -> None:
    """Mark the engine as used while this process lives: an operation may take longer than the idle minutes."""

    def touch_on() -> None:
        while True:
            time.sleep(AWAKE_SECONDS)
            with contextlib.suppress(OSError):
                os.utime(used)  # unlike touch() it creates nothing if the home was removed

    threading.Thread(target=touch_on, daemon=True).start()


@contextlib.contextmanager
def workers(at_once: int = AT_ONCE, scratch: Path | None = None) -> Iterator[ThreadPoolExecutor]:
    """Threads for work on the engine; one caller at a time with a folder for intermediate files, by default the home's.

    If the caller fails, no queued work starts and running work finishes. If it is interrupted, running operations are
    cancelled in the engine. Intermediate files are removed at the end, and those of a killed engine at the beginning.

    Raises:
        RejectedError: the engine ended, or its disk was full.
        MemoryFullError: the engine's memory was full.
    """
    folder = scratch or settings().scratch
    _at_work.clear()
    shutil.rmtree(folder, ignore_errors=True)
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
        shutil.rmtree(folder, ignore_errors=True)


def told(error: Exception, config: Settings | None = None) -> Exception:
    """A failure on the engine as an error that says in one line what to do; any other error unchanged."""
    config = config or settings()
    text = str(error)
    again = "run it again to go on: finished tables stay"
    if is_disk_full(error):
        return RejectedError(
            f"the engine could not write all of its files; make room on the disk of {config.home}, and {again}"
        )
    if any(sign in text for sign in _NO_MEMORY):
        setting = "BRAIN_SPARK_MEMORY" if kind(config).name == "spark" else "BRAIN_ENGINE_MEMORY"
        return MemoryFullError(
            f"a table needs more memory than the engine may use; raise {setting}, and {again}"
        )
    if type(error).__module__.startswith(("pyspark.", "grpc.")) and not _answers(config):
        log = config.logs / "engine.log"
        return RejectedError(
            f"the engine {ENGINES[kind(config).name]} ended during the work; see {log}, and {again}"
        )
    return error


def _answers(config: Settings) -> bool:
    """Whether the engine that the work began on still runs."""
    if config.engine_address:
        return Address.of(config.engine_address, config.engine).answers()
    state = _running(config)
    return state is not None and _at_work == {state["address"]}


def status(config: Settings) -> dict[str, Any] | None:
    """The running engine: version, process ids, address, ``open`` if other users reach it; None if none runs."""
    return _running(config)


def stop(config: Settings) -> bool:
    """Stop the engine of this home; return whether one ran."""
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
        # the process id may belong to another process by now
        alive = abs(process.create_time() - state["started"]) < 1 and process.is_running()
        return state if alive and Address.of(state["address"], state["engine"]).answers() else None
    except (KeyError, TypeError, ValueError, psutil.NoSuchProcess):
        return None  # no state, or the process has ended


def rest() -> None:
    """Stop the embedded engine of a home in which no run or trial is at work: an idle engine keeps its memory.

    It starts again within seconds. Spark keeps running, since Java starts slowly.
    """
    config = settings()
    if kind(config).name != "embedded" or config.engine_address:
        return
    busy = "the engine is at work"
    with (
        contextlib.suppress(RejectedError),
        held(config.locks, "run", 0, busy),
        held(config.locks, TRIAL, 0, busy),
    ):
        stop(config)


def _last(config: Settings) -> dict[str, Any]:
    """State of the home's last engine; empty if the home does not exist."""
    try:
        return read_own(config.engine_folder / "engine.json", config.identity)
    except FileNotFoundError:
        return {}


def _start(config: Settings) -> dict[str, Any]:
    engine = kind(config)
    log = config.logs / "engine.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    # in this process, so that the user sees fetches and failures
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
    """Remove the folder of an engine's socket; never another folder that the state may name."""
    folder = Path(str(name))
    if folder.parent == Path(tempfile.gettempdir()) and folder.name.startswith(FOLDER):
        shutil.rmtree(folder, ignore_errors=True)


def _inherited(environment: Mapping[str, str]) -> dict[str, str]:
    """Environment of the engine: no passwords, since it outlives its caller, and nothing of clients' sessions."""
    left_out = ("AIRFLOW_CONN_", "SPARK_REMOTE", "SPARK_CONNECT_MODE_ENABLED")
    return {k: v for k, v in environment.items() if not k.startswith(left_out)}


# --- the supervisor process ------------------------------------------------------------------------


def supervise(config: Settings) -> None:
    """Run the engine's process until it is idle, is stopped, or its home is removed."""
    engine = kind(config)
    shutil.rmtree(config.engine_folder / "spill", ignore_errors=True)  # files of a killed engine
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
    """Whether this process or a child of it listens at the port: another program may have taken it first.

    A program on the engine's port would receive its token and the jobs' queries.
    """
    if port is None:  # a socket in a folder that only its owner may write to
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
        return False  # the home was removed
    # stop() removes the state file
    mine = read(state_file).get("supervisor") == os.getpid()
    return mine and idle < config.engine_idle_minutes * 60


if __name__ == "__main__":
    supervise(settings())
