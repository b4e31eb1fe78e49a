"""服务综合体 Service complexes at the end of the year, in today's districts."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.columns.rows import row_id
from jobs.columns.values import flags
from jobs.core.steps.identity import UNDIVIDED, present_district
from jobs.job import Input, Job
from schemas.contract import contract

TABLE = "core.service_complex"


def service_complex(reported: DataFrame) -> DataFrame:
    """One row per complex and year, with flags on what its report contradicts."""
    district = F.coalesce(present_district(F.col("reported_district_code")), F.lit(UNDIVIDED))
    return (
        reported.withColumns({"year": F.col("period"), "district_code": district})
        .withColumn(
            "building_flags",
            flags(
                more_used_than_built=F.col("occupied_area_m2") > F.col("building_area_m2"),
                more_local_than_residents=F.col("local_firm_count") > F.col("resident_firm_count"),
            ),
        )
        .withColumn("row_id", row_id("complex_code", "year"))
        .select(*contract(TABLE).column_names)
    )


JOB = Job(
    table=TABLE,
    transform=service_complex,
    inputs={"reported": Input("raw.gov_service_complex")},
    evidence={"raw.gov_service_complex": {"complex_code": "complex_code", "period": "year"}},
)
