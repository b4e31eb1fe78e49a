"""A guess at a column of an unknown file, and properties of its values."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ingest.mapping import NUMBER
from ingest.texts import plain_number
from schemas.periods import is_period

#: Share of a column's values that must have a property for the column to have it.
MOST = 0.8


@dataclass
class Guess:
    """A column of the file and the field that it may be."""

    heading: str
    #: Heading without its unit.
    name: str
    unit: str | None
    examples: list[str]
    blanks: int
    is_unique: bool
    #: Name in the field dictionary; None if no field matches.
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
    """Whether most of the values are numbers, typed ones such as 1.2万 included."""
    return share(values, lambda v: bool(re.fullmatch(NUMBER, plain_number(v)))) > MOST


def period_length(column: Guess) -> int | None:
    """Length of the cells' periods; None if they are not written like 2023, 2024-03 or 2024-03-31."""
    for length in (4, 7, 10):
        if share(column.values, lambda v, n=length: len(v) == n and is_period(v)) > MOST:
            return length
    return None
