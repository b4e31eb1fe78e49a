"""``./brain serve``: the portal alone, in the foreground."""

from __future__ import annotations

from typing import Annotated

import typer

from portal.cli import console


def serve(
    port: Annotated[int, typer.Option(help="Port; a free one if it is taken.")] = 8000,
    host: Annotated[
        str, typer.Option(help="Address to listen on; 127.0.0.1 is this machine alone.")
    ] = "127.0.0.1",
) -> None:
    """Serve the web pages and the REST API until it is stopped with Ctrl-C."""
    from infra.processes import choose_ports
    from portal.web import server

    if host == "127.0.0.1":
        [port] = choose_ports([port])
    console.say(f"网页 web pages: http://{host}:{port}/   API: http://{host}:{port}/api/v1")
    console.say("stop with Ctrl-C")
    server.serve(host, port)


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(serve)
