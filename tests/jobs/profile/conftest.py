"""One run of the jobs for all golden cases of this folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.jobs.profile.golden import MONTH, WORLD
from tests.jobs.profile.world import Row, run, score, tag

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@dataclass
class Golden:
    """Rows of the golden world's tables."""

    profiles: dict[tuple[str, str], Row]
    tag_rows: list[Row]
    scores: dict[tuple[str, str], Row]

    def profile(self, uscc: str, period: str = "2023") -> Row:
        return self.profiles[uscc, period]

    def column(self, uscc: str, name: str, period: str = "2023") -> Any:
        value = self.profiles[uscc, period][name]
        return str(value) if hasattr(value, "as_tuple") else value

    def tags(self, uscc: str, period: str = "2023") -> set[str]:
        return {r["tag_code"] for r in self.tag_rows if (r["uscc"], r["period"]) == (uscc, period)}


@pytest.fixture(scope="session")
def golden(spark: SparkSession) -> Golden:
    periods = ["2022", "2023", "2024", MONTH]
    frame, rows = run(spark, WORLD, periods)
    scores = score(frame, ["2023", "2024", MONTH])
    return Golden(
        {(r["uscc"], r["period"]): r for r in rows}, tag(frame), {(r["uscc"], r["period"]): r for r in scores}
    )
