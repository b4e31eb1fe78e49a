"""Why a published row says what it says: what it was made from, and the arithmetic of a grade in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jobs.per_mu.explanation import explain_grade, grade_facts
from pipeline.evidence import Archive, Evidence
from warehouse.releases import Release

GRADES = "per_mu.enterprise_grade"


@dataclass(frozen=True)
class Explanation:
    """The rows with the evidence behind them, and the steps of the grades among them in words."""

    evidence: Evidence
    arithmetic: tuple[str, ...]

    def as_rows(self) -> list[dict[str, Any]]:
        """The evidence flat, for programs: one object per row of each table behind."""
        return [
            {"table": one.table, "where": one.where, "row": row}
            for one in self.evidence.walk()
            for row in one.rows
        ]


def explanation(release: Release, table: str, where: Mapping[str, str]) -> Explanation:
    """Evidence of the rows of a table that have these values in their columns; an empty line parts grades."""
    with Archive(release) as archive:
        found = archive.explain(table, dict(where))
        rows = found.rows if table == GRADES else []
        lines = [line for row in rows for line in (*explain_grade(grade_facts(row, archive.query)), "")]
    return Explanation(found, tuple(lines[:-1]))
