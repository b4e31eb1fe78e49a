"""``./brain setup`` and ``./brain test``: prepare the environment, and run the tests in it."""

from __future__ import annotations

import os
import subprocess
import sys

import typer

#: Memory that one process of the tests needs at most, with its engines and servers, in GiB.
TEST_MEMORY = 8
#: More processes wait for the same few long files.
TEST_PROCESSES = 4


def setup() -> None:
    """Install DuckDB's Delta extension. The launcher does this."""
    from warehouse import duck

    with duck.connect() as connection:
        duck.load_delta(connection)


def test(context: typer.Context) -> None:
    """Run the tests; arguments go to pytest. They need Java 17 and Chromium, which are installed when run as root.

    Without arguments all tests run, the files shared out to a process for each core, as memory allows.
    """
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
    arguments = context.args or ["--dist", "loadfile", "-n", str(_processes())]
    done = subprocess.run([sys.executable, "-m", "pytest", *arguments], cwd=CHECKOUT, check=False)
    raise typer.Exit(done.returncode)


def _processes() -> int:
    import psutil

    memory = psutil.virtual_memory().total // (TEST_MEMORY * 2**30)
    return max(1, min(os.cpu_count() or 1, memory, TEST_PROCESSES))


def register(app: typer.Typer) -> None:
    """Add the commands to the command line, in the order of its help."""
    app.command()(setup)
    app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(test)
