"""What a grade means for a firm in money: relief of the land-use tax and the power price's step, as data."""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from pathlib import Path

from jobs.per_mu.rules.models import Grade
from jobs.rules.base import Assumption
from schemas.definition import Definition, read_mapping
from schemas.errors import RejectedError


class Relief(Definition):
    """Share of the land-use tax 城镇土地使用税 that each grade does not pay."""

    shares: dict[Grade, Decimal]
    source: str


class Surcharge(Definition):
    """Differential power price 差别电价: yuan per kWh that each grade pays on top."""

    yuan_per_kwh: dict[Grade, Decimal]
    source: str


class Consequences(Definition):
    land_use_tax_relief: Relief
    power_surcharge: Surcharge
    assumptions: tuple[Assumption, ...] = ()


@cache
def consequences() -> Consequences:
    """The consequences of ``consequences.yml``."""
    raw = read_mapping(Path(__file__).parent / "consequences.yml", RejectedError)
    return Consequences.model_validate(raw)
