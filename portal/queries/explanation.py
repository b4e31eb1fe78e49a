"""Explain a published row: the rows that it was computed from, and the arithmetic of its job in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.evidence import Archive, Evidence
from pipeline.registry import registry
from schemas.contract import contract
from schemas.errors import RejectedError
from warehouse.releases import Release


@dataclass(frozen=True)
class Explanation:
    """The rows with their evidence, and the job's arithmetic in lines of text."""

    evidence: Evidence
    arithmetic: tuple[str, ...]

    def as_rows(self) -> list[dict[str, Any]]:
        """The evidence as a flat list, for programs: one object per row of each table."""
        return [
            {"table": one.table, "where": one.where, "row": row}
            for one in self.evidence.walk()
            for row in one.rows
        ]


def explanation(release: Release, table: str, where: Mapping[str, str]) -> Explanation:
    """Explain the rows of a table that have these column values; an empty line separates the rows' arithmetic.

    If there is no such row, the table that says why is explained instead, where the job names one.
    """
    with Archive(release) as archive:
        try:
            evidence = archive.explain(table, dict(where))
        except RejectedError as no_row:
            absent = registry()[table].absent
            if absent is None or not set(where) <= set(contract(absent).column_names):
                raise
            try:
                evidence = archive.explain(absent, dict(where))
            except RejectedError:
                raise no_row from None
        explain = registry()[evidence.table].explain
        rows = evidence.rows if explain else []
        lines = [line for row in rows if explain for line in (*explain(row, archive.query), "")]
    return Explanation(evidence, tuple(lines[:-1]))
