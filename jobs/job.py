"""What a job is: a pure function from tables to a table, and one line that declares it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from jobs.rules.base import Row, Rules

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

#: Input periods that an output period depends on.
#: same    - the period itself
#: year    - the year and its months (2024, 2024-01, ...); where it gives a job's periods, it gives years
#: year_of - the year in which the period lies (2024 for 2024-03)
#: to_date - the months of the period's year up to the period (2024-01 to 2024-03 for 2024-03)
#: nearest - the year and its months, or where it has none those of the nearest year that has some, the earlier of two
#: upto    - every period up to and including this one
#: all     - every period
PeriodRule = Literal["same", "year", "year_of", "to_date", "nearest", "upto", "all"]
#: Which of an input's periods a job's table has: each of them, or the last one only.
Given = Literal["each", "last"]


@dataclass(frozen=True)
class Input:
    """A table that a job reads, with the periods it needs of it."""

    table: str
    periods: PeriodRule = "same"
    #: Of the quarantine: the one feed whose records the job gets; a fault in another one leaves its table as it is.
    feed: str | None = None

    @property
    def known_as(self) -> str:
        """What the fingerprints of its periods are kept under: the table, or the feed's part of it."""
        return f"{self.table} {self.feed}" if self.feed else self.table


@dataclass(frozen=True)
class Job:
    """One table and how it is made.

    ``transform`` is called with one DataFrame for each name in ``inputs`` and, when ``rules`` is given, with
    ``rules=``. It has no session, path, clock or environment inside, and its final ``select`` is the contract.
    All stale periods are handed over in one call; the function never mixes them.
    """

    table: str
    transform: Callable[..., DataFrame]
    inputs: Mapping[str, Input]
    #: Inputs that give the table its periods, by name; when left out, each period of the first input.
    periods: Mapping[str, Given] = field(default_factory=dict)
    #: Loads the rules; called once a run.
    rules: Callable[[], Rules] | None = None
    #: Which input rows stand behind an output row: input table -> {column there: column here}.
    evidence: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    #: How a row came about, in words, where that is more than its inputs: from a row and ``query(sql, *values)``.
    explain: Callable[[Row, Callable[..., Any]], Sequence[str]] | None = None

    @property
    def area(self) -> str:
        return self.table.split(".")[0]

    @property
    def givers(self) -> Mapping[str, Given]:
        """The inputs that give the table its periods."""
        return self.periods or {next(iter(self.inputs)): "each"}
