"""What several commands have: options, and the form of a group."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

Json = Annotated[bool, typer.Option("--json", help="Print an array of objects, nothing else.")]
Feed = Annotated[str | None, typer.Argument(help="A feed, e.g. gov_tax; all feeds when left out.")]


def add_group(
    app: typer.Typer, name: str, help_: str, list_: Callable[..., Any], *more: Callable[..., Any]
) -> None:
    """Add a group of commands to the command line: ``list``, and the others under their own names."""
    group = typer.Typer(help=help_, no_args_is_help=True, rich_markup_mode=None)
    group.command("list")(list_)
    for command in more:
        group.command()(command)
    app.add_typer(group, name=name)
