"""The Spark engine: one warm Spark Connect server per home, shared by commands, DAG tasks and tests.

It is started when first needed, restarted when its configuration changed, and stopped after some idle
minutes or when its home vanishes. A supervisor process owns the Java process, so that no command has to stay.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import logging
import os
import secrets
import signal
import socket
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
from warehouse.jars import JAR_SETS, ensure_jars
from warehouse.settings import CHECKOUT, Settings, settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

START_SECONDS = 90
#: Between two marks that a process which has a session is still there.
AWAKE_SECONDS = 60
#: Operations that are handed to the engine at a time: one is planned while the other one's tasks run.
AT_ONCE = 2
#: Frames of different sessions cannot be joined: threads that connect for the first time must get the same one.
_connecting = threading.Lock()

_JAVA_OPTIONS = (
    "-XX:+IgnoreUnrecognizedVMOptions",
    # Throughput counts here, not pauses.
    "-XX:+UseParallelGC",
    # Most of what a query makes lives shortly.
    "-XX:NewRatio=1",
    # Every query is compiled anew; a full code cache throws out what is in use.
    "-XX:ReservedCodeCacheSize=512m",
    # A query's own code lives for seconds. Java's optimizing compiler took a third of all processor time, most of
    # it for such code; the quick one has to do.
    "-XX:+UnlockDiagnosticVMOptions",
    f'-XX:CompilerDirectivesFile="{Path(__file__).with_name("compiler-directives.json")}"',
)


def spark_conf(config: Settings) -> dict[str, str]:
    """Configuration of the server; a change of it restarts the engine."""
    return {
        "spark.master": config.spark_master,
        "spark.driver.memory": config.spark_memory,
        "spark.driver.extraJavaOptions": " ".join(_JAVA_OPTIONS),
        "spark.app.name": "ningbo-industrial-brain",
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.sql.session.timeZone": "UTC",
        # Java never compiles longer methods: rather a projection for each operator than one that is interpreted.
        "spark.sql.codegen.hugeMethodLimit": "8000",
        # All tables together compile some thousand classes; of 100, as by default, none is left when a table is made
        # again, and Java has to learn it all anew.
        "spark.sql.codegen.cache.maxEntries": "4000",
        # Two cores: few, larger tasks. AQE still splits what is skewed.
        "spark.sql.shuffle.partitions": "4",
        "spark.default.parallelism": "4",
        # A Delta snapshot is read with 50 partitions by default: seconds for each of our small logs.
        "spark.databricks.delta.snapshotPartitions": "1",
        # A checksum of the table's whole state beside each commit took as long as writing a small table.
        "spark.databricks.delta.writeChecksumFile.enabled": "false",
        "spark.sql.sources.parallelPartitionDiscovery.parallelism": "2",
        # Readers outside Spark refuse deletion vectors or misread them.
        "spark.databricks.delta.properties.defaults.enableDeletionVectors": "false",
        # Old versions stay readable: retention is ours to decide, not a timer's.
        "spark.databricks.delta.properties.defaults.logRetentionDuration": "interval 3650 days",
        "spark.databricks.delta.properties.defaults.deletedFileRetentionDuration": "interval 3650 days",
        "spark.sql.parquet.compression.codec": "zstd",
        "spark.hadoop.parquet.compression.codec.zstd.level": "1",
        # No or few rows have the same: the dictionary would be begun in vain in every file.
        "spark.hadoop.parquet.enable.dictionary#row_id": "false",
        "spark.hadoop.parquet.enable.dictionary#uscc": "false",
        # A writer for each partition instead of a sort by partition: tables have some dozens of periods at most.
        "spark.sql.maxConcurrentOutputFileWriters": "64",
        # Sides of joins are some tens of MB: hashing them beats sorting both.
        "spark.sql.adaptive.maxShuffledHashJoinLocalMapThreshold": "64m",
        # Each hashed side of a join begins with a page. By default one has 64 MB: a dozen joins at once filled the
        # heap, and two thirds of their time went into collecting garbage.
        "spark.buffer.pageSize": "2m",
        "spark.ui.enabled": "false",
        # Plans are written out at every step for a page that nobody opens here.
        "spark.sql.ui.explainMode": "simple",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.warehouse.dir": str(config.engine / "spark-warehouse"),
        "spark.local.dir": str(config.engine / "scratch"),
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.maxInboundMessageSize": str(64 * 1024 * 1024),
        **config.spark_conf,
    }


def _conf_hash(config: Settings) -> str:
    """What a running engine must have been started with to be used: its configuration and its jars."""
    return digest([spark_conf(config), JAR_SETS["spark"].coordinates])


def connect(config: Settings | None = None) -> SparkSession:
    """A session on the engine, which is started when it does not run.

    Raises:
        RejectedError: the engine could not be started; the line names its log.
    """
    config = config or settings()
    with _connecting:
        session = _session(config.spark_remote or _remote(config))
    _make_active(session)
    return session


def _make_active(session: SparkSession) -> None:
    """Let what pyspark makes without being told a session, as a checkpoint, belong to this thread's engine.

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
    settings().engine.mkdir(parents=True, exist_ok=True)
    rows = session.range(50_000).select(
        F.concat(F.lit("c"), F.col("id").cast("string")).alias("code"),
        (F.col("id") % 5).cast("string").alias("year"),
        (F.col("id") / 7).cast("decimal(18,6)").alias("amount"),
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
    with tempfile.TemporaryDirectory(dir=settings().engine, ignore_cleanup_errors=True) as folder:
        made.write.format("delta").partitionBy("year").save(f"{folder}/table")


@cache
def _session(remote: str) -> SparkSession:
    from pyspark.sql import SparkSession
    from pyspark.sql.connect.client.retries import DefaultPolicy

    # its query errors come back as exceptions; the same again as JSON on the terminal helps nobody
    logging.getLogger("DataFrameQueryContextLogger").disabled = True
    # create(), not getOrCreate(): a dead engine's session must not be handed out again
    session = SparkSession.builder.remote(remote).create()
    # By default a client waits ten minutes for a server that died, and as long again when it exits.
    session.client.set_retry_policies([DefaultPolicy(max_retries=5)])
    atexit.unregister(session.client._on_exit)
    return session


def _remote(config: Settings) -> str:
    config.engine.mkdir(parents=True, exist_ok=True)
    with FileLock(config.engine / "start.lock", timeout=START_SECONDS * 2):
        state = _running(config)
        if state is None or state["conf"] != _conf_hash(config):
            stop(config)
            state = _start(config)
    touch(config)
    _stay_awake(config.engine / "used")
    return f"sc://localhost:{state['port']}/;token={state['token']}"


def touch(config: Settings) -> None:
    """Tell the supervisor that the engine is in use."""
    config.engine.mkdir(parents=True, exist_ok=True)
    (config.engine / "used").touch()


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
def workers() -> Iterator[ThreadPoolExecutor]:
    """``AT_ONCE`` threads for work on the engine.

    After a failure of the one who hands out the work nothing new is begun, and what runs is finished; when it is
    interrupted, what runs is cancelled in the engine.
    """
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        try:
            yield pool
        except BaseException as error:
            pool.shutdown(wait=False, cancel_futures=True)
            if not isinstance(error, Exception):
                connect().interruptAll()
            raise


def status(config: Settings) -> dict[str, Any] | None:
    """What runs: process ids and port, or None."""
    return _running(config)


def stop(config: Settings) -> bool:
    """Stop the engine of this home. True when one ran."""
    state = _running(config)
    (config.engine / "engine.json").unlink(missing_ok=True)
    if state is None:
        return False
    for pid in (state["supervisor"], state["java"]):
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            process.terminate()
            with contextlib.suppress(psutil.TimeoutExpired):
                process.wait(15)
                continue
            process.kill()
    return True


def _running(config: Settings) -> dict[str, Any] | None:
    try:
        state: dict[str, Any] = json.loads((config.engine / "engine.json").read_text())
        process = psutil.Process(state["java"])
        # a process id may have been given to somebody else since
        alive = abs(process.create_time() - state["java_started"]) < 1 and process.is_running()
    except (FileNotFoundError, json.JSONDecodeError, psutil.NoSuchProcess):
        return None
    return state if alive and _listens(state["port"]) else None


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _start(config: Settings) -> dict[str, Any]:
    ensure_jars(config, "spark")
    log = config.logs / "engine.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        supervisor = subprocess.Popen(
            [sys.executable, "-m", "warehouse.engine"],
            cwd=CHECKOUT,
            env={**_without_connections(os.environ), **config.environment()},
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
        time.sleep(0.1)
    supervisor.terminate()
    raise RejectedError(
        f"the Spark engine did not start; see {log} (Java 17 or newer and free memory are needed)"
    )


def _without_connections(environment: Mapping[str, str]) -> dict[str, str]:
    """The engine outlives who started it and gets a password with the query that needs it: it inherits none."""
    return {k: v for k, v in environment.items() if not k.startswith("AIRFLOW_CONN_")}


# --- the supervisor process ------------------------------------------------------------------------


def _java_command(config: Settings, port: int) -> list[str]:
    import pyspark

    home = Path(pyspark.__file__).parent
    jars = [str(path) for path in ensure_jars(config, "spark")]
    conf = {
        **spark_conf(config),
        # a cluster's executors fetch the jars; a local engine has them on its class path
        **({} if config.spark_master.startswith("local") else {"spark.jars": ",".join(jars)}),
        "spark.driver.extraClassPath": ":".join(jars),
        "spark.connect.grpc.binding.port": str(port),
    }
    command = [str(home / "bin" / "spark-submit")]
    for key, value in conf.items():
        command += ["--conf", f"{key}={value}"]
    return [*command, "--class", "org.apache.spark.sql.connect.service.SparkConnectServer", "spark-internal"]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def supervise(config: Settings) -> None:
    """Run the Java process until idle, told to stop, or the home is gone."""
    token = secrets.token_urlsafe(24)
    port = _free_port()
    java = subprocess.Popen(
        _java_command(config, port),
        stdin=subprocess.DEVNULL,
        env={
            **os.environ,
            "SPARK_CONNECT_AUTHENTICATE_TOKEN": token,
            "PYSPARK_PYTHON": sys.executable,
            "SPARK_LOCAL_IP": "127.0.0.1",
        },
    )
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    state_file = config.engine / "engine.json"
    try:
        while java.poll() is None and not _listens(port):
            time.sleep(0.1)
        touch(config)
        state = {
            "supervisor": os.getpid(),
            "java": java.pid,
            "java_started": psutil.Process(java.pid).create_time(),
            "port": port,
            "token": token,
            "conf": _conf_hash(config),
        }
        partial = state_file.with_suffix(".partial")
        partial.touch(mode=0o600)
        partial.write_text(json.dumps(state))
        partial.replace(state_file)
        while java.poll() is None and _wanted(config, state_file):
            time.sleep(2)
    finally:
        java.terminate()
        try:
            java.wait(15)
        except subprocess.TimeoutExpired:
            java.kill()


def _wanted(config: Settings, state_file: Path) -> bool:
    try:
        idle = time.time() - (config.engine / "used").stat().st_mtime
        mine = json.loads(state_file.read_text())["supervisor"] == os.getpid()
    except (OSError, json.JSONDecodeError):
        return False  # the home vanished, or the engine was told to stop
    return mine and idle < config.engine_idle_minutes * 60


if __name__ == "__main__":
    supervise(settings())
