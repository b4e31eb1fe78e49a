"""The first records of an unknown file, the basis of a proposal."""

from __future__ import annotations

from dataclasses import dataclass, field

#: Records on which a proposal is based, at most.
SAMPLED_RECORDS = 20_000


@dataclass
class Sample:
    """The first records of a file and the properties for a contract's source block."""

    format: str
    headings: list[str]
    rows: list[list[str]]
    encoding: str | None = None
    delimiter: str | None = None
    title_rows: int = 0
    heading_rows: int = 1
    unit_rows: int = 0
    #: Names of the sheets that are not empty, if there are several.
    sheets: list[str] = field(default_factory=list)
    #: Unit of each heading from the unit line.
    units: list[str] = field(default_factory=list)
    #: Heading → words that mark total lines.
    totals: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
