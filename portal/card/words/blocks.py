"""The blocks of the sheet in their order."""

from __future__ import annotations

from collections.abc import Iterator

from portal.card.sheet import Card
from portal.card.words import chain, grade, lift, score, tags, trend
from portal.card.words.parts import Block


def blocks(card: Card) -> Iterator[Block]:
    """The blocks for which the release has tables, beginning with the grade."""
    yield grade.block(card)
    yield trend.block(card)
    if card.lift:
        yield lift.block(card, card.lift)
    if card.positions is not None:
        yield chain.block(card)
    if "score" not in card.left_out:
        yield score.block(card)
    if card.tags is not None:
        yield tags.block(card)
