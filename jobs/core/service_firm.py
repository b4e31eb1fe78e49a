"""规上服务业企业 Service enterprises above designated size, in today's districts."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.columns.rows import row_id, with_part
from jobs.core.steps.identity import UNDIVIDED, present_district
from jobs.job import Input, Job
from schemas.contract import contract

TABLE = "core.service_firm"
KEY = ["uscc", "year"]


def service_firm(reported: DataFrame, enterprise: DataFrame) -> DataFrame:
    """One row per service firm and year; ``is_in_industry`` where the directory of industry has the firm as well."""
    district = F.coalesce(present_district(F.col("reported_district_code")), F.lit(UNDIVIDED))
    services = reported.withColumns({"year": F.col("period"), "district_code": district})
    # the few services are hashed, the many industrial firms pass by
    industrial = with_part(enterprise.select(*KEY), services.select(*KEY), KEY, "inner")
    return (
        with_part(services, industrial.withColumn("in_directory", F.lit(True)), KEY)
        .withColumn("is_in_industry", F.coalesce("in_directory", F.lit(False)))
        .withColumn("row_id", row_id(*KEY))
        .select(*contract(TABLE).column_names)
    )


JOB = Job(
    table=TABLE,
    transform=service_firm,
    inputs={"reported": Input("raw.gov_service_annual"), "enterprise": Input("core.enterprise")},
    evidence={
        "raw.gov_service_annual": {"uscc": "uscc", "period": "year"},
        "core.enterprise": {"uscc": "uscc", "year": "year"},
    },
)
