"""Settings: one place, from the environment (``BRAIN_…``), with defaults for a single machine."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from schemas.errors import UsageError

CHECKOUT = Path(__file__).parent.parent


class Settings(BaseSettings):
    """Where state lives and how the engine runs."""

    model_config = SettingsConfigDict(env_prefix="BRAIN_", extra="ignore", validate_default=True)

    home: Path = CHECKOUT / ".brain"
    #: What a machine shares between homes: jars, DuckDB extensions.
    cache: Path = Path("~/.cache/ningbo-industrial-brain")
    #: Which engine makes the tables: embedded (Sail, without Java) or spark (Apache Spark, here or on a cluster).
    engine: str = "embedded"
    #: What the embedded engine may hold in memory; the rest is written to disk meanwhile.
    engine_memory: str = "3g"
    #: A running engine (unix:/path;engine=embedded, sc://host:port/;token=…;engine=spark) instead of one of our own.
    engine_address: str | None = None
    engine_idle_minutes: float = 15
    #: A group of this machine whose members may read releases and published tables; the owner alone without one.
    group: str | None = None
    spark_master: str = "local[*]"
    spark_memory: str = "3g"
    spark_conf: dict[str, str] = Field(default_factory=dict)
    #: Kafka's bootstrap servers (host:port,…); without them streams come as files.
    kafka: str | None = None
    #: Before the names of topics: several homes may share a cluster.
    kafka_topic_prefix: str = ""
    #: What clients need to be let in (security.protocol, sasl.…, ssl.…), as warehouse/kafka.py says.
    kafka_options: dict[str, str] = Field(default_factory=dict)

    @field_validator("home", "cache")
    @classmethod
    def _as_it_is_written(cls, path: Path) -> Path:
        """A path that every engine and library reads as it is written: no pattern, escape, anchor or quote."""
        path = path.expanduser().resolve()
        if unreadable := re.search(r"[^\w /.+@=,~()-]", str(path)):
            raise ValueError(
                f"{path} has {unreadable[0]} in it, which engines read as something else; name another folder"
            )
        return path

    def environment(self) -> dict[str, str]:
        """These settings as environment variables, for a process that must see the same."""
        values = self.model_dump(mode="json", exclude_none=True)
        return {f"BRAIN_{k.upper()}": v if isinstance(v, str) else json.dumps(v) for k, v in values.items()}

    @property
    def identity(self) -> str:
        """Which folder the home is, whatever its path: a copy of a home is another one."""
        found = self.home.stat()
        return f"{found.st_dev}-{found.st_ino}"

    @property
    def landing(self) -> Path:
        return self.home / "landing"

    @property
    def warehouse(self) -> Path:
        return self.home / "warehouse"

    @property
    def releases(self) -> Path:
        return self.home / "releases"

    @property
    def engine_folder(self) -> Path:
        return self.home / "engine"

    @property
    def scratch(self) -> Path:
        """For files that wait, or come and go, while tables are made; on the disk of the tables."""
        return self.engine_folder / "scratch"

    @property
    def airflow(self) -> Path:
        return self.home / "airflow"

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def locks(self) -> Path:
        return self.home / "locks"

    @property
    def jars(self) -> Path:
        """A folder for each set of warehouse/jars.py."""
        return self.cache / "jars"


@cache
def settings() -> Settings:
    """The settings of this process.

    Raises:
        UsageError: a setting says what it cannot.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = f"BRAIN_{'_'.join(map(str, first['loc'])).upper()}"
        said = first["msg"].removeprefix("Value error, ")
        raise UsageError(f"{name}: {said[:1].lower()}{said[1:]}") from None
    except SettingsError as error:
        found = re.search('field "([a-z_]+)"', str(error))
        name = f"BRAIN_{found[1].upper()}" if found else "a setting"
        raise UsageError(f'{name}: not readable as JSON; write it as {{"name": "value"}}') from None
