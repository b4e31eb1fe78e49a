"""Settings: from the environment (``BRAIN_…``), with defaults for a single machine."""

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
    """Folders of the state, and configuration of engine and Kafka."""

    model_config = SettingsConfigDict(env_prefix="BRAIN_", extra="ignore", validate_default=True)

    home: Path = CHECKOUT / ".brain"
    #: Shared by all homes of a machine: jars, DuckDB extensions.
    cache: Path = Path("~/.cache/ningbo-industrial-brain")
    #: Engine that computes the tables: embedded (Sail, without Java) or spark (Apache Spark, here or on a cluster).
    engine: str = "embedded"
    #: Memory limit of the embedded engine; the rest spills to disk.
    engine_memory: str = "3g"
    #: A running engine (unix:/path;engine=embedded, sc://host:port/;token=…;engine=spark) instead of the home's own.
    engine_address: str | None = None
    engine_idle_minutes: float = 15
    #: A group of this machine whose members may read releases and published tables; without it only the owner may.
    group: str | None = None
    spark_master: str = "local[*]"
    spark_memory: str = "3g"
    spark_conf: dict[str, str] = Field(default_factory=dict)
    #: Kafka's bootstrap servers (host:port,…); without them streams are read from files.
    kafka: str | None = None
    #: Prefix of topic names: several homes may share a cluster.
    kafka_topic_prefix: str = ""
    #: Address at which readers reach the portal, if a proxy stands before it, such as https://brain.example.
    portal_address: str | None = None
    #: A GeoJSON file with the outlines of the city's districts; without it maps are drawn as tiles.
    boundaries: Path | None = None
    #: Client options for access (security.protocol, sasl.…, ssl.…); see warehouse/kafka.py.
    kafka_options: dict[str, str] = Field(default_factory=dict)
    #: Address of the house's OpenID Connect provider; without it people sign in with accounts of this home.
    oidc_issuer: str | None = None
    oidc_client_id: str | None = None
    oidc_client_secret: str | None = Field(default=None, repr=False)
    #: Scopes that are asked for; some providers send a claim only for a scope of its own.
    oidc_scopes: str = "openid profile"
    #: Claims with name for the audit log, role, scope and rights: a claim's name, or a path such as realm_access.roles.
    oidc_name_claim: str = "sub"
    oidc_role_claim: str = "brain_role"
    oidc_scope_claim: str = "brain_scope"
    oidc_rights_claim: str = "brain_rights"
    #: The provider's name of a role or right → ours, if they differ.
    oidc_names: dict[str, str] = Field(default_factory=dict)

    @field_validator("oidc_issuer")
    @classmethod
    def _is_private(cls, issuer: str | None) -> str | None:
        """Refuse an address at which others could listen or answer: it decides who is who."""
        if issuer and not re.match(r"https://|http://(127\.0\.0\.1|localhost|\[::1\])(:|/|$)", issuer):
            raise ValueError(f"{issuer} is no address with https://, and not on this machine")
        return issuer or None

    #: Limits of the API: requests a minute of an account, and of the address of a visitor; exports at a time.
    api_requests_per_minute: int = Field(default=30_000, ge=1)
    api_visitor_requests_per_minute: int = Field(default=600, ge=1)
    api_exports: int = Field(default=2, ge=1)
    #: Seconds that a query of the API may take, and an export of any length.
    api_query_seconds: float = Field(default=20, gt=0)
    api_export_seconds: float = Field(default=600, gt=0)

    #: Answers of what-ifs that the home keeps, 16 MB each for a whole city; those used least lately go.
    what_if_answers: int = Field(default=50, ge=1)

    @field_validator("boundaries")
    @classmethod
    def _wherever_it_is_read(cls, path: Path | None) -> Path | None:
        """The same file for a process in another folder; an empty setting names none."""
        return None if path in (None, Path()) else path.expanduser().resolve()

    @field_validator("home", "cache")
    @classmethod
    def _as_it_is_written(cls, path: Path) -> Path:
        """Refuse characters that some engine or library takes as a pattern, escape, anchor or quote."""
        path = path.expanduser().resolve()
        if unreadable := re.search(r"[^\w /.+@=,~()-]", str(path)):
            raise ValueError(f"{path} contains {unreadable[0]}, which engines misread; name another folder")
        return path

    def environment(self) -> dict[str, str]:
        """These settings as environment variables, for a process that must see the same."""
        values = self.model_dump(mode="json", exclude_none=True)
        return {f"BRAIN_{k.upper()}": v if isinstance(v, str) else json.dumps(v) for k, v in values.items()}

    @property
    def identity(self) -> str:
        """Identifies the home's folder, whatever its path: a copy of a home is another home."""
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
        """Temporary files while tables are computed; on the disk of the tables."""
        return self.engine_folder / "scratch"

    @property
    def portal(self) -> Path:
        """State of the pages' server, and its temporary files."""
        return self.home / "portal"

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
        UsageError: a setting has an invalid value.
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
