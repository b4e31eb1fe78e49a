"""Why a published row says what it says: what it was made from, and the arithmetic of its job in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.evidence import Archive, Evidence
from pipeline.registry import registry
from warehouse.releases import Release


@dataclass(frozen=True)
class Explanation:
    """The rows with the evidence behind them, and how the job explains them in words."""

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
    """Evidence of the rows of a table that have these values in their columns; an empty line parts explanations."""
    with Archive(release) as archive:
        found = archive.explain(table, dict(where))
        explain = registry()[table].explain
        rows = found.rows if explain else []
        lines = [line for row in rows if explain for line in (*explain(row, archive.query), "")]
    return Explanation(found, tuple(lines[:-1]))
