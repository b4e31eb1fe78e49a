"""``./brain check``: check every definition, or compare the staged tables' content with another home's."""

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
        typer.Option("--content", help="Instead, print the content hash of each staged table."),
    ] = False,
    against: Annotated[
        Path | None,
        typer.Option(
            metavar="HOME", help="With --content: fail if staged tables differ from those of this other home."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Check contracts, rule sets, suites and the job graph."""
    from portal.queries import content as tables
    from portal.queries import definitions

    if against is not None:
        if not content:
            raise UsageError("--against needs --content: ./brain check --content --against HOME")
        compare(against, lambda line: console.err.print(line, markup=False, soft_wrap=True))
    results: Sequence[object] = tables.contents() if content else definitions.checked_definitions()
    rows = [vars(result) for result in results]
    if json:
        console.as_json(rows)
    else:
        console.show(rows, "表内容 Content of the staged tables" if content else "定义检查 Definitions")


def compare(there: Path, say: Callable[[str], None]) -> None:
    """Print the staged tables that differ from another home's, with the differing columns and rows.

    Raises:
        RejectedError: at least one table differs.
    """
    from portal.queries.content import differences

    differing = differences(there)
    for one in differing:
        for line in (str(one), *(f"  {row}" for row in one.rows)):
            say(line)
    if differing:
        raise RejectedError(
            f"{len(differing)} tables differ from those of {there}: {', '.join(d.table for d in differing)}"
        )


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(check)
