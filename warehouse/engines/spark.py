"""Apache Spark with Delta: a Spark Connect server on ``local[*]``, or the driver of a cluster.

Its Connect port asks for a token, and its RPC ports, which deserialise what they are sent, for a secret.
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

#: A master that has not answered by then is taken for one that cannot be reached.
MASTER_SECONDS = 10

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
    f'-XX:CompilerDirectivesFile="{Path(__file__).parent.with_name("compiler-directives.json")}"',
)


def spark_conf(config: Settings) -> dict[str, str]:
    """What every Spark of ours has: the engine's, and the drivers of streams."""
    return {
        "spark.master": config.spark_master,
        "spark.driver.memory": config.spark_memory,
        "spark.driver.extraJavaOptions": " ".join(_JAVA_OPTIONS),
        "spark.app.name": "ningbo-industrial-brain",
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.sql.session.timeZone": "UTC",
        # Whoever connects to an RPC port must know a secret, which a local Spark makes by itself; a cluster has its
        # own (BRAIN_SPARK_CONF).
        **({"spark.authenticate": "true"} if config.spark_master.startswith("local") else {}),
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
        "spark.sql.sources.parallelPartitionDiscovery.parallelism": "2",
        # INT96, as by default, has no time zone, and other engines refuse it.
        "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
        # Periods are texts, also where they look like numbers.
        "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
        "spark.sql.parquet.compression.codec": "zstd",
        "spark.hadoop.parquet.compression.codec.zstd.level": "1",
        # No or few rows have the same: the dictionary would be begun in vain in every file.
        "spark.hadoop.parquet.enable.dictionary#row_id": "false",
        "spark.hadoop.parquet.enable.dictionary#uscc": "false",
        # A marker of success beside the files would be one more file to know of.
        "spark.hadoop.mapreduce.fileoutputcommitter.marksuccessfuljobs": "false",
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
        # Spark itself tries for a minute and then says so in a log
        if config.spark_master.startswith("spark://") and not any(map(_listens, _masters(config))):
            raise RejectedError(
                f"the Spark master {config.spark_master} cannot be reached (BRAIN_SPARK_MASTER); is it up, and does "
                "this machine know its name?"
            )
        ensure_jars(config, "spark")

    def needs(self, config: Settings) -> str:
        if config.spark_master.startswith("local"):
            return "Java 17 or newer and free memory are needed"
        return f"is the master {config.spark_master} up, and are its secret and memory right?"

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
    """Host and port of a standalone cluster's masters, of which one leads.

    >>> _masters(Settings(spark_master="spark://one:7077,two:7078"))
    [('one', 7077), ('two', 7078)]
    """
    found = []
    for place in config.spark_master.removeprefix("spark://").split(","):
        host, _, port = place.rpartition(":")
        if not host or not port.isdigit():
            raise UsageError(f"{config.spark_master} is no spark://host:port (BRAIN_SPARK_MASTER)")
        found.append((host.strip("[]"), int(port)))
    return found


def _listens(place: tuple[str, int]) -> bool:
    try:
        with socket.create_connection(place, MASTER_SECONDS):
            return True
    except OSError:
        return False


def _properties(conf: dict[str, str], file: Path) -> Path:
    """The configuration in a file for its owner alone: a secret may be in it, and command lines are public."""
    file.touch(mode=0o600)
    lines = (f"{name} {_escaped(value)}\n" for name, value in conf.items())
    file.write_text("".join(lines), encoding="utf-8")
    return file


def _escaped(value: str) -> str:
    r"""A value as Java's properties want it.

    >>> print(_escaped(r"-Dpath=C:\x"))
    -Dpath=C:\\x
    """
    return value.replace("\\", r"\\").replace("\n", r"\n")


def free_port() -> int:
    """A port of the loopback on which nobody listens just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
