"""Parts of the sheet: blocks of sentences and a table, and the cells of a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from portal.card.sheet import Section
from portal.queries.titles import Named


def in_both(named: Sequence[Named]) -> str:
    """Several reasons: all in Chinese, then all in English, which a narrow screen cuts first."""
    return " ".join(filter(None, ("；".join(one.zh for one in named), "; ".join(one.en for one in named))))


@dataclass(frozen=True)
class Bar:
    """A percentage that is drawn as a bar."""

    pct: Decimal | None


@dataclass(frozen=True)
class Term:
    """A term in Chinese, and in English if there is space."""

    zh: str
    en: str


Cell = str | Bar | Term


@dataclass(frozen=True)
class Heading:
    """A column's title; columns of figures are right-aligned."""

    text: str
    is_figure: bool = False


@dataclass(frozen=True)
class Block:
    """A block of the sheet: sentences, a table, remarks below it."""

    section: Section
    title: str
    lines: tuple[str, ...] = ()
    headings: tuple[Heading, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()
    remarks: tuple[str, ...] = ()
    #: Whether a screen may print two rows to a line, without headings.
    is_short: bool = False
