"""The sheet on one terminal screen of at most 45 lines and 110 columns."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import zip_longest
from typing import Literal

from rich.console import RenderableType
from rich.markup import escape
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from portal.card.sheet import Card
from portal.card.words import head
from portal.card.words.blocks import blocks
from portal.card.words.figures import MISSING
from portal.card.words.parts import Bar, Block, Cell, Term
from portal.cli import console
from portal.plain_text import plain
from portal.queries.enterprise import Match

WIDTH = 110
HEIGHT = 45
#: Section → most rows of it on the screen; tags are printed two to a line.
MOST_ROWS = {"chain": 3, "tags": 6, "lift": 6}
#: Further cuts, in this order, until the sheet fits.
FEWER_ROWS = (("tags", 4), ("lift", 5), ("chain", 2), ("lift", 4), ("tags", 2), ("lift", 3))
BAR = 10


def show(card: Card) -> None:
    """Print the sheet."""
    width = min(console.out.width, WIDTH)
    for part in parts(card):
        console.out.print(part, width=width, no_wrap=True, overflow="ellipsis", crop=True)


def show_matches(matches: list[Match], total: int, word: str) -> None:
    """Print the firms that match a word, and the next step."""
    rows = [
        {
            "统一社会信用代码": m.uscc,
            "企业": m.enterprise_name,
            "区县": m.district,
            "等级": m.grade or MISSING,
            "年度": m.year,
        }
        for m in matches
    ]
    console.show(rows, f"匹配企业 Enterprises matching {word}")
    shown = f"，显示前 {len(matches)} 家 first {len(matches)} shown" if total > len(matches) else ""
    console.say(f"共 {total:,} 家 enterprises{shown}")
    console.say("next: ./brain card CODE with a code from the list, or a longer part of the name")


def parts(card: Card) -> Iterator[RenderableType]:
    """The lines of the sheet from top to bottom."""
    name = Text.assemble((plain(card.who.name), "bold"), f"  {card.uscc}")
    above = [_line(head.title(card), "bold"), name]
    above += map(_line, head.who(card))
    below = [_line(text, "dim") for text in (head.as_of(card), head.left_out(card)) if text]
    shown = list(blocks(card))
    most = _fitting(shown, HEIGHT - len(above) - len(below))
    yield from above
    for block in shown:
        yield from _block(block, most.get(block.section, len(block.rows)))
    yield from below


def _fitting(blocks: list[Block], height: int) -> dict[str, int]:
    """Most rows of each section, so that all blocks fit the height."""
    most = dict(MOST_ROWS)
    for section, fewer in FEWER_ROWS:
        if sum(_height(block, most.get(block.section, len(block.rows))) for block in blocks) <= height:
            break
        most[section] = fewer
    return most


def _height(block: Block, most: int) -> int:
    rows = min(len(block.rows), most)
    table = -(-rows // 2) if block.is_short else rows + bool(rows)
    return 1 + len(block.lines) + table + len(block.remarks)


def _line(text: str, style: str = "") -> Text:
    return Text(plain(text), style=style, no_wrap=True, overflow="ellipsis")


def _block(block: Block, most: int) -> Iterator[RenderableType]:
    rest = len(block.rows) - most
    more = f" · 另有 {rest} 项 {rest} more，见 see --json, --html" if rest > 0 else ""
    yield Rule(escape(block.title + more), characters="─", style="dim", align="left")
    yield from map(_line, block.lines)
    if block.rows:
        yield _side_by_side(block, most) if block.is_short else _table(block, most)
    yield from map(_line, block.remarks)


def _table(block: Block, most: int) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    for number, heading in enumerate(block.headings):
        # where the width is too small, texts are cut, but never figures or the first column
        justify: Literal["left", "right"] = "right" if heading.is_figure else "left"
        table.add_column(justify=justify, no_wrap=heading.is_figure or not number, overflow="ellipsis")
    table.add_row(*(Text(h.text, style="dim", no_wrap=True) for h in block.headings))
    for row in block.rows[:most]:
        table.add_row(*map(_cell, row))
    return table


def _side_by_side(block: Block, most: int) -> Table:
    """A table with two rows to a line: the first half of the rows left, the second half right."""
    rows: list[list[Text]] = [list(map(_cell, row)) for row in block.rows[:most]]
    half = -(-len(rows) // 2)
    is_text = not block.headings[-1].is_figure
    table = Table.grid(padding=(0, 2, 0, 0), expand=is_text)
    for heading in (*block.headings, *block.headings):
        table.add_column(
            justify="right" if heading.is_figure else "left",
            ratio=1 if is_text and heading is block.headings[-1] else None,
            no_wrap=True,
            overflow="ellipsis",
        )
    nothing: list[Text] = []
    for left, right in zip_longest(rows[:half], rows[half:], fillvalue=nothing):
        table.add_row(*left, *right)
    return table


def _cell(cell: Cell) -> Text:
    if isinstance(cell, Bar):
        return Text(bar(cell), no_wrap=True)
    return Text(plain(cell.zh if isinstance(cell, Term) else cell), no_wrap=True, overflow="ellipsis")


def bar(cell: Bar) -> str:
    """A percentage as a bar of ten characters; dots if it is missing.

    >>> bar(Bar(Decimal(70))), bar(Bar(None))
    ('███████░░░', '··········')
    """
    if cell.pct is None:
        return "·" * BAR
    filled = min(BAR, max(0, int(cell.pct / BAR + Decimal("0.5"))))
    return "█" * filled + "░" * (BAR - filled)
