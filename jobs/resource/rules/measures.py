"""Measures that follow from a grade 亩均评价结果运用 as validated data: relief, surcharges, quotas, treatments.

Works without Spark, as the portal and a what-if read them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from itertools import combinations
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from jobs.rules.base import Assumption
from schemas.contract import code_list
from schemas.definition import Definition, Titles, read_definition
from schemas.errors import RejectedError
from schemas.places import CITY

FILE = "consequences.yml"
Base = Literal["tax_land_use_wan_yuan", "power_kwh", "water_m3", "emission_t", "energy_tce"]
#: What a rate times the base is: 万元 of tax, yuan, or tons of standard coal.
EFFECTS: dict[Base, str] = {
    "tax_land_use_wan_yuan": "wan_yuan",
    "power_kwh": "yuan",
    "water_m3": "yuan",
    "emission_t": "yuan",
    "energy_tce": "tce",
}
_EVER = date(9999, 12, 31)
_MOST_YEARS = 99


class Step(Definition):
    """What a grade brings, from a number of consecutive years in grade D on."""

    grade: Literal["A", "B", "C", "D"]
    from_years_in_d: int = Field(default=1, ge=1, le=_MOST_YEARS)
    rate: Decimal | None = Field(default=None, decimal_places=4)
    treatment: str | None = None

    @model_validator(mode="after")
    def _one_effect(self) -> Step:
        if (self.rate is None) == (self.treatment is None):
            raise ValueError("give either a rate or a treatment")
        if self.treatment is not None and self.treatment not in code_list("resource_treatment"):
            raise ValueError(f"unknown treatment {self.treatment}; see schemas/codes/resource_treatment.csv")
        if self.from_years_in_d > 1 and self.grade != "D":
            raise ValueError("only grade D has steps by years")
        return self


class Measure(Definition):
    """One measure in a span of time; for all districts unless some are named."""

    id: str
    measure: str
    source: str
    valid_from: date
    valid_to: date | None = None
    district_codes: tuple[str, ...] = ()
    base: Base | None = None
    #: Only the part of the firm's land that it uses itself counts.
    own_use_only: bool = False
    steps: tuple[Step, ...] = Field(min_length=1)
    assumptions: tuple[Assumption, ...] = ()

    @model_validator(mode="after")
    def _well_formed(self) -> Measure:
        if self.measure not in code_list("resource_measure"):
            raise ValueError(f"unknown measure {self.measure}; see schemas/codes/resource_measure.csv")
        if unknown := set(self.district_codes) - set(districts()):
            raise ValueError(f"unknown district {sorted(unknown)[0]}")
        if self.valid_to and self.valid_to < self.valid_from:
            raise ValueError("valid_to is before valid_from")
        if any((step.rate is not None) != (self.base is not None) for step in self.steps):
            raise ValueError("a rate needs a base, and a base a rate")
        keys = [(step.grade, step.from_years_in_d) for step in self.steps]
        if len(keys) != len(set(keys)):
            raise ValueError("steps name a grade and number of years twice")
        if unknown := {note.field for note in self.assumptions} - set(Measure.model_fields):
            raise ValueError(f"assumptions: a measure has no field {sorted(unknown)[0]}")
        return self

    @property
    def last_day(self) -> date:
        return self.valid_to or _EVER

    @property
    def is_assumed(self) -> bool:
        """Whether no document in force prescribes the steps."""
        return any(note.field in ("steps", "source") for note in self.assumptions)

    def overlaps(self, other: Measure) -> bool:
        """Whether both would hold for one district on one day."""
        places = [set(m.district_codes or districts()) for m in (self, other)]
        return (
            self.measure == other.measure
            and bool(places[0] & places[1])
            and self.valid_from <= other.last_day
            and other.valid_from <= self.last_day
        )

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Rows of the frame: a step ends where the next one of its grade begins."""
        for step in self.steps:
            later = [
                other.from_years_in_d
                for other in self.steps
                if other.grade == step.grade and other.from_years_in_d > step.from_years_in_d
            ]
            effect = EFFECTS[self.base] if self.base else None
            for district in self.district_codes or districts():
                yield (
                    district, step.grade, self.valid_from, self.last_day,
                    step.from_years_in_d if step.grade == "D" else 0, min(later, default=_MOST_YEARS + 1) - 1,
                    self.measure, self.id, self.base, effect, self.own_use_only, step.rate, step.treatment,
                    self.source, self.is_assumed,
                )  # fmt: skip


class Consequences(Definition):
    """All measures, and how they are applied."""

    title: Titles
    source: str
    #: First month, of the year after the evaluation year, in which a result holds without a recorded publication.
    execution_month: int = Field(ge=1, le=12)
    #: Whether a year without a grade interrupts consecutive years in grade D.
    ungraded_year: Literal["skipped", "interrupts"]
    measures: tuple[Measure, ...]
    assumptions: tuple[Assumption, ...]

    @property
    def gap_interrupts(self) -> bool:
        """A year without a grade interrupts consecutive years in grade D."""
        return self.ungraded_year == "interrupts"

    @model_validator(mode="after")
    def _no_overlap(self) -> Consequences:
        ids = [one.id for one in self.measures]
        if len(ids) != len(set(ids)):
            raise ValueError("two measures have one id")
        for one, other in combinations(self.measures, 2):
            if one.overlaps(other):
                raise ValueError(f"{one.id} and {other.id} both hold for a district on one day")
        return self


def districts() -> tuple[str, ...]:
    """Ningbo's districts and counties."""
    return tuple(code for code in code_list("district") if code != CITY)


def read(path: Path = Path(__file__).parent / FILE) -> Consequences:
    """The measures of a file.

    Raises:
        RejectedError: the file is not well formed; the line names field and fault.
    """
    return read_definition(Consequences, path, RejectedError)
