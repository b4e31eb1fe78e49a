"""The two engines that answer behind Spark Connect, and what the supervisor must know of each.

``embedded`` is Sail: one process, no Java, for one machine. ``spark`` is Apache Spark with Delta, on this machine or
on any cluster. Jobs are the same PySpark for both and never ask which one answers.
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

#: Setting's value → the engine as people name it.
ENGINES: Mapping[str, str] = {"embedded": "Sail", "spark": "Apache Spark"}


@dataclass(frozen=True)
class Launch:
    """How an engine's process is started, and where it answers when it is up."""

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
        """Product and version, as releases name what made them."""

    def conf(self, config: Settings) -> dict[str, str]:
        """Configuration that it is started with; a change of it restarts the engine."""

    def prepare(self, config: Settings) -> None:
        """See to it that all it needs is there.

        Raises:
            RejectedError: something is not, and cannot be had.
        """

    def needs(self, config: Settings) -> str:
        """What to look at where it does not start."""

    def launch(self, config: Settings, folder: Path) -> Launch:
        """What to start; ``folder`` is the supervisor's own, closed to other users, and goes with the engine."""

    def is_open(self, folder: Path) -> bool:
        """Whether other users of the machine reach the engine that was started with this folder."""

    def read(self, session: SparkSession, table: Pinned, scratch: Path) -> DataFrame:
        """A table's rows, with the contract's columns, at the pinned version.

        ``scratch`` is a folder on the tables' disk that outlives the frame.
        """


@cache
def engine_named(name: str) -> Engine:
    """The engine that a setting or an address names.

    Raises:
        UsageError: there is no such engine.
    """
    if name == "embedded":
        from warehouse.engines.embedded import Embedded

        return Embedded()
    if name == "spark":
        from warehouse.engines.spark import Spark

        return Spark()
    raise UsageError(f"there is no engine {name}; set BRAIN_ENGINE to one of: {', '.join(ENGINES)}")
