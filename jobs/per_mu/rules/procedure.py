"""The yearly procedure as data 年度工作流程: steps, windows and what a decision must carry; doors and jobs read it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Literal, cast

from pydantic import Field, model_validator

from jobs.rules.base import Assumption, RuleDocument, Rules
from schemas.contract import code_list, digest
from schemas.definition import Definition, Titles, read_definition
from schemas.errors import RejectedError

FILE = Path(__file__).with_name("procedure.yml")
KIND = Titles(zh="年度工作流程", en="yearly procedure")

ObjectionKind = Literal["land", "figure", "grade"]


class Window(Definition):
    """Working days of a public notice or of the time to confirm."""

    least: int = Field(ge=1)
    most: int = Field(ge=1)

    @model_validator(mode="after")
    def _ordered(self) -> Window:
        if self.most < self.least:
            raise ValueError("window: most is below least")
        return self


class Step(Definition):
    """One step of the year."""

    code: str
    planned: str = Field(pattern=r"^\d\d-\d\d$")
    window: Window | None = None
    needs: tuple[Literal["document"], ...] = ()

    def planned_date(self, year: str) -> date:
        """The planned day; ``year`` is the evaluation year, and its procedure runs in the year after."""
        return date.fromisoformat(f"{int(year) + 1}-{self.planned}")


class Procedure(Definition):
    """The steps in their order, and the windows in which an objection may be raised."""

    title: Titles
    source: str
    steps: tuple[Step, ...]
    objections: Mapping[ObjectionKind, tuple[str, ...]]
    assumptions: tuple[Assumption, ...]

    @model_validator(mode="after")
    def _known(self) -> Procedure:
        if self.codes != tuple(code_list("evaluation_step")):
            raise ValueError("steps: they are those of schemas/codes/evaluation_step.csv, in its order")
        for kind, windows in self.objections.items():
            if any(self.step(code).window is None for code in windows):
                raise ValueError(f"objections: {kind} names a step without a window")
        return self

    @property
    def codes(self) -> tuple[str, ...]:
        return tuple(step.code for step in self.steps)

    def step(self, code: str) -> Step:
        return next(step for step in self.steps if step.code == code)

    def admitting(self, kind: str) -> tuple[str, ...]:
        """The steps whose window admits an objection of this kind."""
        return self.objections[cast(ObjectionKind, kind)]

    def before(self, code: str) -> tuple[str, ...]:
        """The steps before a step."""
        return self.codes[: self.codes.index(code)]


class ProcedureRules(Rules):
    """The procedure as jobs receive it."""

    def __init__(self, given: Procedure) -> None:
        self.given = given

    def describe(self) -> list[RuleDocument]:
        """The document as a release shows it."""
        given = self.given
        content = given.model_dump(mode="json")
        return [RuleDocument.of("procedure", KIND, given.title, given.source, content, given.assumptions)]

    def fingerprint(self, period: str) -> str:
        """Hash of the steps and of what admits an objection; reasons for assumptions steer nothing."""
        return digest(self.given.model_dump(mode="json", include={"steps", "objections"}))


@cache
def procedure_rules() -> ProcedureRules:
    """The procedure shipped with the platform, for jobs."""
    return ProcedureRules(procedure())


@cache
def procedure() -> Procedure:
    """The procedure shipped with the platform.

    Raises:
        RejectedError: the file is not well formed.
    """
    return read_definition(Procedure, FILE, RejectedError)
