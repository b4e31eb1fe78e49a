"""``./brain setup`` and ``./brain test``: prepare the environment, and run the tests in it."""

from __future__ import annotations

import subprocess
import sys

import typer


def setup() -> None:
    """Install DuckDB's Delta extension. The launcher does this."""
    from warehouse import duck

    with duck.connect() as connection:
        duck.load_delta(connection)


def test(context: typer.Context) -> None:
    """Run the tests; arguments go to pytest. They need Java 17 and Chromium, which are installed when run as root."""
    from infra.chromium import ensure_chromium
    from schemas.errors import RejectedError
    from warehouse.jars import JAR_SETS, ensure_jars
    from warehouse.settings import CHECKOUT, settings

    for name in JAR_SETS:  # a test has a time limit, so the download happens here
        ensure_jars(settings(), name)
    try:
        ensure_chromium(settings())
    except (
        RejectedError
    ) as missing:  # tests of pages skip or, in continuous integration, fail; the others run
        typer.echo(f"brain: {missing}", err=True)
    done = subprocess.run([sys.executable, "-m", "pytest", *context.args], cwd=CHECKOUT, check=False)
    raise typer.Exit(done.returncode)


def register(app: typer.Typer) -> None:
    """Add the commands to the command line, in the order of its help."""
    app.command()(setup)
    app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(test)
