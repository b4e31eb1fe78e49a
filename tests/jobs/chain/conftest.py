"""One run of the jobs for all golden cases of this folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.jobs.chain.golden import golden_world
from tests.jobs.chain.world import Results, run

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.fixture(scope="session")
def golden(spark: SparkSession) -> Results:
    """Results of the golden world."""
    return run(spark, golden_world())
