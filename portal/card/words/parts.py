"""What the sheet is put together from: blocks of sentences and a table, and their cells."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from portal.card.sheet import Section


@dataclass(frozen=True)
class Bar:
    """A percentage that is drawn."""

    pct: Decimal | None


@dataclass(frozen=True)
class Term:
    """A term in Chinese, and in English where there is room."""

    zh: str
    en: str


Cell = str | Bar | Term


@dataclass(frozen=True)
class Heading:
    """A column's title; figures stand to the right."""

    text: str
    is_figure: bool = False


@dataclass(frozen=True)
class Block:
    """A part of the sheet: sentences, a table, remarks below it."""

    section: Section
    title: str
    lines: tuple[str, ...] = ()
    headings: tuple[Heading, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()
    remarks: tuple[str, ...] = ()
    #: Rows may stand side by side on a screen, without the headings.
    is_short: bool = False
