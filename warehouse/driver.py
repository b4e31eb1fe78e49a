"""A stream's own Spark driver, in this process: its Java ends with the process, however that ends.

A query on the shared engine would outlive its client, and a second query on the same checkpoint would start without
an error. Here Java holds the lock file open as well, so the lock is free only when process and Java have both ended.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from schemas.errors import RejectedError
from warehouse.engines.spark import spark_conf
from warehouse.jars import ensure_jars
from warehouse.locks import held
from warehouse.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

#: Settings that Java must have at launch; the process sets all others later.
AT_LAUNCH = ("spark.driver.memory", "spark.driver.extraJavaOptions", "spark.driver.extraClassPath")
#: Java takes a moment to notice that its process has ended.
LOCK_SECONDS = 20


@contextmanager
def driver(config: Settings, name: str, locks: Sequence[str], memory: str = "1g") -> Iterator[SparkSession]:
    """Start a driver that holds the named locks, and yield its session.

    Raises:
        RejectedError: another process holds one of them, or Java did not start.
    """
    with ExitStack() as stack:
        found = [
            stack.enter_context(
                held(
                    config.locks,
                    lock_name,
                    LOCK_SECONDS,
                    f"{lock_name} is held by another process; stop that one first (./brain status shows it)",
                )
            )
            for lock_name in locks
        ]
        descriptors = [_descriptor(lock) for lock in found]
        try:
            session = _start(config, name, memory, descriptors)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        try:
            yield session
        finally:
            with suppress(*java_gone()):
                session.stop()
            _shut_down()


def java_gone() -> tuple[type[Exception], ...]:
    """Exceptions of a call to a driver whose Java has ended."""
    from py4j.protocol import Py4JError

    return Py4JError, ConnectionError


def _descriptor(lock: FileLock) -> int:
    """A second file descriptor of the lock file: the lock is free when the last descriptor is closed.

    The lock's own descriptor is closed in every child process, so that no child takes itself for the holder.
    """
    descriptor = lock._context.lock_file_fd
    assert descriptor is not None
    return os.dup(descriptor)


def _start(config: Settings, name: str, memory: str, descriptors: list[int]) -> SparkSession:
    from pyspark import SparkConf, SparkContext, java_gateway
    from pyspark.errors import PySparkRuntimeError
    from pyspark.sql.session import SparkSession as ClassicSession

    # a process that used the shared engine passes these variables on to its children
    for word in ("SPARK_CONNECT_MODE_ENABLED", "SPARK_REMOTE"):
        os.environ.pop(word, None)
    conf, at_launch = SparkConf(loadDefaults=False), SparkConf(loadDefaults=False)
    for key, value in _conf(config, name, memory).items():
        conf.set(key, value)
        # the others may have a secret, and command lines are public
        if key in AT_LAUNCH:
            at_launch.set(key, value)
    log = config.logs / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        try:
            launch: Any = java_gateway.launch_gateway
            gateway = launch(at_launch, {"pass_fds": descriptors, "stdout": out, "stderr": out})
        except (PySparkRuntimeError, OSError):
            raise RejectedError(f"the stream's Spark driver did not start; see {log}") from None
    session: SparkSession = ClassicSession(SparkContext(conf=conf, gateway=gateway))
    return session


def _conf(config: Settings, name: str, memory: str) -> dict[str, str]:
    conf = {k: v for k, v in spark_conf(config).items() if not k.startswith("spark.connect.")}
    jars = [str(path) for path in ensure_jars(config, "spark")]
    return {
        **conf,
        "spark.app.name": name,
        "spark.driver.memory": memory,
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.extraClassPath": ":".join(jars),
        # streams of several feeds share the driver: none waits for another stream's batch
        "spark.scheduler.mode": "FAIR",
        "spark.sql.shuffle.partitions": "2",
        # a page with a huge record must not take the memory of a hundred pages
        "spark.hadoop.parquet.block.size": str(32 << 20),
        # stop() waits this long for the batch at work
        "spark.sql.streaming.stopTimeout": "30s",
        **config.spark_conf,
    }


def _shut_down() -> None:
    """End Java as well, so that the next driver of this process starts a new one."""
    from pyspark import SparkContext

    gateway: Any = SparkContext._gateway
    if gateway is not None:
        with suppress(*java_gone()):
            gateway.shutdown()
        if process := getattr(gateway, "proc", None):
            process.stdin.close()
            process.wait(30)
        SparkContext._gateway = None
        SparkContext._jvm = None
