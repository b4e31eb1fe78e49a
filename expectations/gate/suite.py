"""Suites: the checks of one table, and the collection of all declared suites.

A check is SQL that selects the key columns of offending rows. ``{table}`` stands for the checked table, ``{summary}``
for a table that its suite computes once for several checks. Other tables are named ``area.table``, the last release's
tables ``previous_area.table``.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from schemas.errors import UsageError

Level = Literal["fail", "warn"]


@dataclass(frozen=True)
class Check:
    """One condition that a table must meet.

    ``sql`` selects key columns of offending rows, one result row for each; no row means success.
    ``expectation`` builds a Great Expectations object that decides instead; ``sql`` then only names the
    offending rows of a failure. A ``fail`` blocks publication, a ``warn`` is only reported.
    """

    id: str
    zh: str
    en: str
    sql: str
    level: Level = "fail"
    expectation: Callable[[], Any] | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if "{table}" not in self.sql and "{summary}" not in self.sql:
            raise UsageError(
                f"check {self.id}: its SQL must read {{table}} or {{summary}}; otherwise it checks nothing"
            )


@dataclass(frozen=True)
class Suite:
    """The checks of one table.

    ``may_be_empty`` is for tables of which a city can have no rows; any other suite fails over an empty table.
    ``summary`` is SQL over the table that is computed once, before the checks that read it.
    """

    table: str
    checks: tuple[Check, ...]
    may_be_empty: bool = False
    kind: Literal["contract", "domain"] = "domain"
    summary: str = ""
    #: Tables that the checks read as ``rules.<name>``: name -> column -> DuckDB type.
    rules: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    #: Level of the check that a period keeps about 90 % of the last release's rows.
    shrinks: Level = "warn"

    def __post_init__(self) -> None:
        if any("{summary}" in check.sql for check in self.checks) and "{table}" not in self.summary:
            raise UsageError(
                f"suite {self.table}: a check reads {{summary}}, so the summary must read {{table}}"
            )
        ids = [check.id for check in self.checks]
        if twice := {i for i in ids if ids.count(i) > 1}:
            raise UsageError(f"suite {self.table}: check ids used twice: {', '.join(sorted(twice))}")

    @property
    def name(self) -> str:
        return f"{self.table}/{self.kind}"


FOLDER = Path(__file__).parents[1]
#: Folders that are not areas.
_NO_AREAS = ("gate", "checks")


def declared_suites() -> dict[str, Suite]:
    """Suites of ``expectations/<area>/<table>.py``, table → suite.

    Raises:
        UsageError: a module has no SUITE, or its SUITE is of another table than the file name says.
    """
    suites = {}
    for path in sorted(FOLDER.glob("*/*.py")):
        if path.stem.startswith("_") or path.parent.name in _NO_AREAS:
            continue
        table = f"{path.parent.name}.{path.stem}"
        module = importlib.import_module(f"expectations.{table}")
        suite = getattr(module, "SUITE", None)
        if not isinstance(suite, Suite) or suite.table != table:
            raise UsageError(f"expectations/{path.parent.name}/{path.name}: set SUITE = Suite({table!r}, …)")
        suites[table] = suite
    return suites
