"""Rules of the comprehensive evaluation 综合评价规则: dimensions, indicators and weights as validated data."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from jobs.profile.rules.tags import KIND, PROFILE
from jobs.rules.base import Assumption, RuleDocument, Rules
from jobs.rules.condition import Node, check_field, is_number, parse_node
from schemas.contract import code_list, contract, digest
from schemas.definition import Definition, Titles, read_definition
from schemas.errors import RejectedError

Level = Literal["division_size", "division", "size", "city"]


class Indicator(Definition):
    """A field of the profile: its weight in the dimension, and which way is better."""

    weight: Decimal = Field(gt=0, le=100, decimal_places=2)
    better: Literal["more", "less"] = "more"


class Dimension(Definition):
    """One dimension: its weight in the total, and its indicators by field."""

    weight: Decimal = Field(gt=0, le=100, decimal_places=2)
    indicators: dict[str, Indicator] = Field(min_length=1)

    @model_validator(mode="after")
    def _whole(self) -> Dimension:
        for name in self.indicators:
            if not is_number(check_field(name, contract(PROFILE))):
                raise ValueError(f"{name} is no number")
        if (total := sum(i.weight for i in self.indicators.values())) != 100:
            raise ValueError(f"weights of the indicators sum to {total}, not to 100")
        return self


class Peers(Definition):
    """Groups of peers from the narrowest to the widest, and the least number of firms in a group."""

    least: int = Field(ge=2, le=1000)
    levels: tuple[Level, ...]

    @field_validator("levels")
    @classmethod
    def _ends_with_all(cls, levels: tuple[Level, ...]) -> tuple[Level, ...]:
        if not levels or levels[-1] != "city" or len(set(levels)) != len(levels):
            raise ValueError("levels are named once each, and city is the last one: it always has somebody")
        return levels


class Evaluation(Definition, Rules):
    """The complete rule."""

    source: str
    assumptions: tuple[Assumption, ...]
    #: The parsed condition.
    scope: Any
    peers: Peers
    #: Least weight that must be known, of a dimension's indicators and of the total's dimensions.
    least_indicator_weight: Decimal = Field(gt=0, le=100)
    least_dimension_weight: Decimal = Field(gt=0, le=100)
    dimensions: dict[str, Dimension]

    @field_validator("scope")
    @classmethod
    def _scope(cls, raw: Any) -> Node:
        return parse_node(raw, contract(PROFILE))

    @model_validator(mode="after")
    def _whole(self) -> Evaluation:
        if set(self.dimensions) != set(code_list("evaluation_dimension")):
            raise ValueError(f"dimensions are exactly {', '.join(code_list('evaluation_dimension'))}")
        if (total := sum(d.weight for d in self.dimensions.values())) != 100:
            raise ValueError(f"weights of the dimensions sum to {total}, not to 100")
        names = self.indicators
        if len(names) != sum(len(d.indicators) for d in self.dimensions.values()):
            raise ValueError("an indicator stands in one dimension")
        return self

    @property
    def in_scope(self) -> Node:
        return self.scope  # type: ignore[no-any-return]

    @property
    def indicators(self) -> Mapping[str, Indicator]:
        """Field → indicator, over all dimensions in their order."""
        return {name: i for d in self.dimensions.values() for name, i in d.indicators.items()}

    def describe(self) -> list[RuleDocument]:
        title = Titles(zh="企业综合评价规则", en="Comprehensive evaluation")
        content = self.model_dump(mode="json")
        return [RuleDocument.of("profile-evaluation", KIND, title, self.source, content, self.assumptions)]

    def fingerprint(self, period: str) -> str:
        """Hash of the rule without its reasons; it is the same for every period."""
        return digest(self.model_dump(mode="json", exclude={"source", "assumptions"}))


def load(path: Path = Path(__file__).parent / "evaluation.yml") -> Evaluation:
    """The evaluation's rule from its file.

    Raises:
        RejectedError: the file is not well formed; the line names file, field and fault.
    """
    return read_definition(Evaluation, path, RejectedError)


@cache
def evaluation() -> Evaluation:
    """The rule shipped with the platform."""
    return load()
