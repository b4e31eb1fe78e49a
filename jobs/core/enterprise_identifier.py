"""企业标识 Identifiers: every code, account and certificate by which an enterprise is known.

A registration number or organisation code belongs to one enterprise for good: a second claimant puts it in dispute.
A meter account or land certificate may change hands: it is in dispute in a year in which two firms hold it at the same
time (their periods overlap). Codes with a successor come from ``jobs/core/steps/following.py``. A disputed identifier
has a row for each claimant here, and a row in core.identity_review.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.columns.arithmetic import div
from jobs.columns.rows import literal_table, materialised, row_id
from jobs.core.steps.following import NEVER, Followed, followed
from jobs.core.steps.identity import first_day
from jobs.job import Input, Job
from schemas.contract import contract

TABLE = "core.enterprise_identifier"
#: Kinds that belong to one enterprise for good; the others may change hands.
LASTING = ("registration_number", "organisation_code")
WHAT = ["identifier_kind_code", "identifier"]


def enterprise_identifier(
    made: DataFrame,
    directory: DataFrame,
    registry: DataFrame,
    events: DataFrame,
    accounts: DataFrame,
    parcels: DataFrame,
) -> DataFrame:
    """One row per identifier, enterprise and year in which it became the enterprise's.

    Args:
        made: the directory's firms of the years to compute; all other inputs reach up to the last of these.
    """
    claims = (
        of_registry(registry)
        .unionByName(of_directory(directory))
        .unionByName(of_account(accounts))
        .unionByName(of_parcel(parcels))
        .withColumn("is_registered", F.col("source_feed") == "gov_business_registry")
    )
    return (
        held(claims)
        .unionByName(of_events(events))
        .join(F.broadcast(made.select("year").distinct()), "year", "left_semi")
        .withColumn("row_id", row_id(*WHAT, "uscc", "year"))
        .select(*contract(TABLE).column_names)
    )


# --- claims: a feed attributes an identifier to an enterprise in a period ----------------------------------


def claims_of(
    rows: DataFrame, kind: str | Column, identifier: str | Column, uscc: str, feed: str, since: Column
) -> DataFrame:
    """Claims by row; ``at`` is the period as a number, 202400 for a year and 202403 for a month."""
    return rows.select(
        (F.lit(kind) if isinstance(kind, str) else kind).alias("identifier_kind_code"),
        (F.col(identifier) if isinstance(identifier, str) else identifier).alias("identifier"),
        F.col(uscc).alias("uscc"),
        F.rpad(F.replace(F.col("period"), F.lit("-"), F.lit("")), 6, "0").cast("int").alias("at"),
        since.alias("since"),
        F.lit(feed).alias("source_feed"),
        "known_at",
    )


def of_registry(registry: DataFrame) -> DataFrame:
    """Registration number, registered organisation code, and the organisation code within the credit code."""
    own = F.substring("uscc", 9, 9)
    codes = F.array(
        F.struct(F.lit("registration_number").alias("kind"), F.col("registration_number").alias("code")),
        F.struct(F.lit("organisation_code").alias("kind"), own.alias("code")),
        F.struct(
            F.lit("organisation_code").alias("kind"),
            F.when(F.col("organisation_code") != own, F.col("organisation_code")).alias("code"),
        ),
    )
    return (
        registry.withColumn("claimed", F.explode(codes))
        .where("claimed.code IS NOT NULL")
        .transform(
            lambda rows: claims_of(
                rows, F.col("claimed.kind"), F.col("claimed.code"), "uscc", "gov_business_registry",
                F.col("registered_date"),
            )
        )
    )  # fmt: skip


def of_directory(directory: DataFrame) -> DataFrame:
    """Organisation codes of the directory's firms that the registry does not have (yet), from their credit codes."""
    unknown = directory.where("is_uscc_valid AND NOT is_in_registry").withColumn("period", F.col("year"))
    own = F.substring("uscc", 9, 9)
    return claims_of(
        unknown, "organisation_code", own, "uscc", "gov_statistics_directory", first_day(F.col("period"))
    )


def of_account(accounts: DataFrame) -> DataFrame:
    return claims_of(
        accounts, "meter_account", "meter_account_code", "uscc", "gov_electricity", first_day(F.col("period"))
    )


def of_parcel(parcels: DataFrame) -> DataFrame:
    titled = parcels.where("certificate_code IS NOT NULL AND owner_uscc IS NOT NULL")
    return claims_of(
        titled, "certificate", "certificate_code", "owner_uscc", "gov_land_parcel", first_day(F.col("period"))
    )


# --- holders of identifiers ------------------------------------------------------------------------------


def held(claims: DataFrame) -> DataFrame:
    """Identifiers with their enterprises; a disputed one with each claimant."""
    # most identifiers have one enterprise in all years: these need no ordering by period
    owners = materialised(
        claims.groupBy(*WHAT).agg(
            F.min("uscc").alias("owner"), F.max("uscc").alias("other"), F.min("at").alias("first")
        )
    )
    single = owners.where("owner = other").drop("other")
    shared = F.broadcast(owners.where("owner <> other").select(*WHAT))
    told_first = claims.join(single, WHAT, "inner").where("at = first")
    clear = (
        told_first.groupBy(*WHAT, "uscc", "first")
        .agg(*as_told())
        .withColumns(
            {
                "valid_to_date": F.lit(None).cast("date"),
                "is_disputed": F.lit(False),
                "year": div(F.col("first"), 100),
            }
        )
    )
    several = of_several(by_year(claims.join(shared, WHAT, "left_semi")))
    columns = [*WHAT, "uscc", "year", "since", "valid_to_date", "is_disputed", "is_registered", "known_at"]
    return (
        clear.select(*columns)
        .unionByName(several.select(*columns))
        .withColumn("year", F.col("year").cast("string"))
        .withColumn("source_feed", source_feed())
        .withColumnRenamed("since", "valid_from_date")
        .drop("is_registered")
    )


def by_year(claims: DataFrame) -> DataFrame:
    """A firm's claims to an identifier as spans: one span for a lasting kind, one per year for the others."""
    is_lasting = F.col("identifier_kind_code").isin(list(LASTING))
    group = [*WHAT, "uscc", "group_year"]
    told = claims.withColumn(
        "group_year", F.when(is_lasting, F.lit(0).cast("bigint")).otherwise(div(F.col("at"), 100))
    )
    spans = told.groupBy(*group).agg(F.min("at").alias("first"), F.max("at").alias("last"))
    told_first = told.join(spans, group, "inner").where("at = first")
    return materialised(told_first.groupBy(*group, "first", "last").agg(*as_told()))


def as_told() -> list[Column]:
    """Columns of the first claim; the least value where it has several rows."""
    return [F.min(c).alias(c) for c in ("since", "known_at", "is_registered")]


def source_feed() -> Column:
    kind = F.col("identifier_kind_code")
    return (
        F.when(kind == "meter_account", "gov_electricity")
        .when(kind == "certificate", "gov_land_parcel")
        .when(F.col("is_registered"), "gov_business_registry")
        .otherwise("gov_statistics_directory")
    )


def of_several(claims: DataFrame) -> DataFrame:
    """Identifiers with several enterprises: who holds them from when on, and which claims contradict each other."""
    order = Window.partitionBy(*WHAT).orderBy("first", "uscc")
    is_lasting = F.col("group_year") == 0
    year = div(F.col("first"), 100)
    before, after = F.lag("uscc").over(order), F.lead("uscc").over(order)
    same_time = (F.lag("group_year").over(order) == F.col("group_year")) & (
        F.lag("last").over(order) >= F.col("first")
    )
    marked = claims.withColumns(
        {
            "year": year,
            "begins": F.coalesce(before != F.col("uscc"), F.lit(True)),
            "contradicts": F.coalesce((before != F.col("uscc")) & (is_lasting | same_time), F.lit(False)),
            "valid_to_date": F.when(
                (after != F.col("uscc"))
                & (F.lead("group_year").over(order) == F.col("group_year"))
                & ~is_lasting,
                last_day(F.col("last")),
            ),
        }
    )
    ordered = materialised(marked)
    disputes = F.broadcast(
        ordered.where("contradicts").select(*WHAT, F.col("year").alias("dispute")).distinct()
    )
    is_party = F.when(is_lasting, F.col("year") <= F.col("dispute")).otherwise(
        F.col("year") == F.col("dispute")
    )
    disputed = (
        ordered.join(disputes, WHAT, "inner")
        .where(is_party)
        .withColumns(
            {"year": F.col("dispute"), "valid_to_date": F.lit(None).cast("date"), "is_disputed": F.lit(True)}
        )
        .drop("dispute")
    )
    clear = (
        ordered.where("begins")
        .join(disputes.withColumnRenamed("dispute", "year"), [*WHAT, "year"], "left_anti")
        .withColumn("is_disputed", F.lit(False))
    )
    return clear.unionByName(disputed, allowMissingColumns=True)


def last_day(at: Column) -> Column:
    """Last day of a period given as a number."""
    month = at % 100
    return F.last_day(
        F.make_date(div(at, 100).cast("int"), F.when(month == 0, 12).otherwise(month), F.lit(1))
    )


def of_events(events: DataFrame) -> DataFrame:
    """Codes with a successor: a row for each last successor; a disputed code with each claimant."""
    rows = [row for code in followed(events) for row in (*clear_rows(code), *disputed_rows(code))]
    codes = literal_table(
        events.sparkSession,
        rows,
        """identifier_kind_code string, identifier string, uscc string, year string, valid_from_date date,
        valid_to_date date, is_disputed boolean, known_micros bigint""",
    )
    return codes.withColumns(
        {"source_feed": F.lit("gov_identity_change"), "known_at": F.timestamp_micros("known_micros")}
    ).drop("known_micros")


def clear_rows(code: Followed) -> Iterator[tuple[object, ...]]:
    """The firm behind the code from each day on; the last day only if it is in the same year."""
    known_at = code.claims[0].known_at
    ends = [*(span.since for span in code.spans[1:]), code.until]
    for span, end in zip(code.spans, ends, strict=False):
        last = end - timedelta(days=1) if end.year == span.since.year else None
        yield code.kind, code.code, span.head, str(span.since.year), span.since, last, False, known_at


def disputed_rows(code: Followed) -> Iterator[tuple[object, ...]]:
    """Each claimant of a disputed code; each later claim opens the dispute again."""
    if code.until == NEVER:
        return
    for dispute in dict.fromkeys([code.until, *(c.told for c in code.claims if c.told > code.until)]):
        for uscc in dict.fromkeys(c.head for c in code.claims if c.told <= dispute):
            mine = [c for c in code.claims if c.head == uscc]
            since = min(c.since for c in mine)
            yield code.kind, code.code, uscc, str(dispute.year), since, None, True, mine[0].known_at


JOB = Job(
    table=TABLE,
    transform=enterprise_identifier,
    inputs={
        "made": Input("core.enterprise"),
        "directory": Input("core.enterprise", "upto"),
        "registry": Input("raw.gov_business_registry", "upto"),
        "events": Input("core.identity_event", "upto"),
        "accounts": Input("raw.gov_electricity", "upto"),
        "parcels": Input("raw.gov_land_parcel", "upto"),
    },
    evidence={
        "core.identity_event": {"from_uscc": "identifier"},
        "raw.gov_business_registry": {"uscc": "uscc"},
    },
)
