"""A job: a pure function from tables to one table, and the line that declares it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from jobs.rules.base import Row, Rules

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

#: Input periods that an output period depends on.
#: same    - the period itself
#: year    - the year and its months (2024, 2024-01, ...); an input that determines a job's periods gives years
#: year_of - the year of the period (2024 for 2024-03)
#: to_date - the months of the period's year up to the period (2024-01 to 2024-03 for 2024-03)
#: nearest - the year and its months; if it has none, those of the nearest year that has some (of two, the earlier)
#: upto    - every period up to and including this one
#: all     - every period
PeriodRule = Literal["same", "year", "year_of", "to_date", "nearest", "upto", "all"]
#: Periods of an input that become periods of the job's table: each of them, or only the last one whose year its inputs
#: of ``year_of`` have.
Given = Literal["each", "last"]


@dataclass(frozen=True)
class Input:
    """A table that a job reads, and the periods it needs."""

    table: str
    periods: PeriodRule = "same"
    #: For the quarantine: the only feed whose records the job reads; those of other feeds do not make its table stale.
    feed: str | None = None

    @property
    def known_as(self) -> str:
        """Key of its periods' fingerprints: the table's name, with the feed's where only one is read."""
        return f"{self.table} {self.feed}" if self.feed else self.table


@dataclass(frozen=True)
class Job:
    """One table and how it is computed.

    ``transform`` is called with one DataFrame for each name in ``inputs`` and, when ``rules`` is given, with
    ``rules=``. It uses no path, clock or environment and opens no session; its final ``select`` is the contract.
    One call computes all stale periods; the function never mixes them.
    """

    table: str
    transform: Callable[..., DataFrame]
    inputs: Mapping[str, Input]
    #: Inputs that determine the table's periods, by name; by default each period of the first input.
    periods: Mapping[str, Given] = field(default_factory=dict)
    #: Loads the rules; called once per run.
    rules: Callable[[], Rules] | None = None
    #: Input rows behind an output row: input table -> {its column: column of this table}.
    evidence: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    #: Explains a row step by step where its inputs do not explain it: takes the row and ``query(sql, *values)``.
    explain: Callable[[Row, Callable[..., Any]], Sequence[str]] | None = None
    #: Table whose row with the same key says why this one has no row.
    absent: str | None = None

    @property
    def area(self) -> str:
        return self.table.split(".")[0]

    @property
    def givers(self) -> Mapping[str, Given]:
        """The inputs that determine the table's periods."""
        return self.periods or {next(iter(self.inputs)): "each"}
