"""``./brain setup`` and ``./brain test``: the environment that the other commands run in."""

from __future__ import annotations

import subprocess
import sys

import typer


def setup() -> None:
    """Fetch what every command needs beside the Python environment; done by the launcher."""
    from warehouse import duck

    with duck.connect() as connection:
        duck.load_delta(connection)


def test(context: typer.Context) -> None:
    """Run the tests; arguments go to pytest. They need Java, which is installed where that may be done."""
    from warehouse.jars import JAR_SETS, ensure_jars
    from warehouse.settings import CHECKOUT, settings

    for name in JAR_SETS:  # here and not in a test, whose time is limited
        ensure_jars(settings(), name)
    done = subprocess.run([sys.executable, "-m", "pytest", *context.args], cwd=CHECKOUT, check=False)
    raise typer.Exit(done.returncode)


def register(app: typer.Typer) -> None:
    """Add the commands to the command line, in the order of its help."""
    app.command()(setup)
    app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(test)
