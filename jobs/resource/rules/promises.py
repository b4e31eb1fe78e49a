"""标准地承诺 Promises of land contracts: the largest plausible value of each indicator, as validated data."""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from pathlib import Path

from pydantic import Field, model_validator

from jobs.rules.base import Assumption, RuleDocument, Rules
from schemas.contract import code_list, digest
from schemas.definition import Definition, Titles, read_definition
from schemas.errors import RejectedError

FILE = "promises.yml"
KIND = Titles(zh="标准地承诺", en="promises of land contracts")


class Bound(Definition):
    """The largest value that a contract can mean, in the indicator's unit."""

    most: Decimal = Field(gt=0, decimal_places=6)


class Promises(Definition):
    """The document; one entry for each code of promise_indicator.csv."""

    title: Titles
    source: str
    indicators: dict[str, Bound]
    assumptions: tuple[Assumption, ...]

    @model_validator(mode="after")
    def _every_indicator(self) -> Promises:
        if set(self.indicators) != set(code_list("promise_indicator")):
            raise ValueError("indicators must name each code of promise_indicator.csv exactly once")
        if unknown := {note.field for note in self.assumptions} - set(Promises.model_fields):
            raise ValueError(f"assumptions: no field {sorted(unknown)[0]}")
        return self


class PromiseRules(Rules):
    """The document as jobs receive it."""

    def __init__(self, given: Promises) -> None:
        self.given = given

    def most(self, indicator: str) -> Decimal:
        """The largest value that a contract can mean."""
        return self.given.indicators[indicator].most

    def describe(self) -> list[RuleDocument]:
        """The document as a release shows it."""
        given = self.given
        return [
            RuleDocument.of(
                "promises", KIND, given.title, given.source, given.model_dump(mode="json"), given.assumptions
            )
        ]

    def fingerprint(self, period: str) -> str:
        """Hash of the bounds."""
        return digest({code: str(one.most) for code, one in self.given.indicators.items()})


def load(path: Path = Path(__file__).parent / FILE) -> PromiseRules:
    """The rules of a file.

    Raises:
        RejectedError: the file is not well formed; the line names field and fault.
    """
    return PromiseRules(read_definition(Promises, path, RejectedError))


@cache
def promise_rules() -> PromiseRules:
    """The rules shipped with the platform."""
    return load()
