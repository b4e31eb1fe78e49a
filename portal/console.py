"""What a person sees in a terminal: tables, progress, one-line errors. Chinese text is two columns wide."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def text(value: Any) -> str:
    """A cell as people read it: no trailing zeros, thousands apart, missing as nothing."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, Decimal | float):
        return f"{value:,.6f}".rstrip("0").rstrip(".")
    if isinstance(value, list | tuple):
        return ", ".join(text(v) for v in value)
    return str(value)


def as_json(rows: Sequence[Mapping[str, Any]]) -> None:
    """An array of objects on standard output, nothing else."""
    json.dump(rows, sys.stdout, ensure_ascii=False, default=str, indent=1)
    sys.stdout.write("\n")


def show(rows: Sequence[Mapping[str, Any]], title: str | None = None, columns: Sequence[str] = ()) -> None:
    """A table of rows; numbers to the right."""
    if not rows:
        out.print(f"{title or 'result'}: no rows")
        return
    names = list(columns) or list(rows[0])
    table = Table(title=title, title_justify="left", header_style="bold", pad_edge=False)
    for name in names:
        numeric = all(isinstance(r.get(name), int | float | Decimal | None) for r in rows)
        table.add_column(name, justify="right" if numeric else "left", no_wrap=numeric, overflow="fold")
    for row in rows:
        table.add_row(*(escape(text(row.get(name))) for name in names))
    out.print(table)


def say(line: str) -> None:
    out.print(line, markup=False, soft_wrap=True)


def heading(line: str) -> None:
    """A line that stands out, with room before it."""
    out.print()
    out.print(line, style="bold", markup=False, soft_wrap=True)


class Stages:
    """Progress of a long command: what is being done now, and afterwards how long each stage took.

    A live line in a terminal, plain lines where the output is no terminal, nothing when quiet.
    """

    def __init__(self, display: Progress | None, quiet: bool = False) -> None:
        self._display = display
        self._quiet = quiet
        self._task = display.add_task("…", total=None) if display else None
        self._stage = ""
        self._since = time.monotonic()
        self.seconds: dict[str, float] = {}

    def __call__(self, stage: str, what: str, rows: int = 0) -> None:
        self._close(stage)
        line = f"{stage:<9} {what}" + (f"  {rows:,}" if rows else "")
        if self._display and self._task is not None:
            self._display.update(self._task, description=escape(line))
        elif not self._quiet:
            err.print(escape(line))

    def _close(self, stage: str) -> None:
        now = time.monotonic()
        if self._stage:
            self.seconds[self._stage] = self.seconds.get(self._stage, 0.0) + now - self._since
        self._stage, self._since = stage, now


@contextmanager
def stages(quiet: bool = False) -> Iterator[Stages]:
    """Progress for the length of a command."""
    if quiet or not err.is_terminal:
        progress = Stages(None, quiet)
        yield progress
    else:
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        with Progress(*columns, console=err, transient=True) as display:
            progress = Stages(display)
            yield progress
    progress._close("")
