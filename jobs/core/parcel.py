"""工业宗地 Industrial parcels at the end of the year."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.core.identity import UNDIVIDED, flags, present_district, row_id
from jobs.job import Input, Job
from schemas.contract import contract

TABLE = "core.parcel"


def parcel(registered: DataFrame) -> DataFrame:
    """One row per parcel and year, in today's districts, with what is odd about its title."""
    return (
        registered.withColumn("year", F.col("period"))
        .withColumn(
            "district_code",
            F.coalesce(
                present_district(F.col("reported_district_code")),
                present_district(F.left("parcel_id", F.lit(6))),
                F.lit(UNDIVIDED),
            ),
        )
        .withColumn(
            "land_flags",
            flags(
                disputed=F.col("is_disputed"),
                no_certificate=F.col("certificate_code").isNull(),
                no_holder=F.col("owner_uscc").isNull(),
            ),
        )
        .withColumn("row_id", row_id("parcel_id", "year"))
        .select(*contract(TABLE).column_names)
    )


JOB = Job(
    table=TABLE,
    transform=parcel,
    inputs={"registered": Input("raw.gov_land_parcel")},
    evidence={"raw.gov_land_parcel": {"parcel_id": "parcel_id", "period": "year"}},
)
