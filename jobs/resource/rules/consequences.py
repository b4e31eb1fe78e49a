"""What follows from a grade 亩均评价结果运用: the measures as jobs receive them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from jobs.columns.rows import literal_table
from jobs.resource.rules.measures import FILE, Consequences, read
from jobs.rules.base import Assumption, RuleDocument, Rules
from schemas.contract import digest
from schemas.definition import Titles

KIND = Titles(zh="结果运用", en="consequences of grades")
_FRAME = """district_code string, final_grade string, from_date date, to_date date, from_years int, to_years int,
measure_code string, consequence_rule_id string, base_name string, effect string, own_use_only boolean,
rate decimal(18,6), treatment_code string, measure_source string, is_assumed boolean"""


class ConsequenceRules(Rules):
    """The measures as jobs receive them."""

    def __init__(self, given: Consequences) -> None:
        self.given = given

    def describe(self) -> list[RuleDocument]:
        """All measures as one document."""
        given = self.given
        own = [
            Assumption(field=f"{one.id}.{note.field}", why=note.why, why_zh=note.why_zh)
            for one in given.measures
            for note in one.assumptions
        ]
        content = given.model_dump(mode="json")
        return [
            RuleDocument.of(
                "consequences", KIND, given.title, given.source, content, [*given.assumptions, *own]
            )
        ]

    def fingerprint(self, period: str) -> str:
        """Hash of the measures and of how they are applied; reasons for assumptions steer nothing."""
        return digest(
            [
                self.given.execution_month,
                self.given.ungraded_year,
                [[str(part) for part in row] for one in self.given.measures for row in one.rows()],
            ]
        )

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """``consequence_step``: the steps of measures with a rate, for suites."""
        return {
            "consequence_step": [
                {
                    "consequence_rule_id": one.id,
                    "grade": step.grade,
                    "from_years": step.from_years_in_d,
                    "rate": float(step.rate or 0),
                    "valid_to": str(one.last_day),
                }
                for one in self.given.measures
                for step in one.steps
            ]
        }

    def grades_of(self, measure: str) -> list[str]:
        """Grades that a measure names anywhere."""
        return sorted(
            {step.grade for one in self.given.measures if one.measure == measure for step in one.steps}
        )

    def frame(self, session: SparkSession) -> DataFrame:
        """One row per district, measure, span of time, grade and step of years in D."""
        return literal_table(session, (row for one in self.given.measures for row in one.rows()), _FRAME)


def load(path: Path = Path(__file__).parent / FILE) -> ConsequenceRules:
    """The measures of a file.

    Raises:
        RejectedError: the file is not well formed; the line names field and fault.
    """
    return ConsequenceRules(read(path))


@cache
def consequence_rules() -> ConsequenceRules:
    """The measures shipped with the platform."""
    return load()
