"""工业楼宇 Buildings on industrial parcels at the end of the year, in today's districts."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.columns.rows import row_id
from jobs.columns.values import flags
from jobs.core.steps.identity import UNDIVIDED, present_district
from jobs.job import Input, Job
from schemas.contract import contract

TABLE = "core.building"


def building(surveyed: DataFrame) -> DataFrame:
    """One row per building and year, with flags on what its survey contradicts."""
    district = F.coalesce(
        present_district(F.col("reported_district_code")),
        present_district(F.left("parcel_id", F.lit(6))),
        F.lit(UNDIVIDED),
    )
    vacant = F.coalesce("vacant_area_m2", F.lit(0))
    return (
        surveyed.withColumns({"year": F.col("period"), "district_code": district})
        .withColumn(
            "building_flags",
            flags(
                let_though_vacant=(F.col("let_share_pct") >= 100) & (vacant > 0),
                more_vacant_than_built=vacant > F.col("building_area_m2"),
            ),
        )
        .withColumn("row_id", row_id("building_code", "year"))
        .select(*contract(TABLE).column_names)
    )


JOB = Job(
    table=TABLE,
    transform=building,
    inputs={"surveyed": Input("raw.gov_building")},
    evidence={"raw.gov_building": {"building_code": "building_code", "period": "year"}},
)
