"""Spark's Delta jars, resolved once into the cache by Ivy, which Spark itself ships."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from filelock import FileLock

from schemas.contract import digest
from schemas.errors import RejectedError
from warehouse.settings import Settings

#: Coordinates of what Spark does not bring along. delta-spark 4.4.0 is the newest jar that is published.
DELTA = ("io.delta", "delta-spark_4.2_2.13", "4.4.0")
#: Of the resolved jars, those that Spark lacks; the rest are Spark's own in other versions.
WANTED = ("delta-*.jar", "unitycatalog-*.jar")


def ensure_jars(config: Settings) -> Path:
    """The folder with the jars; they are fetched when it is not there yet.

    Raises:
        RejectedError: they could not be fetched.
    """
    marker = config.jars / f"complete-{digest([*DELTA, *WANTED])}"
    if marker.exists():
        return config.jars
    config.cache.mkdir(parents=True, exist_ok=True)
    with FileLock(config.cache / "jars.lock"):
        if not marker.exists():
            _fetch(config)
            marker.touch()
    return config.jars


def _fetch(config: Settings) -> None:
    import pyspark

    ivy = Path(pyspark.__file__).parent / "jars"
    organisation, module, revision = DELTA
    # an Ivy cache of its own: a half-filled ~/.m2 or ~/.ivy2 makes the resolver fail
    with tempfile.TemporaryDirectory(dir=config.cache) as folder:
        lib = Path(folder) / "lib"
        done = subprocess.run(
            [
                "java", "-cp", f"{ivy}/*", "org.apache.ivy.Main", "-cache", f"{folder}/ivy",
                "-dependency", organisation, module, revision, "-confs", "default",
                "-retrieve", f"{lib}/[artifact]-[revision].[ext]",
            ],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        found = [path for pattern in WANTED for path in lib.glob(pattern)]
        if done.returncode or not any(path.name.startswith(module) for path in found):
            log = config.cache / "jars.log"
            log.write_text(done.stdout + done.stderr, encoding="utf-8")
            raise RejectedError(
                f"Spark's Delta jars could not be fetched; see {log} (the first run needs a network)"
            )
        shutil.rmtree(config.jars, ignore_errors=True)
        config.jars.mkdir(parents=True)
        for path in found:
            shutil.move(path, config.jars / path.name)
