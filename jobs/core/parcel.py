"""工业宗地 Industrial parcels at the end of the year."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.columns.rows import row_id, with_part
from jobs.columns.values import flags
from jobs.core.steps.identity import UNDIVIDED, behind, present_district, successors
from jobs.core.steps.towns import with_town
from jobs.job import Input, Job
from schemas.contract import contract

TABLE = "core.parcel"


def parcel(registered: DataFrame, survey: DataFrame, succession: DataFrame) -> DataFrame:
    """One row per parcel and year, in today's districts, with flags on its title.

    The holder of a title in the name of an absorbed firm is its successor. The town is the register's, else the one
    that the survey names.
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
        .transform(in_town, survey)
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


def in_town(parcels: DataFrame, survey: DataFrame) -> DataFrame:
    """Parcels with their town: the register's, else the survey's if all uses of the parcel are surveyed in one town."""
    key = ["parcel_id", "year"]
    surveyed = (
        with_part(survey.withColumn("year", F.col("period")), parcels.select(*key, "district_code"), key)
        .transform(with_town, "reported_town")
        .groupBy(*key)
        .agg(F.min("town_code").alias("first_town"), F.max("town_code").alias("last_town"))
        .withColumn("surveyed_town", F.when(F.col("first_town") == F.col("last_town"), F.col("first_town")))
    )
    differs = (F.col("first_town") != F.col("last_town")) | (F.col("town_code") != F.col("surveyed_town"))
    return (
        with_part(parcels, surveyed, key)
        .transform(with_town, "reported_town", "surveyed_town")
        .withColumn("town_note_code", F.when(differs, "contradictory").otherwise(F.col("town_note_code")))
    )


JOB = Job(
    table=TABLE,
    transform=parcel,
    inputs={
        "registered": Input("raw.gov_land_parcel"),
        "survey": Input("raw.gov_land_survey"),
        "succession": Input("core.succession", "upto"),
    },
    evidence={
        "raw.gov_land_parcel": {"parcel_id": "parcel_id", "period": "year"},
        "raw.gov_land_survey": {"parcel_id": "parcel_id", "period": "year"},
        "core.succession": {"to_uscc": "owner_uscc"},
    },
)
