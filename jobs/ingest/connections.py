"""Connections to senders' databases, as Airflow writes them: ``AIRFLOW_CONN_<NAME>``, a URI or JSON.

The command line and Airflow share them. A password goes to the driver as a property of the query, and nowhere else: not
into a URL, since URLs stand in plans and logs, and not into a message, whatever it is that cannot be read.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from schemas.errors import RejectedError, UsageError

PREFIX = "AIRFLOW_CONN_"
#: Airflow's words for PostgreSQL, the one database whose driver comes along.
KINDS = ("postgres", "postgresql")
PORT = 5432
#: What a connection may say beside that (Airflow's extra), and the driver's word for it.
EXTRAS: Mapping[str, str] = {
    "sslmode": "sslmode",
    "sslrootcert": "sslrootcert",
    "sslcert": "sslcert",
    "sslkey": "sslkey",
    "options": "options",
    "connect_timeout": "connectTimeout",
}


@dataclass(frozen=True)
class Connection:
    """A database that rows are read from. ``properties`` are the driver's, beside user and password."""

    name: str
    jdbc_url: str
    user: str
    password: str = field(repr=False)
    properties: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def address(self) -> str:
        """``host:port/database``, for messages."""
        return self.jdbc_url.partition("//")[2]

    @property
    def options(self) -> dict[str, str]:
        """For Spark's JDBC source."""
        return {
            "tcpKeepAlive": "true",
            **self.properties,
            "url": self.jdbc_url,
            "driver": "org.postgresql.Driver",
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
    address = f"[{host}]" if ":" in str(host) else quote(str(host), safe="")
    return Connection(
        name=name,
        jdbc_url=f"jdbc:postgresql://{address}:{port}/{quote(str(said['schema']), safe='')}",
        user=str(said["login"]),
        password=str(said["password"]),
        properties={EXTRAS[k]: v for k, v in extra.items()},
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


#: In the driver's words for what can happen, and what there is to do.
_UNREACHABLE: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        ("password authentication failed", "authentication failed", "no password was provided"),
        "user {user} is refused: the user or the password is wrong; mend the connection",
    ),
    (("no pg_hba.conf entry", "pg_hba.conf rejects"), "user {user} is not let in from here; ask who runs it"),
    (('" does not exist@FATAL', "is not permitted to log in"), "{said}; mend the connection"),
    (
        ("refused. Check that", "connection attempt failed", "timed out", "UnknownHost"),
        "not reachable; see that it runs and that the address is right",
    ),
    (
        (
            "I/O error occurred", "terminating connection", "has been closed", "Connection reset", "shutting down",
            "starting up", "recovery mode", "end of stream",
        ),
        "the connection was lost; nothing of what was being read was taken in, run it again",
    ),
)  # fmt: skip
_TABLE: tuple[tuple[tuple[str, ...], str], ...] = (
    (("permission denied",), "{said}; ask its owner to GRANT SELECT to {user}"),
    (("does not exist",), "{said}; it was there a moment ago, run it again"),
)


def failure(connection: Connection, said: str, what: str) -> RejectedError:
    """One line for what the database or its driver said.

    Args:
        what: was being read.
    """
    words = " ".join(said.split())[:300].replace(connection.password, "***")
    fatal = f"{words}@FATAL" if words.startswith("FATAL") else words
    plain = words.removeprefix("FATAL: ").removeprefix("ERROR: ")
    for marks, line in _UNREACHABLE:
        if any(mark in fatal for mark in marks):
            text = line.format(user=connection.user, said=plain)
            return UnreachableError(f"database {connection.name} ({connection.address}): {text}")
    for marks, line in _TABLE:
        if any(mark in words for mark in marks):
            return RejectedError(f"{connection.name}:{what}: {line.format(user=connection.user, said=plain)}")
    return RejectedError(f"{connection.name}:{what}: the database says: {plain}")
