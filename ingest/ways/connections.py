"""Connections to senders' databases, in Airflow's notation: ``AIRFLOW_CONN_<NAME>``, a URI or JSON.

The command line and Airflow share them. A password goes to the driver in memory and nowhere else: not into a command
line, a file or a message, not even if a connection cannot be parsed.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from schemas.errors import RejectedError, UsageError

PREFIX = "AIRFLOW_CONN_"
#: Airflow's connection types for PostgreSQL, the only database with an installed driver.
KINDS = ("postgres", "postgresql")
PORT = 5432
#: Further properties (Airflow's extra) that a connection may have, by their names in libpq.
EXTRAS = ("sslmode", "sslrootcert", "sslcert", "sslkey", "options", "connect_timeout")
#: Defaults of libpq properties. A server that vanishes without closing is detected within two minutes.
_DEFAULTS: Mapping[str, str] = {
    "client_encoding": "UTF8",
    "connect_timeout": "10",
    "keepalives_idle": "60",
    "keepalives_interval": "15",
    "keepalives_count": "4",
}


@dataclass(frozen=True)
class Connection:
    """A database that rows are read from; the keys of ``properties`` are in ``EXTRAS``."""

    name: str
    host: str
    port: int
    database: str
    user: str
    password: str = field(repr=False)
    properties: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def address(self) -> str:
        """``host:port/database``, for messages."""
        host = f"[{self.host}]" if ":" in self.host else quote(self.host, safe="")
        return f"{host}:{self.port}/{quote(self.database, safe='')}"

    @property
    def options(self) -> dict[str, str]:
        """All parameters for libpq, by its names."""
        return {
            **_DEFAULTS,
            **self.properties,
            "host": self.host,
            "port": str(self.port),
            "dbname": self.database,
            "user": self.user,
            "password": self.password,
        }


def connection_from_environment(name: str) -> Connection:
    """The connection that ``AIRFLOW_CONN_<NAME>`` describes.

    Raises:
        UsageError: the variable is not set, or its text cannot be parsed.
    """
    text = os.environ.get(variable := PREFIX + name.upper())
    if not text:
        known = sorted(k.removeprefix(PREFIX).lower() for k in os.environ if k.startswith(PREFIX))
        raise UsageError(
            f"no connection {name}: set {variable} to postgres://user:password@host:port/database; "
            f"known connections: {', '.join(known) or 'none'}"
        )
    return parse_connection(name, text)


def parse_connection(name: str, text: str) -> Connection:
    """Parse Airflow's text of a connection: ``postgres://user:password@host:port/database?sslmode=…``, or JSON.

    Raises:
        UsageError: it cannot be parsed, or its database has no installed driver; the message does not repeat the text.
    """
    try:
        parts = _of_json(text) if text.lstrip().startswith("{") else _of_uri(text)
        kind, host, port = parts["conn_type"], parts.get("host"), int(parts.get("port") or PORT)
        extra = parts.get("extra") or {}
        extra = {str(k): str(v) for k, v in (json.loads(extra) if isinstance(extra, str) else extra).items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UsageError(
            f"connection {name} is not in Airflow's notation: postgres://user:password@host:port/database, with "
            "special characters as %xx, or JSON with conn_type, login, password, host, port and schema"
        ) from None
    if kind not in KINDS:
        raise UsageError(
            f"connection {name} is of type {str(kind)[:40]!r}; feeds are read from {KINDS[0]} only"
        )
    lacking = [word for word in ("host", "login", "password", "schema") if not parts.get(word)]
    if lacking:
        raise UsageError(
            f"connection {name} lacks {', '.join(lacking)}; it needs host, login, password and schema"
        )
    if unknown := sorted(set(extra) - set(EXTRAS)):
        raise UsageError(
            f"connection {name} has unknown properties {', '.join(unknown)}; allowed are {', '.join(EXTRAS)}"
        )
    return Connection(
        name=name,
        host=str(host),
        port=port,
        database=str(parts["schema"]),
        user=str(parts["login"]),
        password=str(parts["password"]),
        properties=extra,
    )


def _of_json(text: str) -> dict[str, Any]:
    parts: dict[str, Any] = json.loads(text)
    return parts


def _of_uri(text: str) -> dict[str, Any]:
    parts = urlsplit(text)
    extra: dict[str, Any] = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
    if "__extra__" in extra:  # Airflow's notation for nested extras in a URI
        extra |= json.loads(extra.pop("__extra__"))
    if parts.fragment or not parts.scheme:
        raise ValueError
    return {
        "conn_type": parts.scheme,
        "host": unquote(parts.hostname or ""),
        "port": parts.port,
        "login": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "schema": unquote(parts.path.removeprefix("/")),
        "extra": extra,
    }


# --- errors of a database ------------------------------------------------------------------------------


class UnreachableError(RejectedError):
    """Nothing more can be read from this database now."""


#: Parts of messages of the server or libpq, or an SQLSTATE, which no language changes → our message. While connecting:
_CONNECTING: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        ("authentication failed", "no password supplied"),
        "user {user} is refused: the user or the password is wrong; correct the connection",
    ),
    (
        ("no pg_hba.conf entry", "pg_hba.conf rejects"),
        "user {user} may not connect from this host; ask the database's administrator",
    ),
    (
        (
            "Connection refused", "timeout expired", "timed out", "could not translate host name",
            "No route to host", "Network is unreachable",
        ),
        "not reachable; check that it runs and that the address is right",
    ),
)  # fmt: skip
#: A connection lost at any time:
_LOST = (
    "terminating connection", "server closed the connection", "connection has been closed", "Connection reset",
    "timed out", "no connection to the server", "SSL SYSCALL error", "shutting down", "starting up", "recovery mode",
)  # fmt: skip
#: Faults of the table that is read:
_TABLE: tuple[tuple[tuple[str, ...], str], ...] = (
    (("permission denied", "42501"), "{said}; ask its owner to GRANT SELECT to {user}"),
    (("does not exist", "42P01", "42703"), "{said}; it existed a moment ago, run it again"),
)
#: The driver's prefix to the server's own message.
_BEFORE = re.compile(r"^.*(?:FATAL|ERROR|PANIC|failed|connect|query|COPY|ERROR\]): +")


def failure(connection: Connection, error: Exception, what: str) -> RejectedError:
    """An error of the database or its driver as one line, without the password.

    Args:
        what: the table, or the catalogue, that was read.
    """
    said = _said(error).replace(connection.password, "***")[:300]
    known = f"{said} {getattr(error, 'sqlstate', None) or ''}"
    place, rows = f"database {connection.name} ({connection.address})", f"{connection.name}:{what}"

    def line_of(lines: Iterable[tuple[tuple[str, ...], str]]) -> str | None:
        template = next((line for marks, line in lines if any(mark in known for mark in marks)), None)
        return template.format(said=said, user=connection.user) if template else None

    is_connecting = "Failed to connect" in str(error)
    if is_connecting and (line := line_of(_CONNECTING)):
        return UnreachableError(f"{place}: {line}")
    if any(mark in known for mark in _LOST):
        return UnreachableError(
            f"{place}: the connection was lost; nothing of the table being read was ingested, run it again"
        )
    if is_connecting:
        return UnreachableError(f"{place}: {said}; correct the connection")
    return RejectedError(f"{rows}: {line_of(_TABLE) or f'the database says: {said}'}")


def _said(error: Exception) -> str:
    """The server's message as one line, without the driver's prefix and without the statement."""
    if primary := dict(getattr(error, "details", ())).get(b"PG_DIAG_MESSAGE_PRIMARY"):
        text = primary.decode(errors="replace")
    else:
        text = str(error).partition("\n\nQuery was: ")[0]
        prefixed = [line for line in text.splitlines() if _BEFORE.match(line)]
        text = _BEFORE.sub("", prefixed[-1]) if prefixed else text
    return " ".join(text.split())
