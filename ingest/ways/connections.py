"""Connections to senders' databases, as Airflow writes them: ``AIRFLOW_CONN_<NAME>``, a URI or JSON.

The command line and Airflow share them. A password goes to the driver in memory, and nowhere else: not into a command
line or a file, and not into a message, whatever it is that cannot be read.
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
#: Airflow's words for PostgreSQL, the one database whose driver comes along.
KINDS = ("postgres", "postgresql")
PORT = 5432
#: What a connection may say beside that (Airflow's extra), in the words of PostgreSQL's own library.
EXTRAS = ("sslmode", "sslrootcert", "sslcert", "sslkey", "options", "connect_timeout")
#: What holds where a connection does not say it. A server that is gone without a word is noticed in two minutes.
_DEFAULTS: Mapping[str, str] = {
    "client_encoding": "UTF8",
    "connect_timeout": "10",
    "keepalives_idle": "60",
    "keepalives_interval": "15",
    "keepalives_count": "4",
}


@dataclass(frozen=True)
class Connection:
    """A database that rows are read from. ``properties`` are of ``EXTRAS``."""

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
        """All that PostgreSQL's library is told, in its words."""
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
        UsageError: there is none, or it cannot be read.
    """
    text = os.environ.get(variable := PREFIX + name.upper())
    if not text:
        known = sorted(k.removeprefix(PREFIX).lower() for k in os.environ if k.startswith(PREFIX))
        raise UsageError(
            f"no connection {name}: set {variable} to postgres://user:password@host:port/database; "
            f"there is {', '.join(known) or 'none'}"
        )
    return parse_connection(name, text)


def parse_connection(name: str, text: str) -> Connection:
    """A connection from Airflow's text for it: ``postgres://user:password@host:port/database?sslmode=…``, or JSON.

    Raises:
        UsageError: it cannot be read, or is of a database whose driver is not there; the text is not repeated.
    """
    try:
        said = _of_json(text) if text.lstrip().startswith("{") else _of_uri(text)
        kind, host, port = said["conn_type"], said.get("host"), int(said.get("port") or PORT)
        extra = said.get("extra") or {}
        extra = {str(k): str(v) for k, v in (json.loads(extra) if isinstance(extra, str) else extra).items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UsageError(
            f"connection {name} is not as Airflow writes one: postgres://user:password@host:port/database, with "
            "special characters as %xx, or JSON with conn_type, login, password, host, port and schema"
        ) from None
    if kind not in KINDS:
        raise UsageError(
            f"connection {name} is of type {str(kind)[:40]!r}; feeds are read from {KINDS[0]} only"
        )
    lacking = [word for word in ("host", "login", "password", "schema") if not said.get(word)]
    if lacking:
        raise UsageError(
            f"connection {name} lacks {', '.join(lacking)}; it needs host, login, password and schema"
        )
    if unknown := sorted(set(extra) - set(EXTRAS)):
        raise UsageError(
            f"connection {name} says {', '.join(unknown)}, of which nothing is known here; it may say "
            f"{', '.join(EXTRAS)}"
        )
    return Connection(
        name=name,
        host=str(host),
        port=port,
        database=str(said["schema"]),
        user=str(said["login"]),
        password=str(said["password"]),
        properties=extra,
    )


def _of_json(text: str) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(text)
    return said


def _of_uri(text: str) -> dict[str, Any]:
    parts = urlsplit(text)
    extra: dict[str, Any] = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
    if "__extra__" in extra:  # how Airflow puts what is not flat into a URI
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


# --- what a database says ------------------------------------------------------------------------------


class UnreachableError(RejectedError):
    """Nothing more can be read from this database now."""


#: Words of the server or its library, or its SQLSTATE whatever its language, and what there is to do: while we connect,
_CONNECTING: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        ("authentication failed", "no password supplied"),
        "user {user} is refused: the user or the password is wrong; mend the connection",
    ),
    (("no pg_hba.conf entry", "pg_hba.conf rejects"), "user {user} is not let in from here; ask who runs it"),
    (
        (
            "Connection refused", "timeout expired", "timed out", "could not translate host name",
            "No route to host", "Network is unreachable",
        ),
        "not reachable; see that it runs and that the address is right",
    ),
)  # fmt: skip
#: at any time,
_LOST = (
    "terminating connection", "server closed the connection", "connection has been closed", "Connection reset",
    "timed out", "no connection to the server", "SSL SYSCALL error", "shutting down", "starting up", "recovery mode",
)  # fmt: skip
#: and of what is read.
_TABLE: tuple[tuple[tuple[str, ...], str], ...] = (
    (("permission denied", "42501"), "{said}; ask its owner to GRANT SELECT to {user}"),
    (("does not exist", "42P01", "42703"), "{said}; it was there a moment ago, run it again"),
)
#: What the driver says before the server's own words.
_BEFORE = re.compile(r"^.*(?:FATAL|ERROR|PANIC|failed|connect|query|COPY|ERROR\]): +")


def failure(connection: Connection, error: Exception, what: str) -> RejectedError:
    """One line for what the database or its driver said.

    Args:
        what: was being read.
    """
    said = _said(error).replace(connection.password, "***")[:300]
    known = f"{said} {getattr(error, 'sqlstate', None) or ''}"
    place, rows = f"database {connection.name} ({connection.address})", f"{connection.name}:{what}"

    def line_of(lines: Iterable[tuple[tuple[str, ...], str]]) -> str | None:
        found = next((line for marks, line in lines if any(mark in known for mark in marks)), None)
        return found.format(said=said, user=connection.user) if found else None

    is_connecting = "Failed to connect" in str(error)
    if is_connecting and (line := line_of(_CONNECTING)):
        return UnreachableError(f"{place}: {line}")
    if any(mark in known for mark in _LOST):
        return UnreachableError(
            f"{place}: the connection was lost; nothing of what was being read was taken in, run it again"
        )
    if is_connecting:
        return UnreachableError(f"{place}: {said}; mend the connection")
    return RejectedError(f"{rows}: {line_of(_TABLE) or f'the database says: {said}'}")


def _said(error: Exception) -> str:
    """The server's words as one line, without the driver's before them and the statement after them."""
    if primary := dict(getattr(error, "details", ())).get(b"PG_DIAG_MESSAGE_PRIMARY"):
        text = primary.decode(errors="replace")
    else:
        text = str(error).partition("\n\nQuery was: ")[0]
        told = [line for line in text.splitlines() if _BEFORE.match(line)]
        text = _BEFORE.sub("", told[-1]) if told else text
    return " ".join(text.split())
