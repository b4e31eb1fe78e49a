"""Addresses of running engines.

``sc://host:port/;token=…;engine=spark``, as Spark Connect defines it, or ``unix:/path/of/a/socket;engine=embedded``.
The parameter ``engine`` names the engine at the address.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.errors import UsageError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@dataclass(frozen=True)
class Address:
    """Address of an engine: its name, and a socket's path or Spark Connect's host, port and parameters."""

    engine: str
    path: Path | None
    remote: str

    @classmethod
    def of(cls, text: str, engine: str) -> Address:
        """Parse an address; ``engine`` applies where the address does not name one.

        >>> Address.of("unix:/run/engine;engine=embedded", "spark")
        Address(engine='embedded', path=PosixPath('/run/engine'), remote='')
        >>> Address.of("sc://localhost:15002/;token=t", "spark").remote
        'sc://localhost:15002/;token=t'

        Raises:
            UsageError: it is not an address.
        """
        place, *parameters = text.split(";")
        for parameter in [p for p in parameters if p.startswith("engine=")]:
            engine = parameter.removeprefix("engine=")
            parameters.remove(parameter)
        if place.startswith("unix:/"):
            return cls(engine, Path(place.removeprefix("unix:")), "")
        if not place.startswith("sc://"):
            raise UsageError("an engine's address begins with sc:// or unix:/ (BRAIN_ENGINE_ADDRESS)")
        return cls(engine, None, ";".join([place, *parameters]))

    @property
    def port(self) -> int | None:
        """The TCP port; None for a socket in the file system."""
        return None if self.path else int(self._host_and_port()[1])

    def _host_and_port(self) -> tuple[str, str]:
        host, _, port = self.remote.removeprefix("sc://").split("/")[0].rpartition(":")
        return host, port

    def answers(self) -> bool:
        """Whether something listens at the address."""
        if self.path:
            with socket.socket(socket.AF_UNIX) as probe:
                probe.settimeout(1)
                return probe.connect_ex(str(self.path)) == 0
        host, port = self._host_and_port()
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex((host, int(port))) == 0

    def session(self) -> SparkSession:
        """A new session at the address, never one of an earlier engine that this process still has."""
        from pyspark.sql.connect.client import ChannelBuilder
        from pyspark.sql.connect.session import SparkSession as RemoteSession

        made: SparkSession
        if self.path is None:
            # getOrCreate would leave the address, token included, in the environment
            made = RemoteSession.builder.remote(self.remote).create()  # type: ignore[assignment]
            return made

        class Socket(ChannelBuilder):
            """A channel to a socket of the file system."""

            def __init__(self, path: Path) -> None:
                # a path is not a host: without a host name HTTP/2 servers refuse the request
                super().__init__([("grpc.default_authority", "localhost")])
                self._path = path

            def toChannel(self):  # type: ignore[no-untyped-def]
                return self._insecure_channel(f"unix:{self._path}")

            @property
            def host(self) -> str:
                return "localhost"

        made = RemoteSession.builder.channelBuilder(Socket(self.path)).create()  # type: ignore[arg-type, assignment]
        return made
