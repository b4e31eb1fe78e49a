"""用能权、排污权与碳效码 Energy quotas, emission rights and carbon code: standards, prices, levels as data."""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from jobs.rules.base import Assumption, RuleDocument, Rules
from schemas.contract import code_list, digest
from schemas.definition import Definition, Titles, read_definition
from schemas.errors import RejectedError

FILE = "quotas.yml"
KIND = Titles(zh="用能权、排污权与碳效码", en="quotas, rights and carbon code")
Percent = Field(ge=0, lt=100, decimal_places=4)


class EnergyRules(Definition):
    """Standards by industry, quotas of districts and firms."""

    base_year: int = Field(ge=2000, le=2100)
    yearly_reduction_pct: Decimal = Percent
    #: Industry division → its own yearly reduction.
    reduction_by_division: dict[str, Decimal]
    value_added_growth_pct: Decimal = Field(ge=-50, le=50, decimal_places=4)
    #: Part of the quota that the district keeps.
    reserve_share_pct: Decimal = Percent
    class_a_tce: int = Field(gt=0)
    class_b_tce: int = Field(gt=0)
    #: Quota held in percent of energy used from which a firm is green, yellow, orange.
    warning_pct: tuple[Decimal, Decimal, Decimal]

    @model_validator(mode="after")
    def _ordered(self) -> EnergyRules:
        if self.class_b_tce >= self.class_a_tce:
            raise ValueError("class_b_tce must be below class_a_tce")
        if list(self.warning_pct) != sorted(set(self.warning_pct), reverse=True):
            raise ValueError("warning_pct must fall from green to orange")
        if unknown := set(self.reduction_by_division) - set(code_list("industry_division")):
            raise ValueError(f"reduction_by_division: unknown division {sorted(unknown)[0]}")
        if any(not 0 <= rate < 100 for rate in self.reduction_by_division.values()):
            raise ValueError("reduction_by_division: percent from 0 to below 100")
        return self

    def remaining(self, division: str | None, years: int) -> Decimal:
        """Part of the base year's energy per value added that a standard allows after some years, six digits."""
        rate = self.reduction_by_division.get(division or "", self.yearly_reduction_pct)
        return ((1 - rate / 100) ** years).quantize(Decimal("0.000001"))


class EmissionRules(Definition):
    """Term and price of initial rights."""

    term_years: int = Field(ge=1, le=30)
    #: Yuan per ton and year.
    price_yuan: dict[str, Decimal]

    @model_validator(mode="after")
    def _every_pollutant(self) -> EmissionRules:
        if set(self.price_yuan) != set(code_list("pollutant")):
            raise ValueError("price_yuan must name each code of pollutant.csv exactly once")
        return self


class CarbonRules(Definition):
    """Factors and bounds of the carbon code."""

    power_t_per_mwh: Decimal = Field(gt=0, decimal_places=6)
    power_kgce_per_kwh: Decimal = Field(gt=0, decimal_places=6)
    fuel_t_per_tce: Decimal = Field(gt=0, decimal_places=6)
    #: Tons of CO2 per 万元 of value added up to which a firm is low, middle.
    carbon_bounds: tuple[Decimal, Decimal]
    #: Times the industry's mean up to which a firm has level 1, 2, 3, 4.
    efficiency_bounds: tuple[Decimal, Decimal, Decimal, Decimal]
    least_firms: int = Field(ge=3)

    @model_validator(mode="after")
    def _ordered(self) -> CarbonRules:
        for name, given in (
            ("carbon_bounds", self.carbon_bounds),
            ("efficiency_bounds", self.efficiency_bounds),
        ):
            bounds = list(given)
            if bounds != sorted(set(bounds)) or bounds[0] <= 0:
                raise ValueError(f"{name} must rise from above zero")
        return self


class Quotas(Definition):
    """The document."""

    title: Titles
    source: str
    energy: EnergyRules
    emission: EmissionRules
    carbon: CarbonRules
    assumptions: tuple[Assumption, ...]

    @model_validator(mode="after")
    def _noted(self) -> Quotas:
        parts: dict[str, type[Definition]] = {
            "energy": EnergyRules, "emission": EmissionRules, "carbon": CarbonRules,
        }  # fmt: skip
        for note in self.assumptions:
            part, _, name = note.field.partition(".")
            if part not in parts or name not in parts[part].model_fields:
                raise ValueError(f"assumptions: no field {note.field}")
        return self


class QuotaRules(Rules):
    """The document as jobs receive it."""

    def __init__(self, given: Quotas) -> None:
        self.given = given
        self.energy, self.emission, self.carbon = given.energy, given.emission, given.carbon

    def describe(self) -> list[RuleDocument]:
        """The document as a release shows it."""
        given = self.given
        content = given.model_dump(mode="json")
        return [RuleDocument.of("quotas", KIND, given.title, given.source, content, given.assumptions)]

    def fingerprint(self, period: str) -> str:
        """Hash of standards, prices and levels."""
        parts = (self.energy, self.emission, self.carbon)
        return digest([part.model_dump(mode="json") for part in parts])

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """``quotas``: what suites compare with."""
        return {
            "quotas": [
                {
                    "reserve_share_pct": float(self.energy.reserve_share_pct),
                    "term_years": self.emission.term_years,
                    "least_firms": self.carbon.least_firms,
                    "low": float(self.carbon.carbon_bounds[0]),
                    "middle": float(self.carbon.carbon_bounds[1]),
                }
            ]
        }


def load(path: Path = Path(__file__).parent / FILE) -> QuotaRules:
    """The rules of a file.

    Raises:
        RejectedError: the file is not well formed; the line names field and fault.
    """
    return QuotaRules(read_definition(Quotas, path, RejectedError))


@cache
def quota_rules() -> QuotaRules:
    """The rules shipped with the platform."""
    return load()
