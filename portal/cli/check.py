"""``./brain check``: every definition is well formed, and the staged tables hold what those of another home do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from portal.cli import console
from portal.cli.options import Json
from schemas.errors import RejectedError, UsageError


def check(
    content: Annotated[
        bool,
        typer.Option("--content", help="Instead: the hash of each staged table's content, as it is now."),
    ] = False,
    against: Annotated[
        Path | None,
        typer.Option(
            metavar="HOME", help="With --content: fail where this home's tables hold something else."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Contracts, rule sets, suites and the job graph are well formed."""
    from portal.queries import content as tables
    from portal.queries import definitions

    if against is not None:
        if not content:
            raise UsageError("--against goes with --content: ./brain check --content --against HOME")
        compare(against, lambda line: console.err.print(line, markup=False, soft_wrap=True))
    found: Sequence[object] = tables.contents() if content else definitions.checked_definitions()
    rows = [vars(one) for one in found]
    if json:
        console.as_json(rows)
    else:
        console.show(rows, "表内容 Content of the staged tables" if content else "定义检查 Definitions")


def compare(there: Path, say: Callable[[str], None]) -> None:
    """Say which staged tables hold something else than another home's, in which columns and rows.

    Raises:
        RejectedError: there are some.
    """
    from portal.queries.content import differences

    found = differences(there)
    for one in found:
        for line in (str(one), *(f"  {row}" for row in one.rows)):
            say(line)
    if found:
        raise RejectedError(
            f"{len(found)} tables differ from those of {there}: {', '.join(d.table for d in found)}"
        )


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(check)
