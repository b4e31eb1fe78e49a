"""One run of the jobs for all golden cases of this folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.jobs.per_mu.world import WORLD, Results, run

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.fixture(scope="session")
def evaluated(spark: SparkSession) -> Results:
    """Results of every district that the collected modules registered."""
    return run(spark, WORLD)
