"""Options and arguments that several commands share, and how a group of commands is added."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

Json = Annotated[bool, typer.Option("--json", help="Print only JSON: an array of objects.")]
ReleaseNumber = Annotated[int | None, typer.Option(help="Release number; the latest if omitted.")]
Period = Annotated[str | None, typer.Option(help="Only this period.")]
DecisionReason = Annotated[str, typer.Option(help="Reason; required.")]
Feed = Annotated[str | None, typer.Argument(help="Feed, e.g. gov_tax; all feeds if omitted.")]


def add_group(
    app: typer.Typer, name: str, help_: str, list_: Callable[..., Any], *more: Callable[..., Any]
) -> typer.Typer:
    """Add a group of commands to the command line: ``list``, and the others by their function names."""
    group = typer.Typer(help=help_, no_args_is_help=True, rich_markup_mode=None)
    group.command("list")(list_)
    for command in more:
        group.command()(command)
    app.add_typer(group, name=name)
    return group
