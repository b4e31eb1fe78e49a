"""The command line ``./brain …``. Exit codes: 0 success, 1 a failed gate or rejected input, 2 wrong usage."""

from __future__ import annotations

import atexit
import errno
import logging
import os
import sys
import threading
import traceback
from contextlib import suppress
from typing import NoReturn

import typer

from portal.cli import (
    accounts,
    audit,
    bench,
    catalogue,
    check,
    console,
    deliveries,
    demo,
    environment,
    export,
    feeds,
    ingest,
    procedure,
    quarantine,
    read,
    serve,
    services,
    stream,
    tables,
    tokens,
    whatif,
)
from schemas.errors import UserError
from warehouse import access
from warehouse.settings import settings
from warehouse.state import is_disk_full

app = typer.Typer(
    help="宁波产业大脑 Ningbo Industrial Brain: feeds → tables → gate → release → SQL.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

for group in (
    environment,
    demo,
    services,
    serve,
    check,
    ingest,
    feeds,
    stream,
    tables,
    catalogue,
    read,
    whatif,
    export,
    bench,
    quarantine,
    deliveries,
    accounts,
    tokens,
    audit,
    procedure,
):
    group.register(app)


def _failure_line(error: Exception) -> str:
    """One line about a failure of the system. An unexpected error is also logged with its traceback."""
    home = settings().home
    if is_disk_full(error):
        return (
            f"the disk of {home} is full; make room and run the command again: "
            "nothing that was reported as done is lost"
        )
    if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{error.strerror}: {error.filename or home}; this user needs permission for it"
    first = (str(error).splitlines() or [""])[0][:200]
    line = f"this should not happen: {type(error).__name__}: {first}"
    log = settings().logs / "error.log"
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    except OSError:
        return line
    return f"{line}; details in {log}"


class _Warnings(logging.Handler):
    """Prints warnings: what the user should know although the command continues."""

    def emit(self, record: logging.LogRecord) -> None:
        console.err.print(f"brain: {record.getMessage()}", markup=False, soft_wrap=True)


def main() -> None:
    """Run a command. A failure or a warning is one line on standard error."""
    logging.getLogger("brain").addHandler(_Warnings(logging.WARNING))
    try:
        access.close(settings())
        app()
    except UserError as error:
        console.err.print(f"brain: {error}", markup=False, soft_wrap=True)
        sys.exit(error.exit_code)
    except Exception as error:
        console.err.print(f"brain: {_failure_line(error)}", markup=False, soft_wrap=True)
        sys.exit(1)
    except KeyboardInterrupt:
        console.err.print("brain: stopped; run the command again to continue")
        sys.exit(130)


def script() -> NoReturn:
    """Run a command as a process of its own, and end it without unloading its libraries.

    Threads of Arrow that still run while Python unloads it abort the process (apache/arrow#39862), with exit code 134
    after a command that succeeded. Threads, exit handlers and output are finished first.
    """
    code: int | str | None = 0
    try:
        main()
    except SystemExit as left:
        code = left.code
    if isinstance(code, str):
        console.err.print(code, markup=False, soft_wrap=True)
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for output in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # the reader has gone
            output.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    script()
