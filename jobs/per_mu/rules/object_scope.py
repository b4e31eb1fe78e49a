"""评价对象范围 Which objects are evaluated, as data: ``object_scope.yml`` beside this file."""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from jobs.per_mu.rules.models import Amount, Points
from jobs.rules.base import Assumption, RuleDocument
from schemas.contract import code_list
from schemas.definition import Definition, Titles, read_definition
from schemas.errors import RejectedError

FILE = "object_scope.yml"
KIND = Titles(zh="评价对象范围", en="scope of objects")


class ParcelScope(Definition):
    """New land: a parcel granted less than ``new_land_years`` ago and not past its contractual completion."""

    new_land_years: int = Field(ge=0, le=10)
    new_land_modes: tuple[str, ...]


class ParkScope(Definition):
    """A park recognised less than ``transition_years`` ago is in transition."""

    transition_years: int = Field(ge=0, le=10)


class BuildingScope(Definition):
    """An industrial building: at least so many floors, so much area, and so much of it let; new for ``new_years``."""

    least_floors: int = Field(ge=1)
    least_area_m2: Amount = Field(ge=0)
    least_let_pct: Points = Field(ge=0, le=100)
    new_years: int = Field(ge=0, le=10)


class ServiceScope(Definition):
    """Divisions and states that are not evaluated; floor below ``least_floor_m2_per_person`` is a slip."""

    excluded_divisions: tuple[str, ...]
    inactive_statuses: tuple[str, ...]
    least_floor_m2_per_person: Amount = Field(gt=0)


class ComplexScope(Definition):
    new_years: int = Field(ge=0, le=10)


class ZoneScope(Definition):
    least_reporting_firms: int = Field(ge=1)


class ObjectScope(Definition):
    """The scope of all kinds of objects."""

    title: Titles
    source: str
    unreported_share: Amount = Field(ge=0, le=1)
    parcel: ParcelScope
    park: ParkScope
    building: BuildingScope
    service: ServiceScope
    complex: ComplexScope
    zone: ZoneScope
    assumptions: tuple[Assumption, ...] = ()

    @model_validator(mode="after")
    def _codes(self) -> ObjectScope:
        known = {
            "supply_mode": self.parcel.new_land_modes,
            "service_division": self.service.excluded_divisions,
            "registration_status": self.service.inactive_statuses,
        }
        for name, codes in known.items():
            if unknown := set(codes) - set(code_list(name)):
                raise ValueError(f"unknown codes {sorted(unknown)}; see schemas/codes/{name}.csv")
        return self

    @property
    def taxed_share(self) -> Decimal:
        """Least share of the land whose users have taxes on record."""
        return 1 - self.unreported_share

    def thresholds(self) -> dict[str, Any]:
        """What decides about objects, without the texts."""
        return self.model_dump(mode="json", exclude={"title", "source", "assumptions"})

    def document(self) -> RuleDocument:
        """The scope as a release shows it."""
        content = self.model_dump(mode="json")
        return RuleDocument.of("object-scope", KIND, self.title, self.source, content, self.assumptions)


@cache
def object_scope() -> ObjectScope:
    """The scope shipped with the platform.

    Raises:
        RejectedError: the file is not well formed; the line names field and fault.
    """
    return read_definition(ObjectScope, Path(__file__).parent / FILE, RejectedError)
