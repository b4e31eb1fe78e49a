"""低效企业与低效用地 Firms and land of low efficiency: conditions, measures and aims as validated data."""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from jobs.resource.rules.measures import read
from jobs.rules.base import Assumption, RuleDocument, Rules
from schemas.contract import code_list, digest
from schemas.definition import Definition, Titles, read_definition
from schemas.errors import RejectedError

FILE = "efficiency.yml"
KIND = Titles(zh="低效认定", en="low efficiency")
Condition = Literal["grade_d", "low_tax", "land_under_used"]
Share = Field(gt=0, lt=1, decimal_places=6)


class FirmMeasure(Definition):
    """What a firm that meets a condition has to do, and within how many years; the first one that fits holds."""

    condition: Condition
    from_years_in_d: int = Field(default=1, ge=1)
    measure: str
    years: int = Field(ge=1, le=10)

    @model_validator(mode="after")
    def _known(self) -> FirmMeasure:
        if self.measure not in code_list("low_efficiency_measure"):
            raise ValueError(f"unknown measure {self.measure}; see schemas/codes/low_efficiency_measure.csv")
        return self


class FirmRules(Definition):
    """When a graded firm is one of low efficiency."""

    judged_lists: tuple[str, ...]
    tax_share_of_baseline: Decimal = Share
    land_from_mu: Decimal = Field(gt=0, decimal_places=6)
    least_persons_per_mu: Decimal = Field(gt=0, decimal_places=6)
    measures: tuple[FirmMeasure, ...]
    #: Firms that the plan wants lifted in the city each year.
    aim_per_year: int = Field(gt=0)

    @model_validator(mode="after")
    def _complete(self) -> FirmRules:
        if unknown := set(self.judged_lists) - set(code_list("per_mu_list")):
            raise ValueError(f"unknown list {sorted(unknown)[0]}")
        every = {"grade_d", "low_tax", "land_under_used"}
        if lacking := every - {one.condition for one in self.measures if one.from_years_in_d == 1}:
            raise ValueError(f"no measure for {sorted(lacking)[0]}")
        return self


class LandRules(Definition):
    """When land could be freed."""

    vacant_floor_share: Decimal = Share
    #: Years past the contractual completion from which a parcel without a building may be taken back.
    withdraw_after_years: int = Field(ge=1)
    #: Land (亩) that the plan wants revived in the city.
    aim_mu: int = Field(gt=0)


class Efficiency(Definition):
    """The document."""

    title: Titles
    source: str
    firms: FirmRules
    land: LandRules
    assumptions: tuple[Assumption, ...]

    @model_validator(mode="after")
    def _noted(self) -> Efficiency:
        fields = {"firms": set(FirmRules.model_fields), "land": set(LandRules.model_fields)}
        for note in self.assumptions:
            part, _, field = note.field.partition(".")
            if field not in fields.get(part, ()):
                raise ValueError(f"assumptions: no field {note.field}")
        return self


class EfficiencyRules(Rules):
    """The document as jobs receive it."""

    def __init__(self, given: Efficiency) -> None:
        self.firms, self.land, self.given = given.firms, given.land, given
        #: Whether a year without a grade interrupts years in D: a rule of the measures that follow from grades.
        self.gap_interrupts = read().gap_interrupts

    def describe(self) -> list[RuleDocument]:
        """The document as a release shows it."""
        given = self.given
        content = given.model_dump(mode="json")
        return [RuleDocument.of("efficiency", KIND, given.title, given.source, content, given.assumptions)]

    def fingerprint(self, period: str) -> str:
        """Hash of conditions, measures and aims."""
        own = [self.firms.model_dump(mode="json"), self.land.model_dump(mode="json")]
        return digest([*own, self.gap_interrupts])

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """``efficiency``: bounds and aims, for suites."""
        return {
            "efficiency": [
                {
                    "tax_share": float(self.firms.tax_share_of_baseline),
                    "land_from_mu": float(self.firms.land_from_mu),
                    "least_persons_per_mu": float(self.firms.least_persons_per_mu),
                    "aim_per_year": self.firms.aim_per_year,
                    "aim_mu": self.land.aim_mu,
                }
            ]
        }


def load(path: Path = Path(__file__).parent / FILE) -> EfficiencyRules:
    """The rules of a file.

    Raises:
        RejectedError: the file is not well formed; the line names field and fault.
    """
    return EfficiencyRules(read_definition(Efficiency, path, RejectedError))


@cache
def efficiency_rules() -> EfficiencyRules:
    """The rules shipped with the platform."""
    return load()
