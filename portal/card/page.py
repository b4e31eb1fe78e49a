"""The sheet as one self-contained HTML page, for phones and A4 paper."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, StrictUndefined

from portal.card.sheet import Card
from portal.card.words import head
from portal.card.words.blocks import blocks
from portal.card.words.parts import Cell, Heading, Term
from portal.plain_text import visible
from schemas.errors import RejectedError
from warehouse.state import write_whole

#: Texts with more characters do not fit half the width of a phone.
LONG = 8
TEMPLATE = Path(__file__).with_suffix(".html")


def page(card: Card) -> str:
    """The page's HTML; every value of the release is escaped, and its invisible characters are shown."""
    environment = Environment(
        autoescape=True, finalize=visible, undefined=StrictUndefined, keep_trailing_newline=True
    )
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    return template.render(
        card=card,
        title=head.title(card, with_label=False),
        who=head.who(card),
        blocks=list(blocks(card)),
        as_of=head.as_of(card),
        left_out=head.left_out(card),
        kind=kind,
    )


def kind(cell: Cell, heading: Heading) -> str:
    """CSS class of a cell: figures are right-aligned; a long text has its own line on a phone."""
    if heading.is_figure:
        return "figure"
    text = cell.zh + cell.en if isinstance(cell, Term) else cell
    return "long" if isinstance(text, str) and len(text) > LONG else "text"


def write(card: Card, path: Path) -> None:
    """Write the page to a file, completely or not at all.

    Raises:
        RejectedError: the file cannot be written.
    """
    try:
        write_whole(path, page(card))
    except OSError as error:
        raise RejectedError(f"{path}: {error.strerror or error}") from None
