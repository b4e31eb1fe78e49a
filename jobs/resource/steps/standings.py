"""Grades as they stood: each firm's grade and its consecutive years in D, before and after every correction.

What a district published stands, whatever is computed since; before it publishes, what is computed does. A correction
is a further version of the published list; a firm that it leaves out has no grade any more.

States of a firm are ordered by the year that was corrected, then by version; in a state all corrections up to it are
applied. So the change that each correction brings is a difference of two neighbouring states, and the differences sum
to the whole change.

A firm that got another credit code (former_uscc in core.succession) keeps the years in D of its former code: a new
code does not begin a new count.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.columns.rows import materialised

FIRM = ["uscc", "year"]
STATE = ["uscc", "corrected_year", "corrected_version"]
#: The state before any correction.
NEVER = "0000"


def standings(grades: DataFrame, succession: DataFrame, gap_interrupts: bool) -> DataFrame:
    """One row per firm, year and state: grade, version and consecutive years in D, the year included.

    Args:
        grades: of :func:`results`, up to the last year to compute.
        gap_interrupts: a year without a grade interrupts consecutive years in D.
    """
    # each is read several times; without files the plan of a reader would have more than a hundred joins
    known = materialised(_with_former_codes(grades, succession))
    return materialised(
        _in_states(known)
        .transform(_with_years_in_d, gap_interrupts)
        .where("is_own AND corrected_year <= year")
        .drop("is_own")
    )


def results(grades: DataFrame, publications: DataFrame) -> DataFrame:
    """Grades of complete years by version, and ``published_date`` of the first version, missing before publication.

    Args:
        grades: per_mu.enterprise_grade, one row per firm and year; a pre-evaluation on part of a year has no
            consequences.
        publications: per_mu.publication; each version is a district's whole list.
    """
    place = ["district_code", "year"]
    versions = publications.select(*place, "evaluation_version").distinct()
    first = publications.groupBy(*place).agg(F.min("decided_date").alias("published_date"))
    listed = publications.select(*FIRM, "evaluation_version", "final_grade")
    # the list of the last version in which the firm stood names it in the others
    firms = publications.groupBy(*FIRM, "district_code").agg(F.max("list_code").alias("list_code"))
    published = (
        firms.join(F.broadcast(versions), place, "inner")
        .join(listed, [*FIRM, "evaluation_version"], "left")
        .join(F.broadcast(first), place, "inner")
    )
    computed = (
        grades.where("figures_as_of = year")
        .join(F.broadcast(first.select(*place)), place, "left_anti")
        .withColumns({"evaluation_version": F.lit(1), "published_date": F.lit(None).cast("date")})
    )
    columns = [*FIRM, "evaluation_version", "final_grade", "district_code", "list_code", "published_date"]
    return computed.select(*columns).unionByName(published.select(*columns))


def _with_former_codes(grades: DataFrame, succession: DataFrame) -> DataFrame:
    """The grades, with those of former codes once more under the code that followed, for its history alone.

    A code counts from the year in which it came to hold; one that was graded before is another firm's and inherits
    nothing.
    """
    own = grades.withColumn("is_own", F.lit(True))
    followed = (
        succession.where("identifier_kind_code = 'former_uscc' AND NOT is_disputed")
        .groupBy("from_uscc", "to_uscc")
        .agg(F.min("year").alias("since"))
    )
    first = own.groupBy(F.col("uscc").alias("to_uscc")).agg(F.min("year").alias("first_year"))
    followed = followed.join(first, "to_uscc", "inner").where("first_year >= since")
    former = (
        own.join(F.broadcast(followed), F.col("uscc") == F.col("from_uscc"), "inner")
        .where("year < since")
        .withColumn("uscc", F.col("to_uscc"))
        .withColumn("is_own", F.lit(False))
    )
    return own.unionByName(former.select(*own.columns))


def _in_states(known: DataFrame) -> DataFrame:
    """Every grade in every state of its firm in which it is the one that stands."""
    corrected = (
        known.where("evaluation_version > 1")
        .select(
            "uscc",
            F.col("year").alias("corrected_year"),
            F.col("evaluation_version").alias("corrected_version"),
        )
        .distinct()
    )
    last = known.where("evaluation_version > 1").groupBy(*FIRM).agg(F.max("evaluation_version").alias("last"))
    year, version = F.col("year"), F.col("evaluation_version")
    stands = (
        F.when(year < F.col("corrected_year"), version == F.coalesce("last", F.lit(1)))
        .when(year == F.col("corrected_year"), version == F.col("corrected_version"))
        .otherwise(version == 1)
    )
    # few results are ever corrected: broadcast these
    after = (
        known.join(F.broadcast(corrected), "uscc", "inner")
        .join(F.broadcast(last), FIRM, "left")
        .where(stands)
        .drop("last")
    )
    before = known.where("evaluation_version = 1").withColumns(
        {"corrected_year": F.lit(NEVER), "corrected_version": F.lit(1)}
    )
    return before.unionByName(after.select(*before.columns))


def _with_years_in_d(rows: DataFrame, gap_interrupts: bool) -> DataFrame:
    in_state = Window.partitionBy(*STATE).orderBy("year")
    so_far = in_state.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    of_span = Window.partitionBy(*STATE, "span").orderBy("year")
    is_d = F.coalesce(F.col("final_grade") == "D", F.lit(False))
    # a corrected list may leave a firm without a grade
    breaks = ~is_d if gap_interrupts else F.coalesce(F.col("final_grade") != "D", F.lit(False))
    if gap_interrupts:
        before = F.lag("year").over(in_state).cast("int")
        breaks = breaks | F.coalesce(F.col("year").cast("int") - before > 1, F.lit(False))
    count = F.sum(_one(is_d)).over(of_span.rowsBetween(Window.unboundedPreceding, Window.currentRow))
    return (
        rows.withColumn("breaks", _one(breaks))
        .withColumn("span", F.sum("breaks").over(so_far))
        .withColumn("years_in_d_count", F.when(is_d, count).otherwise(0).cast("int"))
        .drop("breaks", "span")
    )


def _one(condition: Column) -> Column:
    return F.when(condition, 1).otherwise(0)


def in_force(standing: DataFrame) -> DataFrame:
    """The last state of each firm and year: after all corrections of that year and of those before it."""
    ordered = standing.withColumn("state", _state())
    last = ordered.groupBy(*FIRM).agg(F.max("state").alias("state"))
    return ordered.join(last, [*FIRM, "state"], "left_semi").drop("state")


def _state() -> Column:
    """Order of states as one text."""
    return F.concat("corrected_year", F.lpad(F.col("corrected_version").cast("string"), 6, "0"))


def first_standing(standing: DataFrame) -> DataFrame:
    """The state before any correction."""
    return standing.where(F.col("corrected_year") == NEVER)
