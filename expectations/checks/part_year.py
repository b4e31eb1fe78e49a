"""Check that results on part of a year say so: every row carries how far the year's figures reach."""

from __future__ import annotations

from expectations.gate.suite import Check


def figures_as_of() -> Check:
    """The rows' ``figures_as_of`` is that of the year's figures."""
    return Check(
        "figures_as_of_year",
        "数据截至与年度数据一致",
        "Figures reach as far as core.enterprise_year says for the year",
        """SELECT DISTINCT t.year, t.figures_as_of FROM {table} t
        LEFT JOIN (SELECT DISTINCT year, figures_as_of FROM core.enterprise_year) y ON y.year = t.year
        WHERE t.figures_as_of IS DISTINCT FROM y.figures_as_of""",
    )
