"""The small city on a Spark cluster: a master and two workers in separate processes, one of them killed."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from pipeline.fingerprint import made_by
from pipeline.registry import registry
from pipeline.run import run_tables
from pipeline.run_record import TableRun
from tests.built_city import BuiltCity, at_home, copy
from tests.engines.test_same_numbers import assert_same, running
from warehouse import engine
from warehouse.engines.spark import free_port

START_SECONDS = 120
#: Number of tables built before a worker is killed; the other worker builds the rest.
BEFORE_THE_KILL = 8


@dataclass
class Cluster:
    """A running cluster: its master's address, the secret that it requires, and its workers."""

    master: str
    secret: str
    workers: list[psutil.Process]

    def kill_a_worker(self) -> None:
        """Kill a worker and the executor that it started, without a shutdown."""
        worker = self.workers.pop()
        executors = [
            p
            for p in worker.children(recursive=True)
            if "CoarseGrainedExecutorBackend" in " ".join(p.cmdline())
        ]
        assert executors, "the worker has no executor"
        end([worker, *executors])


def end(processes: list[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, 30)


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """A master and two workers with one core each, on the loopback, closed to clients without the secret."""
    folder.mkdir()
    secret = secrets.token_urlsafe(24)
    conf = folder / "spark.properties"
    conf.touch(mode=0o600)
    conf.write_text(
        f"spark.authenticate true\nspark.authenticate.secret {secret}\nspark.master.rest.enabled false\n"
    )
    port = free_port()
    master = f"spark://127.0.0.1:{port}"
    started: list[psutil.Process] = []

    def start(name: str, *arguments: str) -> psutil.Process:
        process = spark_class(folder, name, *arguments, "--properties-file", str(conf))
        started.append(process)
        return process

    def worker(number: int) -> psutil.Process:
        return start(
            "worker.Worker", "--host", "127.0.0.1", "--webui-port", "0", "--cores", "1", "--memory", "1200M",
            "--work-dir", str(folder / f"work-{number}"), master,
        )  # fmt: skip

    try:
        start("master.Master", "--host", "127.0.0.1", "--port", str(port), "--webui-port", "0")
        wait_for(port)
        yield Cluster(master, secret, [worker(1), worker(2)])
    finally:
        end([*started, *(child for p in started if p.is_running() for child in p.children(recursive=True))])


def spark_class(folder: Path, name: str, *arguments: str) -> psutil.Process:
    """A process that runs a class of Spark; its web pages are on the loopback only."""
    import pyspark

    with (folder / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            [str(Path(pyspark.__file__).parent / "bin" / "spark-class"), f"org.apache.spark.deploy.{name}", *arguments],
            env={
                **os.environ, "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_DAEMON_MEMORY": "256m",
                "PYSPARK_PYTHON": sys.executable,
            },
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    return psutil.Process(process.pid)


def wait_for(port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    raise AssertionError("the master did not start")


@pytest.mark.slow
@pytest.mark.cluster
@pytest.mark.timeout(3600)
def test_a_cluster_builds_the_same_city_and_a_killed_worker_changes_nothing(
    built_city: BuiltCity, tmp_path: Path
) -> None:
    built: list[str] = []
    with cluster(tmp_path / "cluster") as spark:

        def kill_in_the_middle(one: TableRun) -> None:
            built.append(one.table)
            if len(built) == BEFORE_THE_KILL:
                spark.kill_a_worker()

        given = {
            "spark_master": spark.master,
            "spark_memory": "2g",
            "spark_conf": {
                "spark.authenticate": "true",
                "spark.authenticate.secret": spark.secret,
                "spark.executor.memory": "1g",
                "spark.executor.cores": "1",
            },
        }
        home = copy(built_city, tmp_path / "home")
        with running(tmp_path / "engine", **given) as address, at_home(home, address):
            run_tables(full=True, finished=kill_in_the_middle)
            assert {made_by(name) for name in registry()} == {engine.kind().version()}
        assert len(spark.workers) == 1
    assert sorted(built) == sorted(registry())
    assert_same(built_city.home, tmp_path / "home")
