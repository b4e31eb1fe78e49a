"""The sheet as one HTML page: for a phone on a visit, and for A4 paper. It needs nothing beside itself."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, StrictUndefined

from portal.card.sheet import Card
from portal.card.words import head
from portal.card.words.blocks import blocks
from portal.card.words.parts import Cell, Heading, Term
from schemas.errors import RejectedError
from warehouse.state import write_whole

#: Characters of a text for which half a phone is not enough.
LONG = 8
TEMPLATE = Path(__file__).with_suffix(".html")


def page(card: Card) -> str:
    """The page's text; every value of the release is escaped."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True)
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
    """Class of a cell: figures stand to the right; long texts have a line of their own on a phone."""
    if heading.is_figure:
        return "figure"
    text = cell.zh + cell.en if isinstance(cell, Term) else cell
    return "long" if isinstance(text, str) and len(text) > LONG else "text"


def write(card: Card, path: Path) -> None:
    """Put the page in a file's place, whole or not at all.

    Raises:
        RejectedError: the file cannot be written.
    """
    try:
        write_whole(path, page(card))
    except OSError as error:
        raise RejectedError(f"{path}: {error.strerror or error}") from None
