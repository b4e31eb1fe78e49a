"""The first records of an unknown file, on which a proposal rests."""

from __future__ import annotations

from dataclasses import dataclass, field

#: Records that a proposal rests on.
SAMPLED_RECORDS = 20_000


@dataclass
class Sample:
    """The first records of a file and what a contract's source block says of it."""

    format: str
    headings: list[str]
    rows: list[list[str]]
    encoding: str | None = None
    delimiter: str | None = None
    title_rows: int = 0
    heading_rows: int = 1
    unit_rows: int = 0
    #: Names of the sheets that hold anything, where there are several.
    sheets: list[str] = field(default_factory=list)
    #: Unit of each heading as the unit line says.
    units: list[str] = field(default_factory=list)
    #: Heading → words of lines of totals.
    totals: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
