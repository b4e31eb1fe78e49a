"""工业企业 Industrial enterprises: one row for every enterprise of a year's directory.

Bad input never decides who is evaluated: a firm whose directory record broke the contract stays in the table, with the
readable part of the record, the data of the business registry and a flag.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.columns.rows import row_id
from jobs.columns.values import flags, valid_credit_code
from jobs.core.steps.identity import UNDIVIDED, present_district
from jobs.core.steps.towns import with_town
from jobs.job import Input, Job
from schemas.contract import code_list, contract

TABLE = "core.enterprise"
FEED = "gov_statistics_directory"


def enterprise(directory: DataFrame, registry: DataFrame, refused: DataFrame) -> DataFrame:
    """One row per enterprise and year.

    Args:
        directory: accepted rows of the year's directory.
        registry: registrations up to the year; each year uses the latest one known.
        refused: quarantined records of the directory; their firms stay in the population.
    """
    listed = members(directory, refused)
    known = as_of(listed, registry)
    return (
        listed.join(known, ["uscc", "year"], "left")
        .transform(place)
        .transform(with_town, "reported_town", "registered.reported_town")
        .transform(describe)
        .select(*contract(TABLE).column_names)
    )


def members(directory: DataFrame, refused: DataFrame) -> DataFrame:
    """Every enterprise of the directory, accepted or quarantined; one row per code and year."""
    columns = [
        "uscc", "enterprise_name", "reported_district_code", "reported_town", "industry_code",
        "is_above_scale", "directory_change_code", "zone_code", "managing_zone_code",
    ]  # fmt: skip
    accepted = directory.select(
        *columns, F.col("period").alias("year"), "known_at", F.lit(False).alias("is_refused")
    )
    types = {c.name: c.type for c in contract(f"raw.{FEED}").columns}
    record = F.from_json("mapped_record", ", ".join(f"{c} {types[c]}" for c in columns))
    again = (
        refused.where(~F.array_contains("reasons", "key:duplicate"))
        .select(record.alias("r"), "row_id", F.col("period").alias("year"), "known_at")
        .select("r.*", "row_id", "year", "known_at", F.lit(True).alias("is_refused"))
        # a record without a code is still a firm: the row's identifier replaces the code
        .withColumn("uscc", F.coalesce("uscc", F.concat(F.lit("row-"), F.left(F.md5("row_id"), F.lit(14)))))
        .join(accepted.select("uscc", "year"), ["uscc", "year"], "left_anti")
    )
    first = Window.partitionBy("uscc", "year").orderBy("row_id")
    one = again.withColumn("_place", F.row_number().over(first)).where("_place = 1")
    return accepted.unionByName(one.drop("_place", "row_id"))


def as_of(listed: DataFrame, registry: DataFrame) -> DataFrame:
    """The latest registration known for each firm and year."""
    entry = F.struct(
        "period", "enterprise_name", "former_name", "registered_date", "registration_status_code",
        "reported_district_code", "reported_town", "industry_code", "known_at",
    )  # fmt: skip
    last = (
        listed.select("uscc", "year")
        .join(registry.select("uscc", "period"), "uscc", "inner")
        .where(F.col("period") <= F.col("year"))
        .groupBy("uscc", "year")
        .agg(F.max("period").alias("period"))
    )
    entries = registry.select("uscc", "period", entry.alias("registered"))
    return last.join(entries, ["uscc", "period"], "inner").drop("period")


def place(rows: DataFrame) -> DataFrame:
    """Today's district: from the directory, else from the registry, else from the credit code."""
    reported = F.coalesce("reported_district_code", "registered.reported_district_code")
    return rows.withColumn("reported_district_code", F.coalesce(reported, F.lit(UNDIVIDED))).withColumn(
        "district_code",
        F.coalesce(
            present_district(F.col("reported_district_code")),
            present_district(F.col("registered.reported_district_code")),
            present_district(F.substring("uscc", 3, 6)),
            F.lit(UNDIVIDED),
        ),
    )


def describe(rows: DataFrame) -> DataFrame:
    """Names, industry, registration and identity flags."""
    registered = F.col("registered").isNotNull()
    name = F.col("enterprise_name")
    filled = {
        # accepted records were checked on ingestion
        "is_uscc_valid": ~F.col("is_refused") | F.coalesce(valid_credit_code(F.col("uscc")), F.lit(False)),
        "is_in_registry": registered,
        "registered_date": F.col("registered.registered_date"),
        "registration_status_code": F.col("registered.registration_status_code"),
        "former_name": F.col("registered.former_name"),
        "is_above_scale": F.coalesce("is_above_scale", F.lit(False)),
        "directory_change_code": F.coalesce("directory_change_code", F.lit("none")),
    }
    odd = flags(
        cancelled=F.col("registration_status_code").isin("cancelled", "revoked", "moved_out"),
        directory_quarantined=F.col("is_refused"),
        invalid_uscc=~F.col("is_uscc_valid"),
        name_differs=name != F.col("registered.enterprise_name"),
        not_in_registry=~F.col("is_in_registry"),
        old_district_code=F.col("district_code") != F.col("reported_district_code"),
        renamed=F.col("former_name").isNotNull(),
    )
    return (
        rows.withColumns(filled)
        .withColumn("identity_flags", odd)
        .withColumn("enterprise_name", F.coalesce(name, "registered.enterprise_name", "uscc"))
        .withColumn("industry_code", known_industry())
        .withColumn("industry_division_code", F.left("industry_code", F.lit(2)))
        .withColumn("known_at", F.greatest("known_at", "registered.known_at"))
        .withColumn("row_id", row_id("uscc", "year"))
    )


def known_industry() -> Column:
    """The directory's industry class if it is in the code list, else the registry's."""
    classes = list(code_list("industry_class"))
    stated = F.when(F.col("industry_code").isin(classes), F.col("industry_code"))
    return F.coalesce(stated, "registered.industry_code")


JOB = Job(
    table=TABLE,
    transform=enterprise,
    inputs={
        "directory": Input("raw.gov_statistics_directory"),
        "registry": Input("raw.gov_business_registry", "upto"),
        "refused": Input("quarantine.record", feed=FEED),
    },
    evidence={
        "raw.gov_statistics_directory": {"uscc": "uscc", "period": "year"},
        "raw.gov_business_registry": {"uscc": "uscc"},
        "quarantine.record": {"uscc": "uscc", "period": "year"},
    },
)
