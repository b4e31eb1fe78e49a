"""Apache Spark with Delta: a Spark Connect server on ``local[*]``, or the driver of a cluster.

Its Connect port requires a token. Its RPC ports, which deserialise what they receive, require a secret.
"""

from __future__ import annotations

import secrets
import socket
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.errors import RejectedError, UsageError
from warehouse.engines import Launch, Pinned
from warehouse.jars import JAR_SETS, ensure_jars
from warehouse.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

#: A master that does not answer within this time counts as unreachable.
MASTER_SECONDS = 10

_JAVA_OPTIONS = (
    "-XX:+IgnoreUnrecognizedVMOptions",
    # Throughput matters here, pauses do not.
    "-XX:+UseParallelGC",
    # Most objects that a query allocates are short-lived.
    "-XX:NewRatio=1",
    # Every query compiles new code; a full code cache evicts code that is in use.
    "-XX:ReservedCodeCacheSize=512m",
    # Generated code of a query lives for seconds. Java's optimizing compiler (C2) took a third of all processor time,
    # most of it for such code, so it is excluded from C2.
    "-XX:+UnlockDiagnosticVMOptions",
    f'-XX:CompilerDirectivesFile="{Path(__file__).parent.with_name("compiler-directives.json")}"',
)


def spark_conf(config: Settings) -> dict[str, str]:
    """Configuration of every Spark: the engine's, and the drivers' of streams."""
    return {
        "spark.master": config.spark_master,
        "spark.driver.memory": config.spark_memory,
        "spark.driver.extraJavaOptions": " ".join(_JAVA_OPTIONS),
        "spark.app.name": "ningbo-industrial-brain",
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.sql.session.timeZone": "UTC",
        # RPC ports require a secret; a local Spark generates it, a cluster has its own (BRAIN_SPARK_CONF).
        **({"spark.authenticate": "true"} if config.spark_master.startswith("local") else {}),
        # Java never compiles methods above 8,000 bytes of bytecode. With this limit Spark splits the stage by
        # operator instead of running one interpreted method.
        "spark.sql.codegen.hugeMethodLimit": "8000",
        # All tables together compile some thousand classes. With the default of 100 none is left when a table is
        # computed again, and Java has to compile and optimize all of them again.
        "spark.sql.codegen.cache.maxEntries": "4000",
        # Two cores: few, larger tasks. AQE still splits skewed partitions.
        "spark.sql.shuffle.partitions": "4",
        "spark.default.parallelism": "4",
        # By default a Delta snapshot is read with 50 partitions, which takes seconds for each small log.
        "spark.databricks.delta.snapshotPartitions": "1",
        "spark.sql.sources.parallelPartitionDiscovery.parallelism": "2",
        # The default INT96 has no time zone, and other engines refuse it.
        "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
        # Periods are strings, even if they look like numbers.
        "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
        "spark.sql.parquet.compression.codec": "zstd",
        "spark.hadoop.parquet.compression.codec.zstd.level": "1",
        # Few rows share a value, so every file would start a dictionary and give it up.
        "spark.hadoop.parquet.enable.dictionary#row_id": "false",
        "spark.hadoop.parquet.enable.dictionary#uscc": "false",
        # No _SUCCESS file beside the data files.
        "spark.hadoop.mapreduce.fileoutputcommitter.marksuccessfuljobs": "false",
        # One writer for each partition instead of a sort by partition: tables have a few dozen periods at most.
        "spark.sql.maxConcurrentOutputFileWriters": "64",
        # Sides of joins have tens of MB: a hash join is faster than sorting both sides.
        "spark.sql.adaptive.maxShuffledHashJoinLocalMapThreshold": "64m",
        # Each hashed side of a join allocates a page first. With the default of 64 MB a dozen concurrent joins filled
        # the heap, and garbage collection took two thirds of their time.
        "spark.buffer.pageSize": "2m",
        "spark.ui.enabled": "false",
        # Without it every step formats plans for a web page that is off.
        "spark.sql.ui.explainMode": "simple",
        # Adaptive execution sends the text of the whole plan to its listeners after every stage. Texts of some MB
        # filled the heap of a small machine.
        "spark.sql.maxPlanStringLength": str(64 * 1024),
        # Tables have a few dozen files, of which a filter at run time spares little; it repeats the other side of the
        # join in the plan, and self-joins within self-joins then double it at each level.
        "spark.sql.optimizer.dynamicPartitionPruning.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.warehouse.dir": str(config.engine_folder / "spark-warehouse"),
        "spark.local.dir": str(config.engine_folder / "spill"),
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.maxInboundMessageSize": str(64 * 1024 * 1024),
        **config.spark_conf,
    }


class Spark:
    """Apache Spark on this machine, or as the driver of a cluster."""

    name = "spark"

    def version(self) -> str:
        return f"Apache Spark {version('pyspark')}"

    def conf(self, config: Settings) -> dict[str, str]:
        jars = ",".join(JAR_SETS["spark"].coordinates)
        return {**spark_conf(config), "jars": jars}

    def prepare(self, config: Settings) -> None:
        # Spark itself retries for a minute and then only writes to a log
        if config.spark_master.startswith("spark://") and not any(map(_listens, _masters(config))):
            raise RejectedError(
                f"the Spark master {config.spark_master} cannot be reached (BRAIN_SPARK_MASTER); is it running, and "
                "can this machine resolve its name?"
            )
        ensure_jars(config, "spark")

    def needs(self, config: Settings) -> str:
        if config.spark_master.startswith("local"):
            return "Java 17 or newer and free memory are needed"
        return f"is the master {config.spark_master} running, and are its secret and memory right?"

    def launch(self, config: Settings, folder: Path) -> Launch:
        import pyspark

        jars = [str(path) for path in ensure_jars(config, "spark")]
        port, token = free_port(), secrets.token_urlsafe(24)
        conf = {
            **spark_conf(config),
            # a cluster's executors fetch the jars; a local engine has them on its class path
            **({} if config.spark_master.startswith("local") else {"spark.jars": ",".join(jars)}),
            "spark.driver.extraClassPath": ":".join(jars),
            "spark.connect.grpc.binding.port": str(port),
        }
        return Launch(
            [
                str(Path(pyspark.__file__).parent / "bin" / "spark-submit"),
                "--properties-file", str(_properties(conf, folder / "spark.properties")),
                "--class", "org.apache.spark.sql.connect.service.SparkConnectServer", "spark-internal",
            ],
            f"sc://localhost:{port}/;token={token};engine={self.name}",
            {
                "SPARK_CONNECT_AUTHENTICATE_TOKEN": token,
                "PYSPARK_PYTHON": sys.executable,
                "SPARK_LOCAL_IP": "127.0.0.1",
            },
        )  # fmt: skip

    def is_open(self, folder: Path) -> bool:
        return False

    def read(self, session: SparkSession, table: Pinned, scratch: Path) -> DataFrame:
        rows = session.read.format("delta").option("versionAsOf", table.version).load(str(table.folder))
        return rows.select(*table.spec.column_names)


def _masters(config: Settings) -> list[tuple[str, int]]:
    """Host and port of each master of a standalone cluster; one of them leads.

    >>> _masters(Settings(spark_master="spark://one:7077,two:7078"))
    [('one', 7077), ('two', 7078)]
    """
    found = []
    for place in config.spark_master.removeprefix("spark://").split(","):
        host, _, port = place.rpartition(":")
        if not host or not port.isdigit():
            raise UsageError(
                f"{config.spark_master} is not of the form spark://host:port (BRAIN_SPARK_MASTER)"
            )
        found.append((host.strip("[]"), int(port)))
    return found


def _listens(place: tuple[str, int]) -> bool:
    try:
        with socket.create_connection(place, MASTER_SECONDS):
            return True
    except OSError:
        return False


def _properties(conf: dict[str, str], file: Path) -> Path:
    """Write the configuration to a file for its owner only: it may have a secret, and command lines are public."""
    file.touch(mode=0o600)
    lines = (f"{name} {_escaped(value)}\n" for name, value in conf.items())
    file.write_text("".join(lines), encoding="utf-8")
    return file


def _escaped(value: str) -> str:
    r"""A value as a Java properties file escapes it.

    >>> print(_escaped(r"-Dpath=C:\x"))
    -Dpath=C:\\x
    """
    return value.replace("\\", r"\\").replace("\n", r"\n")


def free_port() -> int:
    """A loopback port on which nobody listens at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
