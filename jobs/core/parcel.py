"""工业宗地 Industrial parcels at the end of the year."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.columns.rows import row_id
from jobs.columns.values import flags
from jobs.core.steps.identity import UNDIVIDED, behind, present_district, successors
from jobs.job import Input, Job
from schemas.contract import contract

TABLE = "core.parcel"


def parcel(registered: DataFrame, succession: DataFrame) -> DataFrame:
    """One row per parcel and year, in today's districts, with flags on its title.

    The holder of a title in the name of an absorbed firm is its successor.
    """
    return (
        registered.withColumns({"year": F.col("period"), "titled_uscc": F.col("owner_uscc")})
        .transform(behind, successors(succession), "owner_uscc")
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
                holder_succeeded=F.col("owner_uscc") != F.col("titled_uscc"),
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
    inputs={"registered": Input("raw.gov_land_parcel"), "succession": Input("core.succession", "upto")},
    evidence={
        "raw.gov_land_parcel": {"parcel_id": "parcel_id", "period": "year"},
        "core.succession": {"to_uscc": "owner_uscc"},
    },
)
