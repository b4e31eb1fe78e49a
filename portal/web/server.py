"""The portal's server: ``python -m portal.web.server PORT`` serves the pages and the API of the home."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path

import uvicorn

from portal.web.app import create_app
from portal.web.identity import identify
from schemas.errors import RejectedError
from warehouse.settings import Settings, settings
from warehouse.state import write_whole

#: Seconds for requests under way when the server is stopped.
GRACE = 8


def serve(host: str, port: int) -> None:
    """Serve until the process is told to stop.

    Raises:
        RejectedError: the port is taken.
    """
    config = uvicorn.Config(
        create_app(identify, secret(settings())),
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE,
    )
    server = uvicorn.Server(config)
    try:
        server.run()
    except SystemExit:  # uvicorn's word for an address that it cannot have
        raise RejectedError(f"{host}:{port} is taken or not of this machine; give another --port") from None


def secret(config: Settings) -> str:
    """The home's secret that signs session cookies; made once, readable by its owner alone."""
    path = config.portal / "secret"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, secrets.token_urlsafe(48))
        Path(path).chmod(0o600)
    return path.read_text(encoding="utf-8")


if __name__ == "__main__":
    serve("127.0.0.1", int(sys.argv[1]))
