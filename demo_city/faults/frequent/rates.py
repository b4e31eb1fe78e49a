"""How often each feed has which slip, read from ``rates.yml`` in this folder."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from demo_city.faults.frequent.slips import KINDS
from schemas.contract import ContractError
from schemas.definition import Definition, read_definition

RATES = Path(__file__).with_name("rates.yml")


class Rate(Definition):
    """One kind of slip in one column of a feed; ``per_mille`` counts the feed's records."""

    kind: str
    column: str = ""
    per_mille: float = Field(gt=0, lt=20)

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.kind not in KINDS:
            raise ValueError(f"{self.kind} is no kind of slip: {', '.join(KINDS)}")
        if (self.kind == "repeated") == bool(self.column):
            raise ValueError(f"{self.kind}: every slip but a repeated record is in a column")
        return self


class Rates(Definition):
    """Rates of all feeds, and how senders correct their records."""

    corrected_share: float = Field(ge=0, le=1)
    worst_part_share: float = Field(ge=0, le=1)
    correction_days: int = Field(gt=0)
    never_corrected: tuple[str, ...]
    feeds: dict[str, tuple[Rate, ...]]


@cache
def rates() -> Rates:
    """The rates of this package.

    Raises:
        ContractError: the file is not valid.
    """
    return read_definition(Rates, RATES, ContractError)
