"""The two engines behind Spark Connect, and the interface that the supervisor uses.

``embedded`` is Sail: one process, no Java, for one machine. ``spark`` is Apache Spark with Delta, on this machine or
on any cluster. Jobs are the same PySpark for both and never ask which engine runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from schemas.errors import UsageError
from warehouse.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from schemas.contract import Contract

#: Value of ``BRAIN_ENGINE`` → name of the product.
ENGINES: Mapping[str, str] = {"embedded": "Sail", "spark": "Apache Spark"}


@dataclass(frozen=True)
class Launch:
    """How an engine's process is started, and its address once it runs."""

    command: list[str]
    address: str
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Pinned:
    """A table at one version: its folder, its version, and its files with their periods."""

    spec: Contract
    folder: Path
    version: int
    files: tuple[tuple[str, Path], ...]


class Engine(Protocol):
    """One kind of engine."""

    #: Value of ``BRAIN_ENGINE``.
    name: str

    def version(self) -> str:
        """Product and version, as recorded in releases."""

    def conf(self, config: Settings) -> dict[str, str]:
        """Configuration at start; a change of it restarts the engine."""

    def prepare(self, config: Settings) -> None:
        """Check and fetch what the engine needs.

        Raises:
            RejectedError: something is missing and cannot be fetched.
        """

    def needs(self, config: Settings) -> str:
        """What to check when it does not start, as the end of a message."""

    def launch(self, config: Settings, folder: Path) -> Launch:
        """The process to start; ``folder`` is the supervisor's, closed to other users, and removed with the engine."""

    def is_open(self, folder: Path) -> bool:
        """Whether other users of the machine can reach the engine that was started with this folder."""

    def read(self, session: SparkSession, table: Pinned, scratch: Path) -> DataFrame:
        """A table's rows, with the contract's columns, at the pinned version.

        ``scratch`` is a folder on the tables' disk that outlives the frame.
        """


@cache
def engine_named(name: str) -> Engine:
    """The engine that a setting or an address names.

    Raises:
        UsageError: no engine has this name.
    """
    if name == "embedded":
        from warehouse.engines.embedded import Embedded

        return Embedded()
    if name == "spark":
        from warehouse.engines.spark import Spark

        return Spark()
    raise UsageError(f"unknown engine {name}; set BRAIN_ENGINE to one of: {', '.join(ENGINES)}")
