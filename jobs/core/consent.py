"""企业授权效力 Consents in force: the days on which an enterprise's statistics of a year may be used for a purpose.

* A confirmed sheet (一企一单) covers the figures of its year. A signed authorisation covers the figures of the year
  before its first day, which is then under evaluation, and of all years up to its last day.
* A consent begins on the day stated, but not before it was given, and holds through its last day.
* A withdrawal ends every consent that was given by its day for the purpose. Nothing is erased: the days before stay.
* A consent given under a former code holds for the enterprise with the new code, which is the same legal person, once
  the change is reported. An absorbed firm's consent does not hold for the firm that took it over, nor a branch's for
  its head: they did not sign. A former code that another firm claims as well leads nowhere.

No document decides these points; docs/concepts/where-the-rules-are-silent.md lists them.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.columns.rows import literal_table, row_id
from jobs.core.steps.following import SUCCEEDED, followed
from jobs.core.steps.identity import never
from jobs.job import Input, Job
from schemas.contract import contract

TABLE = "core.consent"
KEY = ["uscc", "year", "consent_purpose_code"]


def consent(enterprises: DataFrame, records: DataFrame, events: DataFrame) -> DataFrame:
    """One row per enterprise, year of the directory, purpose and uninterrupted validity.

    Args:
        records: all consents and withdrawals, whenever they were given.
        events: changes of identity up to the years.
    """
    years = F.broadcast(enterprises.select("year").distinct())
    told = (
        records.join(years, covers(), "inner")
        .transform(of_enterprise, events)
        .join(enterprises.select("uscc", "year"), ["uscc", "year"], "left_semi")
    )
    return (
        told.where("consent_kind_code <> 'withdrawal'")
        .transform(without_withdrawn, told.where("consent_kind_code = 'withdrawal'"))
        .where("starts < ends")
        .transform(uninterrupted)
        .withColumn("row_id", row_id(*KEY, "consent_from_date"))
        .select(*contract(TABLE).column_names)
    )


def covers() -> Column:
    """Whether a record concerns the statistics of a year."""
    kind, year = F.col("consent_kind_code"), F.col("year").cast("int")
    last = F.coalesce(F.year("valid_until_date"), F.lit(9999))
    return (
        F.when(kind == "sheet", F.col("period") == F.col("year"))
        .when(kind == "authorisation", (year >= F.year(effective()) - 1) & (year <= last))
        .otherwise(F.lit(True))
    )


def effective() -> Column:
    """First day on which a record counts: the day stated, but not before the record was made."""
    return F.greatest("consent_from_date", "event_date")


def of_enterprise(records: DataFrame, events: DataFrame) -> DataFrame:
    """Records with the enterprise's code at the end of the year; ``given_uscc`` keeps the code of the record."""
    year_end = F.make_date(F.col("year").cast("int"), F.lit(12), F.lit(31))
    holds = (F.col("uscc") == F.col("_code")) & (year_end >= F.col("_since")) & (year_end < F.col("_until"))
    return (
        records.join(same_person(events), holds, "left")
        .withColumn("given_uscc", F.col("uscc"))
        .withColumn("uscc", F.coalesce("_head", "uscc"))
        .drop("_code", "_head", "_since", "_until")
    )


def same_person(events: DataFrame) -> DataFrame:
    """Former codes of the same legal person: code, present code, from which day on and before which day."""
    kind, told = F.col("identity_event_kind_code"), F.col("year")
    is_same = kind == "succession"
    # a code that was first reported as absorbed or as a branch is another person's
    codes = (
        events.where(kind.isin(list(SUCCEEDED)))
        .groupBy("from_uscc")
        .agg(F.min(F.when(is_same, told)).alias("same"), F.min(F.when(~is_same, told)).alias("other"))
        .where("same <= coalesce(other, same)")
    )
    spans = (
        (code.code, span.head, span.since, following.since if following else code.until)
        for code in followed(events.join(codes, "from_uscc", "left_semi"))
        # a code in dispute from the start has no span
        for span, following in zip(code.spans, (*code.spans[1:], None), strict=False)
    )
    return literal_table(events.sparkSession, spans, "_code string, _head string, _since date, _until date")


def without_withdrawn(given: DataFrame, withdrawn: DataFrame) -> DataFrame:
    """Consents from ``starts`` on and before ``ends``; the first later withdrawal ends each."""
    stops = withdrawn.select(
        *KEY,
        F.col("event_date").alias("_told"),
        effective().alias("_stops"),
        F.col("known_at").alias("_known"),
    )
    end = F.coalesce(F.date_add("valid_until_date", 1), never())
    return (
        given.withColumns({"starts": effective(), "ends": end})
        .join(stops.withColumnsRenamed({c: f"_{c}" for c in KEY}), _withdrawn_later(), "left")
        .groupBy(*KEY, "given_uscc", "event_id", "period", "consent_kind_code", "starts", "ends")
        .agg(
            F.min("_stops").alias("stops"),
            F.greatest(F.max("known_at"), F.max("_known")).alias("known_at"),
        )
        .withColumn("is_consent_withdrawn", F.coalesce(F.col("stops") <= F.col("ends"), F.lit(False)))
        .withColumn("ends", F.least("ends", "stops"))
    )


def _withdrawn_later() -> Column:
    same = F.col("event_date") <= F.col("_told")
    for column in KEY:
        same &= F.col(column) == F.col(f"_{column}")
    return same


def uninterrupted(given: DataFrame) -> DataFrame:
    """Overlapping and adjoining validities as one row."""
    order = Window.partitionBy(*KEY).orderBy("starts", "ends", "event_id", "period")
    before = order.rowsBetween(Window.unboundedPreceding, -1)
    upto = order.rowsBetween(Window.unboundedPreceding, 0)
    last = F.max("ends")
    return (
        given.withColumn("_reached", F.max("ends").over(before))
        .withColumn("_begins", F.coalesce(F.col("starts") > F.col("_reached"), F.lit(True)))
        # the validity's first day groups its consents: an engine may drop a key that the result does not have
        .withColumn("consent_from_date", F.max(F.when(F.col("_begins"), F.col("starts"))).over(upto))
        .groupBy(*KEY, "consent_from_date")
        .agg(
            F.nullif(last, never()).alias("consent_end_date"),
            F.coalesce(
                F.max(F.when(F.col("is_consent_withdrawn"), F.col("ends"))) == last, F.lit(False)
            ).alias("is_consent_withdrawn"),
            F.array_sort(F.collect_set("consent_kind_code")).alias("consent_kinds"),
            F.min(F.when(F.col("_begins"), F.col("given_uscc"))).alias("given_uscc"),
            F.max("known_at").alias("known_at"),
        )
    )


JOB = Job(
    table=TABLE,
    transform=consent,
    inputs={
        "enterprises": Input("core.enterprise"),
        "records": Input("raw.ent_consent", "all"),
        "events": Input("core.identity_event", "upto"),
    },
    evidence={
        "raw.ent_consent": {"uscc": "given_uscc", "consent_purpose_code": "consent_purpose_code"},
        "core.enterprise": {"uscc": "uscc", "year": "year"},
    },
)
