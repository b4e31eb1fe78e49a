"""Java libraries, resolved once into the cache by Ivy, which Spark ships; one folder for each set.

A set's folder has its jars and a marker with the hash of the set's definition: a changed definition has another marker,
and the jars are fetched again. Code that uses Java calls :func:`ensure_jars` first, which provides Java as well.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from filelock import FileLock

from schemas.contract import digest
from schemas.errors import RejectedError
from warehouse.java import ensure_java
from warehouse.settings import Settings


@dataclass(frozen=True)
class JarSet:
    """Coordinates (``organisation:module:revision``), with or without their run-time dependencies."""

    coordinates: tuple[str, ...]
    with_dependencies: bool


_SPARK = version("pyspark")
_DELTA = version("delta-spark")

#: Jars on Spark's class path are listed one by one: with dependencies Ivy would add Spark's own jars in other versions.
JAR_SETS: Mapping[str, JarSet] = {
    "spark": JarSet(
        (
            # Delta, with the jars that it needs at run time
            f"io.delta:delta-spark_{_SPARK.rpartition('.')[0]}_2.13:{_DELTA}",
            f"io.delta:delta-storage:{_DELTA}",
            f"io.delta:delta-kernel-api:{_DELTA}",
            f"io.delta:delta-kernel-defaults:{_DELTA}",
            f"io.delta:delta-kernel-unitycatalog:{_DELTA}",
            "io.unitycatalog:unitycatalog-client:0.6.0",
            "io.unitycatalog:unitycatalog-hadoop:0.6.0",
            # Kafka source of Spark's version, and the clients that it was built with
            f"org.apache.spark:spark-sql-kafka-0-10_2.13:{_SPARK}",
            f"org.apache.spark:spark-token-provider-kafka-0-10_2.13:{_SPARK}",
            "org.apache.kafka:kafka-clients:3.9.2",
            "org.apache.commons:commons-pool2:2.13.1",
        ),
        with_dependencies=False,
    ),
    "kafka": JarSet(
        (
            "org.apache.kafka:kafka_2.13:4.2.2",
            # without a binding the broker logs nothing; same version as the broker's slf4j
            "org.slf4j:slf4j-simple:1.7.36",
        ),
        with_dependencies=True,
    ),
}


def ensure_jars(config: Settings, name: str) -> list[Path]:
    """The jars of a set, sorted; missing jars and Java are fetched first.

    Raises:
        RejectedError: jars could not be fetched, or no Java is available.
    """
    java = ensure_java(config)
    wanted = JAR_SETS[name]
    folder = config.jars / name
    marker = folder / f"complete-{digest(asdict(wanted))}"
    if not marker.exists():
        config.jars.mkdir(parents=True, exist_ok=True)
        with FileLock(config.jars / f"{name}.lock"):
            if not marker.exists():
                _fetch(config, java, name, folder, marker.name)
    return sorted(folder.glob("*.jar"))


def _fetch(config: Settings, java: Path, name: str, folder: Path, marker: str) -> None:
    print(f"brain: fetching the jars of {name}", file=sys.stderr)
    wanted = JAR_SETS[name]
    # a separate Ivy cache, since a half-filled ~/.m2 or ~/.ivy2 makes the resolver fail
    with tempfile.TemporaryDirectory(dir=config.jars, prefix=f"{name}-") as scratch:
        lib = Path(scratch) / "lib"
        said = _resolve(java, Path(scratch), wanted, lib)
        missing = [c for c in wanted.coordinates if not (lib / _file_name(c)).exists()]
        if missing:
            log = config.jars / f"{name}.log"
            log.write_text(said, encoding="utf-8")
            raise RejectedError(
                f"the jar {missing[0]} could not be fetched; see {log} (the first run needs a network)"
            )
        (lib / marker).touch()
        shutil.rmtree(folder, ignore_errors=True)
        lib.rename(folder)


def _resolve(java: Path, scratch: Path, wanted: JarSet, lib: Path) -> str:
    """Let Ivy put the jars into ``lib`` and return its output. The caller checks that all jars exist."""
    import pyspark

    ivy = Path(pyspark.__file__).parent / "jars"
    module = scratch / "ivy.xml"
    module.write_text(_ivy_module(wanted), encoding="utf-8")
    command = [
        str(java), "-cp", f"{ivy}/*", "org.apache.ivy.Main", "-cache", f"{scratch}/ivy",
        "-ivy", str(module), "-confs", "default", "-retrieve", f"{lib}/[artifact]-[revision].[ext]",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def _ivy_module(wanted: JarSet) -> str:
    transitive = str(wanted.with_dependencies).lower()
    lines = []
    for coordinate in wanted.coordinates:
        organisation, module, revision = coordinate.split(":")
        lines.append(
            f'<dependency org="{organisation}" name="{module}" rev="{revision}"'
            f' conf="default->default" transitive="{transitive}"/>'
        )
    return (
        '<ivy-module version="2.0"><info organisation="brain" module="jars"/>'
        '<configurations><conf name="default"/></configurations>'
        f"<dependencies>{''.join(lines)}</dependencies></ivy-module>"
    )


def _file_name(coordinate: str) -> str:
    _, module, revision = coordinate.split(":")
    return f"{module}-{revision}.jar"
