"""Today's district, and the enterprise behind a code (一企一码).

Rows under the code of an absorbed firm, a former code or a branch count for the successor if their period begins on
the day of the change or later. ``jobs/core/steps/following.py`` finds the successor.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.core.steps.following import SUCCEEDED
from schemas.contract import code_list
from schemas.places import CITY

#: Ningbo as a whole, for rows that belong to no district.
UNDIVIDED = CITY


def present_district(code: Column) -> Column:
    """Today's district of a GB/T 2260 code: an abolished one gives its successor, a code outside Ningbo null."""
    successors = {c: row["successor"] for c, row in code_list("former_district").items()}
    table = F.create_map(*(F.lit(x) for pair in successors.items() for x in pair))
    today = F.coalesce(F.try_element_at(table, code), code)
    return F.when(today.isin([c for c in code_list("district") if c != UNDIVIDED]), today)


# --- successors ------------------------------------------------------------------------------------------


def never() -> Column:
    """End of an open span: 31 December 9999."""
    return F.make_date(F.lit(9999), F.lit(12), F.lit(31))


def first_day(period: Column) -> Column:
    """First day of a year, month or day."""
    return F.to_date(F.left(F.concat(period, F.lit("-01-01")), F.lit(10)))


def successors(succession: DataFrame) -> DataFrame:
    """``code``, ``head``, ``since``, ``until``: a code's rows count for ``head`` from ``since`` on, before ``until``.

    Args:
        succession: rows of core.succession of all years up to the last one to compute.
    """
    since = F.col("valid_from_date")
    return _spans_of(succession, F.col("from_uscc"), F.col("to_uscc"), since)


def _spans_of(rows: DataFrame, code: Column, head: Column, since: Column) -> DataFrame:
    """Each row holds until the code's next one; a disputed code has no successor and gets no span."""
    order = Window.partitionBy("code").orderBy("since", "head")
    return (
        rows.select(
            code.alias("code"), F.when(~F.col("is_disputed"), head).alias("head"), since.alias("since")
        )
        .coalesce(1)  # a few thousand rows: no shuffle
        .withColumn("until", F.coalesce(F.lead("since").over(order), never()))
        .where("head IS NOT NULL AND since < until")
    )


def behind(rows: DataFrame, spans: DataFrame, column: str = "uscc", period: str = "period") -> DataFrame:
    """The rows with each code replaced by the enterprise behind it; codes without a successor stay.

    Args:
        spans: of :func:`successors`; a few thousand rows, broadcast.
        period: the column with the rows' period; its first day decides.
    """
    found = _with_successor(rows, spans, F.col(column), period)
    return found.withColumn(column, F.coalesce("_head", column)).drop("_head")


def _with_successor(rows: DataFrame, spans: DataFrame, code: Column, period: str) -> DataFrame:
    known = spans.select(*(F.col(c).alias(f"_{c}") for c in ("code", "head", "since", "until")))
    day = first_day(F.col(period))
    holds = (code == F.col("_code")) & (day >= F.col("_since")) & (day < F.col("_until"))
    return rows.join(F.broadcast(known), holds, "left").drop("_code", "_since", "_until")


def resolve(
    rows: DataFrame,
    column: str,
    identifiers: DataFrame,
    *,
    period: str = "period",
    into: str | None = None,
) -> DataFrame:
    """The enterprise behind any code: a credit code, a registration number (15) or an organisation code (9).

    Missing for an enterprise that the platform does not know (outside Ningbo, for example), and for a disputed code.

    Args:
        column: holds the codes; it is replaced, or kept if ``into`` names another one.
        identifiers: core.enterprise_identifier of all years up to the rows' last one.
        period: the column with the rows' year or month; its first day decides.
    """
    code, day = F.col(column), first_day(F.col(period))
    told = first_day(F.col("year"))
    known = (
        identifiers.where(F.col("identifier_kind_code").isin("registration_number", "organisation_code"))
        .groupBy(F.col("identifier").alias("_key"), F.col("uscc").alias("_own"))
        .agg(
            F.min(told).alias("_from"),
            F.coalesce(F.min(F.when(F.col("is_disputed"), told)), never()).alias("_until"),
        )
    )
    # a credit code is looked up by its organisation code, so that the table holds each firm only once
    is_full = F.length(code) == 18
    key = F.when(is_full, F.substring(code, 9, 9)).otherwise(code)
    fits = F.when(is_full, F.col("_own") == code).otherwise(day < F.col("_until"))
    found = rows.join(
        F.broadcast(known), (key == F.col("_key")) & (day >= F.col("_from")) & fits, "left"
    ).drop("_key", "_from", "_until")
    base = F.coalesce("_own", F.when(is_full, code))
    return (
        _with_successor(found, recorded_successors(identifiers), base, period)
        .withColumn(into or column, F.coalesce("_head", "_own"))
        .drop("_head", "_own")
    )


def recorded_successors(identifiers: DataFrame) -> DataFrame:
    """:func:`successors`, read from core.enterprise_identifier."""
    since = F.when(F.col("is_disputed"), first_day(F.col("year"))).otherwise(F.col("valid_from_date"))
    codes = identifiers.where(F.col("identifier_kind_code").isin(sorted(set(SUCCEEDED.values()))))
    return _spans_of(codes, F.col("identifier"), F.col("uscc"), since)
