"""Faults of files: a repeated file, corrected snapshots, and a late file."""

from __future__ import annotations

from collections.abc import Callable

from demo_city.faults.plan import INCOMPLETE, Edit, Extra
from demo_city.faults.planner import Planner, times

#: Days between the deadline and the arrival of the late file.
DAYS_LATE = 45


def files(planner: Planner, has_annual: bool) -> None:
    """A repeated file, corrected snapshots with a changed and a withdrawn row, and a late file."""
    planner.extras.append(Extra("gov_electricity", planner.period, "copy", 3))
    _corrected(planner, "gov_energy", "energy_tce", times("1.1"))
    if has_annual:
        _corrected(planner, "gov_statistics_annual", "output_wan_yuan", times("1.2", places=0))
    planner.late["gov_land_survey", str(planner.year), "xiangshan"] = DAYS_LATE


def _corrected(planner: Planner, feed: str, column: str, change: Callable[[str], str]) -> None:
    """Plan a corrected snapshot of the feed in which one firm's cell changes and another firm's row is missing."""
    year = str(planner.year)
    changed, withdrawn = planner.site(planner.large), planner.site(planner.large)
    superseded = {"type": "superseded", "column": column}
    edits = (
        Edit("corrected_file", feed, year, {"uscc": planner.uscc(changed)}, {column: change}, (superseded,)),
        Edit(
            "corrected_file",
            feed,
            year,
            {"uscc": planner.uscc(withdrawn)},
            outcomes=({"type": "superseded", "row_absent": True}, INCOMPLETE),
            drop=True,
        ),
    )
    planner.extras.append(Extra(feed, year, "corrected", 40, edits))
