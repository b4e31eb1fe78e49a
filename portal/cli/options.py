"""Options that several commands have."""

from __future__ import annotations

from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print an array of objects, nothing else.")]
Feed = Annotated[str | None, typer.Argument(help="A feed, e.g. gov_tax; all feeds when left out.")]
