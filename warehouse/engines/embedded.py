"""The embedded engine: Sail, a Spark Connect server on Arrow and DataFusion in one process, without Java.

Sail does not authenticate clients. It therefore runs in its own network namespace, which nobody else on the machine
reaches, behind a socket that only its owner may open (``warehouse/engines/sail.py``).
"""

from __future__ import annotations

import os
import sys
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

from warehouse.engines import Launch, Pinned
from warehouse.engines.sail import OPEN
from warehouse.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


class Embedded:
    """Sail on this machine."""

    name = "embedded"

    def version(self) -> str:
        return f"Sail {version('pysail')}"

    def conf(self, config: Settings) -> dict[str, str]:
        """Sail's settings, as environment variables."""
        return {
            # memory is bounded: the rest spills to temporary files
            "SAIL_RUNTIME__MEMORY_POOL__TYPE": "fair",
            "SAIL_RUNTIME__MEMORY_POOL__FAIR__MAX_SIZE": str(bytes_of(config.engine_memory)),
            "SAIL_RUNTIME__TEMPORARY_FILES__PATHS": f'["{config.engine_folder / "spill"}"]',
            # a session lives as long as its process, however long that is idle
            "SAIL_SPARK__SESSION_TIMEOUT_SECS": str(7 * 24 * 3600),
            "SAIL_PARQUET__COMPRESSION": "zstd(1)",
            # Arrow metadata (such as other names of UTC) would make files of two engines incompatible
            "SAIL_PARQUET__SKIP_ARROW_METADATA": "true",
            # rows are not sorted by a column, so page statistics would skip nothing
            "SAIL_PARQUET__STATISTICS_ENABLED": "chunk",
            **{name: value for name, value in os.environ.items() if name.startswith("SAIL_")},
        }

    def prepare(self, config: Settings) -> None:
        """Nothing to do: the Python environment has all of it."""

    def needs(self, config: Settings) -> str:
        return "free memory and a system that its wheel was built for are needed"

    def launch(self, config: Settings, folder: Path) -> Launch:
        (config.engine_folder / "spill").mkdir(parents=True, exist_ok=True)
        path = folder / "engine"
        return Launch(
            [sys.executable, "-m", "warehouse.engines.sail", str(path)],
            f"unix:{path};engine={self.name}",
            self.conf(config),
        )

    def is_open(self, folder: Path) -> bool:
        return (folder / OPEN).exists()

    def read(self, session: SparkSession, table: Pinned, scratch: Path) -> DataFrame:
        """Read links to the version's files in a separate folder: folders give periods, a list of files does not."""
        spec = table.spec
        fields = [(c.name, c.type) for c in spec.columns if c.name != spec.period]
        schema = ", ".join(f"{name} {kind}" for name, kind in fields)
        if not table.files:
            from pyspark.sql import functions as F

            return session.range(0).select(*(F.lit(None).cast(c.type).alias(c.name) for c in spec.columns))
        folder = scratch / f"{spec.name}-{table.version}-{uuid4().hex[:8]}"
        for period, file in table.files:
            place = folder / f"{spec.period}={period}"
            place.mkdir(parents=True, exist_ok=True)
            if _has_naive_times(file, file.stat().st_mtime_ns):
                _with_utc(file, place / file.name)
            else:
                os.link(file, place / file.name)
        rows = session.read.schema(f"{schema}, {spec.period} string").parquet(str(folder))
        return rows.select(*spec.column_names)


@cache
def _has_naive_times(file: Path, _written: int) -> bool:
    """Whether a file has timestamps without a zone (INT96), as Spark wrote them once: Sail refuses these."""
    schema = pq.read_metadata(file).schema
    return any(schema.column(n).physical_type == "INT96" for n in range(len(schema)))


def _with_utc(file: Path, copy: Path) -> None:
    """Copy the file with its timestamps marked as UTC, which they are."""
    rows = pq.read_table(file, partitioning=None, coerce_int96_timestamp_unit="us")
    utc = pa.timestamp("us", tz="UTC")
    fields = [f.with_type(utc) if pa.types.is_timestamp(f.type) else f for f in rows.schema]
    pq.write_table(rows.cast(pa.schema(fields)), copy, store_schema=False)


def bytes_of(size: str) -> int:
    """
    >>> bytes_of("2g")
    2147483648
    """
    units = {"k": 10, "m": 20, "g": 30}
    return int(size[:-1]) << units[size[-1].lower()]
