"""开发区名录 Development zones of a year, in today's districts."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.columns.rows import row_id
from jobs.core.steps.identity import UNDIVIDED, present_district
from jobs.job import Input, Job
from schemas.contract import contract

TABLE = "core.zone"


def zone(registered: DataFrame) -> DataFrame:
    """One row per zone and year."""
    district = F.coalesce(present_district(F.col("reported_district_code")), F.lit(UNDIVIDED))
    return (
        registered.withColumns({"year": F.col("period"), "district_code": district})
        .withColumn("row_id", row_id("zone_code", "year"))
        .select(*contract(TABLE).column_names)
    )


JOB = Job(
    table=TABLE,
    transform=zone,
    inputs={"registered": Input("raw.gov_zone")},
    evidence={"raw.gov_zone": {"zone_code": "zone_code", "period": "year"}},
)
