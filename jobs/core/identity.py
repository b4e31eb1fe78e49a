"""Who and where: row identifiers, districts, flags, and the enterprise behind a code (一企一码).

An absorbed firm, a code before the present one and a branch have a *successor*. Rows under their code count for
it from the day of the change on: a row whose period begins that day or later. Three rules make that safe:

* What is told in a year counts from that year on, never before, however long ago it happened: results of earlier
  years do not change by it.
* Successors are followed to the last (A into B, B into C), each step from its own day on.
* A code that two firms claim, and codes whose successors run in a circle, are in dispute from the year in which
  that is known. They have no successor then: their rows stay where the sender put them.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.columns import present
from schemas.contract import code_list

#: Ningbo as a whole, for what belongs to no district.
UNDIVIDED = "330200"


def row_id(*key: str) -> Column:
    """Deterministic identifier of a row: hash of its key."""
    return F.md5(F.concat_ws("|", *key))


def present_district(code: Column) -> Column:
    """Today's district of a code; abolished ones are those they were merged into (GB/T 2260), else null."""
    successors = {c: row["successor"] for c, row in code_list("former_district").items()}
    table = F.create_map(*(F.lit(x) for pair in successors.items() for x in pair))
    today = F.coalesce(F.try_element_at(table, code), code)
    return F.when(today.isin([c for c in code_list("district") if c != UNDIVIDED]), today)


def flags(**conditions: Column) -> Column:
    """Names of the conditions that hold, sorted; an empty array when none does."""
    named = (F.when(conditions[name], F.lit(name)) for name in sorted(conditions))
    return present(*named)


# --- successors ------------------------------------------------------------------------------------------

#: Kinds of change by which a code gets a successor, and what the code is then called among the identifiers.
SUCCEEDED = {"merge": "former_uscc", "succession": "former_uscc", "branch": "branch_code"}


#: Steps that are followed; what goes on longer is a case for review.
LONGEST = 16


def never() -> Column:
    """The day on which what has no end ends."""
    return F.make_date(F.lit(9999), F.lit(12), F.lit(31))


def first_day(period: Column) -> Column:
    """First day of a year, month or day."""
    return F.to_date(F.left(F.concat(period, F.lit("-01-01")), F.lit(10)))


def followed(events: DataFrame) -> DataFrame:
    """One row for each code with a successor: who it is from when on, and from when on that is in dispute.

    Columns: ``code``, ``kind`` (of identifier), ``claims`` (in the order in which they were told), ``spans``
    (``since``, ``head``; empty where it was never clear), ``until``, ``is_cycle``. A city has some thousand changes at
    most: they are followed in arrays on one partition, with no join for each step and nothing to shuffle.

    Args:
        events: rows of core.identity_event of all years up to the last one that is made.
    """
    kind = F.col("identity_event_kind_code")
    told = first_day(F.col("year"))
    claim = F.struct(
        told.alias("told"),
        F.greatest("valid_from_date", told).alias("since"),
        F.col("to_uscc").alias("head"),
        "known_at",
        (kind == "branch").alias("is_branch"),
    )
    first, others = F.get("claims", F.lit(0)), F.get(_of_others(), F.lit(0))
    codes = (
        events.where(kind.isin(list(SUCCEEDED)))
        .coalesce(1)
        .groupBy(F.col("from_uscc").alias("code"))
        .agg(F.array_sort(F.collect_list(claim)).alias("claims"))
        .withColumn(
            "step",
            F.struct(
                "code",
                first["head"].alias("head"),
                F.array_min(F.filter("claims", lambda c: c["head"] == first["head"])["since"]).alias("since"),
                first["told"].alias("told"),
                # who claims the code second puts it in dispute, from the year in which that is told
                F.coalesce(others["told"], never()).alias("until"),
            ),
        )
        .localCheckpoint()
    )
    links = codes.agg(F.map_from_entries(F.collect_list(F.struct("code", "step"))).alias("links"))
    # a stop after each step: the next one names its arrays many times, and Spark would put their whole formula in each
    # place, which took a minute of planning for a dozen rows
    return (
        codes.crossJoin(F.broadcast(links))
        .withColumn("path", _path())
        .localCheckpoint()
        .transform(_without_cycle)
        .localCheckpoint()
        .withColumn("until", F.get("path", F.lit(0))["until"])
        .withColumn("spans", _spans())
        .withColumn("kind", F.when(first["is_branch"], "branch_code").otherwise("former_uscc"))
        .select("code", "kind", "claims", "spans", "until", "is_cycle")
        .localCheckpoint()
    )


def _of_others() -> Column:
    """Claims of another firm than the one that claimed the code first."""
    first = F.get("claims", F.lit(0))["head"]
    return F.filter("claims", lambda c: c["head"] != first)


def _path() -> Column:
    """Steps from the code to its last successor, whatever their days; a circle is gone round once."""

    def longer(path: Column, _: Column) -> Column:
        following = F.try_element_at(F.col("links"), F.element_at(path, -1)["head"])
        codes = path["code"]
        # one that is missing or was passed before is no step further
        return F.concat(path, F.filter(F.array(following), lambda s: ~F.array_contains(codes, s["code"])))

    return F.aggregate(F.sequence(F.lit(2), F.lit(LONGEST)), F.array("step"), longer)


def _without_cycle(codes: DataFrame) -> DataFrame:
    """End the steps of a circle in the year in which it closes, if none of them was in dispute by then.

    A path that has not come to its end is held for one.
    """
    last = F.element_at("path", -1)["head"]
    goes_on = (F.size("path") == LONGEST) & F.map_contains_key("links", last)
    enters = F.array_position(F.col("path")["code"], last)
    cycle = F.slice("path", F.greatest("enters", F.lit(1)), F.size("path"))
    closes = F.array_max(cycle["told"])
    is_closed = (F.col("enters") > 0) & F.forall(cycle, lambda s: s["until"] > closes)

    def ended(step: Column, place: Column) -> Column:
        until = F.when(place + 1 >= F.col("enters"), F.col("closes")).otherwise(step["until"])
        return step.withField("until", until)

    return (
        codes.withColumn("enters", F.when((enters == 0) & goes_on, F.lit(1)).otherwise(enters))
        .withColumn("closes", F.when(is_closed, closes))
        .withColumn("is_cycle", F.col("closes").isNotNull() & (F.col("enters") == 1))
        .withColumn(
            "path", F.when(F.col("closes").isNull(), F.col("path")).otherwise(F.transform("path", ended))
        )
    )


def _spans() -> Column:
    """From which day on who is the last successor, while the code's own step holds."""
    first = F.get("path", F.lit(0))
    days = F.array_sort(F.array_distinct(F.concat(F.col("path")["since"], F.col("path")["until"])))
    days = F.filter(days, lambda day: (day >= first["since"]) & (day < first["until"]))

    def head(day: Column) -> Column:
        holds = F.transform("path", lambda step: (step["since"] <= day) & (day < step["until"]))
        broken = F.array_position(holds, False)
        steps = F.when(broken == 0, F.size("path")).otherwise(broken - 1)
        return F.struct(day.alias("since"), F.get("path", (steps - 1).cast("int"))["head"].alias("head"))

    heads = F.transform(days, head)
    return F.filter(heads, lambda h, i: (i == 0) | (h["head"] != F.get(heads, i - 1)["head"]))


def successors(succession: DataFrame) -> DataFrame:
    """``code``, ``head``, ``since``, ``until``: whom a code's rows count for from which day to before which.

    Args:
        succession: rows of core.succession of all years up to the last one that is made.
    """
    since = F.col("valid_from_date")
    return _spans_of(succession, F.col("from_uscc"), F.col("to_uscc"), since)


def _spans_of(rows: DataFrame, code: Column, head: Column, since: Column) -> DataFrame:
    """Each row holds until the code's next one; what is in dispute stands for itself."""
    order = Window.partitionBy("code").orderBy("since", "head")
    return (
        rows.select(
            code.alias("code"), F.when(~F.col("is_disputed"), head).alias("head"), since.alias("since")
        )
        .coalesce(1)  # some thousand rows: nothing to shuffle
        .withColumn("until", F.coalesce(F.lead("since").over(order), never()))
        .where("head IS NOT NULL AND since < until")
    )


def behind(rows: DataFrame, spans: DataFrame, column: str = "uscc", period: str = "period") -> DataFrame:
    """The rows with the enterprise behind each code in its place; codes without a successor stay.

    Args:
        spans: of :func:`successors`; some thousand rows, sent to where the rows are.
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

    Missing where the platform knows no such enterprise (one outside Ningbo, say), and where two firms claim the code.

    Args:
        column: holds the codes; it is replaced, or kept where ``into`` names another one.
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
    # a credit code is looked up by its organisation code, so that each firm stands in the table but once
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
    """:func:`successors` as core.enterprise_identifier has them."""
    since = F.when(F.col("is_disputed"), first_day(F.col("year"))).otherwise(F.col("valid_from_date"))
    codes = identifiers.where(F.col("identifier_kind_code").isin(sorted(set(SUCCEEDED.values()))))
    return _spans_of(codes, F.col("identifier"), F.col("uscc"), since)
