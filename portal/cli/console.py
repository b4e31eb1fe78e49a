"""Terminal output: tables, progress, one-line errors. A Chinese character is two columns wide."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TextIO

from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from portal.plain_text import plain

if TYPE_CHECKING:
    from schemas.definition import Titles

#: Output to a file or pipe is not cut to the width of a screen.
PIPE_WIDTH = 10_000


def _width(stream: TextIO) -> int | None:
    return None if stream.isatty() or "COLUMNS" in os.environ else PIPE_WIDTH


class _PlainConsole(Console):
    """A console that prints every text by way of ``plain``."""

    def render_str(self, text: str, **given: Any) -> Text:
        return super().render_str(plain(text), **given)


out = _PlainConsole(highlight=False, width=_width(sys.stdout))
err = _PlainConsole(stderr=True, highlight=False, width=_width(sys.stderr))


def text(value: Any) -> str:
    """A cell for reading: no trailing zeros, thousands separated, a missing value empty."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, Decimal | float):
        return f"{value:,.6f}".rstrip("0").rstrip(".")
    if isinstance(value, list | tuple):
        return ", ".join(text(v) for v in value)
    return str(value)


def both(titles: Titles) -> str:
    """A title in both languages, only once if they are equal."""
    return titles.zh if titles.zh == titles.en else f"{titles.zh} {titles.en}"


def as_json(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print only JSON to standard output: an array of objects."""
    sys.stdout.write(plain(json.dumps(rows, ensure_ascii=False, default=str, indent=1)) + "\n")


def show(rows: Sequence[Mapping[str, Any]], title: str | None = None) -> None:
    """Print a table of rows, numbers right-aligned, with as many columns as fit the terminal.

    Long texts are folded before a column is omitted. The line below the table names omitted columns.
    """
    if not rows:
        out.print(f"{title or 'result'}: 无记录 no rows", markup=False)
        return
    names = list(rows[0])
    cells = {name: [text(row.get(name)) for row in rows] for name in names}
    numeric = {n for n in names if all(isinstance(r.get(n), int | float | Decimal | None) for r in rows)}
    widths = {name: max(map(cell_len, (name, *cells[name]))) for name in names}
    shown, most = _fitting(names, widths, numeric, out.width)
    table = Table(title=title, title_justify="left", header_style="bold")
    for name in shown:
        if name in numeric:
            table.add_column(name, justify="right", no_wrap=True)
        else:
            table.add_column(name, overflow="fold", width=min(widths[name], most))
    for values in zip(*(cells[name] for name in shown), strict=True):
        table.add_row(*map(escape, values))
    out.print(table)
    if hidden := [name for name in names if name not in shown]:
        out.print(f"还有 {len(hidden)} 列 more columns: {', '.join(hidden)}", style="dim", markup=False)


#: Widths to which texts are folded, the widest first.
_FOLDS = (10_000, 60, 40, 28, 20)
#: Width of a column's border and padding.
_EDGE = 3


def _fitting(
    names: Sequence[str], widths: Mapping[str, int], numeric: set[str], room: int
) -> tuple[list[str], int]:
    """The columns that fit, from the left, and the width to which texts are folded."""

    def taken(shown: Sequence[str], most: int) -> int:
        return 1 + sum((widths[n] if n in numeric else min(widths[n], most)) + _EDGE for n in shown)

    most = next((fold for fold in _FOLDS if taken(names, fold) <= room), _FOLDS[-1])
    shown = list(names)
    while len(shown) > 1 and taken(shown, most) > room:
        shown.pop()
    # omitted columns free width for the texts
    return shown, next((fold for fold in _FOLDS if taken(shown, fold) <= room), most)


def say(line: str) -> None:
    out.print(line, markup=False, soft_wrap=True)


def heading(line: str) -> None:
    """Print a bold line after an empty one."""
    out.print()
    out.print(line, style="bold", markup=False, soft_wrap=True)


class Stages:
    """Progress of a long command: the current step, and the seconds of each stage.

    Time before the first reported stage belongs to the stage "start"; with nothing to do, that is all the time.

    Shown as a live line in a terminal, as plain lines in other output, not at all when quiet.
    """

    def __init__(self, display: Progress | None, quiet: bool = False) -> None:
        self._display = display
        self._quiet = quiet
        self._task = display.add_task("…", total=None) if display else None
        self._stage = "start"
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
        self.seconds[self._stage] = self.seconds.get(self._stage, 0.0) + now - self._since
        self._stage, self._since = stage, now


@contextmanager
def stages(quiet: bool = False) -> Iterator[Stages]:
    """Progress display for the duration of a command."""
    if quiet or not err.is_terminal:
        progress = Stages(None, quiet)
        yield progress
    else:
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        with Progress(*columns, console=err, transient=True) as display:
            progress = Stages(display)
            yield progress
    progress._close("")
