"""What land can carry 土地承载极限: bounds of the physically possible by industry division, as data."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path

from pydantic import Field, model_validator
from pyspark.sql import DataFrame, SparkSession

from jobs.columns.rows import literal_table
from jobs.rules.base import Assumption, RuleDocument
from schemas.contract import code_list
from schemas.definition import Definition, Titles, read_definition
from schemas.errors import RejectedError

FILE = "land_limits.yml"
KIND = Titles(zh="土地承载极限", en="limits of land")
#: Digits after the point of the land per person.
DIGITS = 6

_LIMIT = """industry_division_code string, m2_for_three_persons decimal(9,6), most_value_added_per_mu decimal(18,6),
most_tax_per_mu decimal(18,6)"""


class LandGroup(Definition):
    """Bounds of some divisions. A person needs ``floor_m2_per_person``; ``shifts`` persons share it, on ``plot_ratio``
    floors of land."""

    title: Titles
    divisions: tuple[str, ...]
    floor_m2_per_person: Decimal = Field(gt=0)
    plot_ratio: Decimal = Field(gt=0)
    shifts: Decimal = Field(ge=1)
    value_added_wan_yuan_per_mu: Decimal = Field(gt=0)
    tax_wan_yuan_per_mu: Decimal = Field(gt=0)

    @property
    def least_m2_per_person(self) -> Decimal:
        """Least land per person, square metres."""
        return self.floor_m2_per_person / (self.plot_ratio * self.shifts)

    @model_validator(mode="after")
    def _exact(self) -> LandGroup:
        if round(self.least_m2_per_person, DIGITS) != self.least_m2_per_person:
            raise ValueError(f"land per person, {self.least_m2_per_person} m2, has more than {DIGITS} digits")
        return self


class LandLimits(Definition):
    """The bounds of all industry divisions."""

    title: Titles
    source: str
    groups: tuple[LandGroup, ...]
    assumptions: tuple[Assumption, ...]

    @model_validator(mode="after")
    def _every_division_once(self) -> LandLimits:
        named = sorted(division for group in self.groups for division in group.divisions)
        if named != sorted(code_list("industry_division")):
            raise ValueError("groups must name each code of industry_division.csv exactly once")
        unknown = {note.field for note in self.assumptions} - set(LandGroup.model_fields)
        if unknown:
            raise ValueError(f"assumptions: a group has no field {sorted(unknown)[0]}")
        return self

    def document(self) -> RuleDocument:
        """The bounds as a release shows them."""
        content = self.model_dump(mode="json")
        return RuleDocument.of("land-limits", KIND, self.title, self.source, content, self.assumptions)

    def rows(self) -> Iterator[tuple[str, Decimal, Decimal, Decimal]]:
        """Division, least m² of land per person, highest value added and tax per mu (万元)."""
        for group in self.groups:
            for division in group.divisions:
                yield (
                    division, group.least_m2_per_person, group.value_added_wan_yuan_per_mu, group.tax_wan_yuan_per_mu
                )  # fmt: skip


@cache
def land_limits() -> LandLimits:
    """The bounds shipped with the platform.

    Raises:
        RejectedError: the file is not well formed; the line names field and fault.
    """
    return read_definition(LandLimits, Path(__file__).parent / FILE, RejectedError)


def land_limit_frame(session: SparkSession, limits: LandLimits) -> DataFrame:
    """One row per industry division; land for three persons, because three mu are a whole number of m²."""
    rows = ((division, 3 * area, added, tax) for division, area, added, tax in limits.rows())
    return literal_table(session, rows, _LIMIT)
