"""A guess of what a column of an unknown file is, and what its values are like."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ingest.mapping import NUMBER
from ingest.texts import plain_number
from schemas.periods import is_period

#: Share of a column's values that must be of a kind for the column to be of that kind.
MOST = 0.8


@dataclass
class Guess:
    """What a column of the file may be."""

    heading: str
    #: Heading without its unit.
    name: str
    unit: str | None
    examples: list[str]
    blanks: int
    is_unique: bool
    #: Name in the field dictionary; none where nothing fits.
    target: str | None = None
    score: float = 0.0
    date_format: list[str] = field(default_factory=list)
    codes: dict[str, str] = field(default_factory=dict)
    is_written: bool = False
    #: Why the column is left out, or is the period.
    role: str = ""
    values: list[str] = field(default_factory=list, repr=False)

    @property
    def is_required(self) -> bool:
        return self.blanks == 0


def share(values: Sequence[str], test: Any) -> float:
    """Share of the values that pass the test."""
    return sum(bool(test(value)) for value in values) / len(values) if values else 0.0


def are_numbers(values: Sequence[str]) -> bool:
    """Whether most of the values are numbers, also as people type them."""
    return share(values, lambda v: bool(re.fullmatch(NUMBER, plain_number(v)))) > MOST


def period_length(column: Guess) -> int | None:
    """How much of the cell is the period; none where it is not written as ours."""
    for length in (4, 7, 10):
        if share(column.values, lambda v, n=length: len(v) == n and is_period(v)) > MOST:
            return length
    return None
