"""``./brain up``, ``down`` and ``status``: the background processes of a home."""

from __future__ import annotations

import typer

from portal.cli import console
from portal.cli.options import Json


def up(json: Json = False) -> None:
    """Start the portal, the engine and Airflow in the background, on 127.0.0.1."""
    from portal.accounts import store
    from portal.services import control
    from portal.services import status as state
    from portal.services.orchestration import USER, password_file
    from warehouse.settings import settings

    with console.stages(quiet=json) as progress:
        airflow, web, is_new = control.up(progress)
    first = store.ensure_first()
    if json:
        console.as_json(state.status())
        return
    running = "running" if is_new else "already running"
    console.say(f"the portal is {running} at {web.address}")
    if first:
        console.say(
            f"user {store.FIRST_ACCOUNT}, first password {first} (shown once; you choose your own at log-in)"
        )
    console.say(f"Airflow is {running} at {airflow.address}")
    console.say(f"user {USER}, password in {password_file(settings())}")
    console.say(f"it ingests present and future files in {settings().landing} and publishes releases")
    console.say("next: ./brain demo for a demo city, ./brain status, ./brain down")


def down() -> None:
    """Stop the portal, Airflow and the engine."""
    from portal.services import control

    with console.stages() as progress:
        stopped = control.down(progress)
    if stopped:
        console.say(f"stopped: {', '.join(stopped)}")


def status(json: Json = False) -> None:
    """Show running processes, waiting files and the latest release."""
    from portal.services import status as state

    rows = state.status()
    if json:
        console.as_json(rows)
    else:
        for line in state.as_lines(rows):
            console.say(line)


def register(app: typer.Typer) -> None:
    """Add the commands to the command line, in the order of its help."""
    app.command()(up)
    app.command()(down)
    app.command()(status)
