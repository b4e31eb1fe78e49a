"""Years that are not complete: rows carry how far the figures reach, and what has not come yet is no fault."""

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


def not_yet_sent(feed: str, year: str) -> str:
    """SQL: a feed has delivered, but nothing of this year or later.

    A year's directory comes in February, its energy in March and its land survey in April: until then the year
    cannot be compared with the one before. Overdue feeds have an alert of their own.

    Args:
        feed: SQL of the feed's name; ``gov_statistics`` stands for annual and monthly statistics.
        year: SQL of the year.
    """
    of_feed = (
        f"FROM feeds.current_delivery d WHERE d.feed IN ({feed}, {feed} || '_annual', {feed} || '_monthly')"
    )
    return (
        f"(EXISTS (SELECT 1 {of_feed}) AND NOT EXISTS (SELECT 1 {of_feed} "
        f"AND left(d.period, 4) >= CAST({year} AS VARCHAR)))"
    )
