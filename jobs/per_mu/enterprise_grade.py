"""Grades 评价等级: totals, ranks, quotas, vetoes, protections.

Initial grade 初评等级: by rank and quota alone. Final grade 调档后等级: after vetoes, places refilled if the
rule set says so, and protections from D (Changle 2023: a veto overrides the protection of new firms).
Quotas are rounded as in published practice: A and B floor, D ceil or floor, C gets the rest. The shares of A and B are
maxima, that of D a minimum. Exempt and protected firms may count in the base, so a small list may have fewer units than
places; D is then filled first. No document says how ties are broken. The
order is total, then tax per mu. Units equal in both share their rank; a credit code decides nothing.

The module is one, above 300 lines: from total to final grade each step needs the one before.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.columns.rows import row_id, whole
from jobs.columns.values import no_texts, present
from jobs.job import Input, Job
from jobs.per_mu.rules.book import RuleBook
from jobs.per_mu.rules.frames import BY_DISTRICT, BY_LIST, district_frame, list_frame
from jobs.per_mu.rules.reading import rule_book
from jobs.per_mu.steps.explanation import explain_row
from jobs.per_mu.steps.ranking import percentile, ranking_order

ZERO = "decimal(24,6)"
#: Effects of vetoes and protections on a grade; each is a column with the codes that have it.
EFFECTS = ("direct_d", "not_above_c", "not_below_c")


def enterprise_grade(
    population: DataFrame,
    enterprise: DataFrame,
    indicator_value: DataFrame,
    adjustment: DataFrame,
    rules: RuleBook,
) -> DataFrame:
    """One row per graded enterprise and year, version 1; tenants that follow a holder share its result."""
    session = population.sparkSession
    graded = population.where("eval_status_code = 'graded'")
    units = (
        graded.where("unit_role_code = 'own'")
        .select("uscc", "year", "district_code", "list_code")
        .join(_totals(indicator_value), ["uscc", "year"], "inner")
        .join(_points(adjustment), ["uscc", "year"], "left")
        .join(district_frame(session, rules.items()), BY_DISTRICT, "inner")
        .join(list_frame(session, rules.items()), BY_LIST, "inner")
        .join(F.broadcast(_left_out(population)), BY_LIST, "left")
        .transform(_with_total)
        .transform(_with_places)
        .transform(_with_unit_grades)
    )
    return (
        _shared(graded, units, adjustment)
        .join(enterprise.select("uscc", "year", "enterprise_name"), ["uscc", "year"], "inner")
        .withColumns(
            {
                "evaluation_version": F.lit(1),
                "supersedes": F.lit(None).cast("int"),
                "status_code": F.lit("initial"),
            }
        )
        .withColumn("row_id", row_id("uscc", "year", "evaluation_version", algorithm="sha256"))
        .select(
            "uscc", "year", "enterprise_name", "final_grade", "total_score", "rank_in_list", "list_size",
            "percentile_pct", "district_code", "town_code", "list_code", "initial_grade", "grade_reasons",
            "indicator_score", "bonus_points", "penalty_points", "is_tie", "evaluation_uscc",
            "evaluation_version", "supersedes", "status_code", "rule_set_id", "rule_set_hash", "row_id",
        )
    )  # fmt: skip


def _totals(indicator_value: DataFrame) -> DataFrame:
    return indicator_value.groupBy("uscc", "year").agg(
        F.sum("score").cast(ZERO).alias("indicator_score"),
        F.max(F.when(F.col("indicator_code") == "I1", F.col("value"))).alias("tax_per_mu"),
    )


def _points(adjustment: DataFrame) -> DataFrame:
    """One row per firm with adjustments: points before caps, vetoes and protections."""
    points = F.col("points")
    return adjustment.groupBy("uscc", "year").agg(
        F.sum(F.when(points > 0, points).otherwise(F.lit(0))).cast("decimal(18,4)").alias("bonus"),
        F.sum(F.when(points < 0, -points).otherwise(F.lit(0))).cast("decimal(18,4)").alias("penalty"),
        *(_codes_of(effect).alias(effect) for effect in EFFECTS),
    )


def _codes_of(effect: str) -> Column:
    """Codes of the vetoes or protections with this effect, in a fixed order."""
    return F.array_sort(F.collect_set(F.when(F.col("effect_code") == effect, F.col("adjustment_code"))))


def _filled_effects() -> dict[str, Column]:
    """The columns of effects, empty for a firm without adjustments."""
    return {effect: F.coalesce(effect, no_texts()) for effect in EFFECTS}


def _left_out(population: DataFrame) -> DataFrame:
    """Numbers of exempt and protected firms by list; some rule sets count them in the quota's base."""
    status = F.col("eval_status_code")
    return population.groupBy(*BY_LIST).agg(
        F.count(F.when(status == "exempt", 1)).alias("exempt_firms"),
        F.count(F.when(status == "protected", 1)).alias("protected_firms"),
    )


def _with_total(units: DataFrame) -> DataFrame:
    zero = F.lit(0)
    return (
        units.withColumns(
            {
                # least() skips a missing cap
                "bonus_points": F.least(F.coalesce("bonus", zero), "bonus_cap").cast("decimal(9,4)"),
                "penalty_points": F.least(F.coalesce("penalty", zero), "penalty_cap").cast("decimal(9,4)"),
                **_filled_effects(),
            }
        )
        .withColumn(
            "total_score",
            (F.col("indicator_score") + F.col("bonus_points") - F.col("penalty_points")).cast(ZERO),
        )
        .withColumns(
            {
                "is_direct_d": F.size("direct_d") > 0,
                "is_vetoed": (F.size("direct_d") > 0) | (F.size("not_above_c") > 0),
                "descending_total": -F.col("total_score"),
            }
        )
    )


def _with_places(units: DataFrame) -> DataFrame:
    """Ranks in the list, and the places that count at a quota's edge.

    A place is the number of units at or above a unit: equal units have their worst place. Places are counted among all
    units, among those without a veto, and among those that no veto puts into D; ``place_*`` by the ranking order,
    ``last_*`` and ``first_*`` by the total alone.
    """
    order = ranking_order(F.col("descending_total"))
    in_list = Window.partitionBy(*BY_LIST).orderBy(*order)
    down_to_equals = in_list.rangeBetween(Window.unboundedPreceding, Window.currentRow)
    ties = whole(*BY_LIST, "descending_total")
    kept_from_d = (F.size("not_below_c") > 0) & ~F.col("veto_overrides")
    among = {"all": F.lit(True), "unvetoed": ~F.col("is_vetoed"), "seated": ~F.col("is_direct_d")}
    return (
        units.withColumn("rank_in_list", F.rank().over(in_list).cast("int"))
        .withColumns(
            {f"place_{a}": F.count(F.when(c, 1)).over(down_to_equals).cast("int") for a, c in among.items()}
        )
        .withColumns(
            {
                **{f"last_{a}": F.max(f"place_{a}").over(ties) for a in among},
                **{f"tied_{a}": F.count(F.when(c, 1)).over(ties).cast("int") for a, c in among.items()},
                "is_tie": F.count("*").over(ties) > 1,
            }
        )
        .withColumns(
            {
                **{f"first_{a}": F.col(f"last_{a}") - F.col(f"tied_{a}") + 1 for a in among},
                "list_size": F.count("*").over(whole(*BY_LIST)).cast("int"),
                "seated_size": F.count(F.when(among["seated"], 1)).over(whole(*BY_LIST)).cast("int"),
                "to_d": F.count(F.when(F.col("is_direct_d") & ~kept_from_d, 1)).over(whole(*BY_LIST)),
            }
        )
        .withColumn("percentile_pct", percentile(F.col("rank_in_list"), F.col("list_size")))
    )


def _quota(share: str, rounding: str) -> Column:
    """Number of firms for a share of the quota's base."""
    base = (
        F.col("list_size")
        + F.when(F.col("count_exempt"), F.coalesce("exempt_firms", F.lit(0))).otherwise(0)
        + F.when(F.col("count_protected"), F.coalesce("protected_firms", F.lit(0))).otherwise(0)
    )
    exact = base.cast("decimal(10,0)") * F.col(share)
    return (
        F.when(F.col(rounding) == "floor", F.floor(exact))
        .when(F.col(rounding) == "ceil", F.ceil(exact))
        .otherwise(F.floor(exact + F.lit("0.5").cast("decimal(2,1)")))
        .cast("int")
    )


def _place(among: str) -> Column:
    """Place that counts at a quota's edge.

    By the ranking order, in which units still equal have their worst place: shares of A and B are maxima, that of D is
    a minimum. Or all units of one total at their best place (in), or at their worst (out).
    """
    return (
        F.when(F.col("edge") == "all_in", F.col(f"first_{among}"))
        .when(F.col("edge") == "all_out", F.col(f"last_{among}"))
        .otherwise(F.col(f"place_{among}"))
    )


def _grade(place: Column, at_bottom: Column) -> Column:
    """Grade by rank: D at the bottom, A and B from the top, C between."""
    return (
        F.when(at_bottom, "D")
        .when(place <= F.col("quota_a"), "A")
        .when(place <= F.col("quota_a") + F.col("quota_b"), "B")
        .otherwise("C")
    )


def _with_unit_grades(units: DataFrame) -> DataFrame:
    """Initial grade over all units; with refill, also ``ranked_grade`` by the places that vetoes leave.

    Places in A and B are for units without a veto. Places in D are for all units but those that a veto puts into D; a
    unit that may not be above C is ranked among them like any other.
    """
    # Firms put into D by a veto fill the D quota first, if the rule set says so.
    left_d = F.greatest(F.col("quota_d") - F.when(F.col("vetoed_in_d"), F.col("to_d")).otherwise(0), F.lit(0))
    at_bottom = F.col("place_for_d") > F.col("seated_size") - left_d
    return (
        units.withColumns(
            {
                "quota_a": _quota("share_a", "round_a"),
                "quota_b": _quota("share_b", "round_b"),
                "quota_d": _quota("share_d", "round_d"),
                "place": _place("all"),
                "place_among": _place("unvetoed"),
                "place_for_d": _place("seated"),
            }
        )
        .withColumn(
            "initial_grade", _grade(F.col("place"), F.col("place") > F.col("list_size") - F.col("quota_d"))
        )
        .withColumn(
            "ranked_grade",
            F.when(~F.col("refill") | F.col("is_direct_d"), F.col("initial_grade"))
            .when(~F.col("is_vetoed"), _grade(F.col("place_among"), at_bottom))
            .when(at_bottom, "D")
            .when(F.col("initial_grade") == "D", "C")
            .otherwise(F.col("initial_grade")),
        )
        .transform(_with_final_grade)
    )


def _with_final_grade(firms: DataFrame) -> DataFrame:
    """Vetoes, then protections, applied to ``ranked_grade``; every change records its reason."""
    none = no_texts()
    to_d, to_c = F.size("direct_d") > 0, F.size("not_above_c") > 0
    vetoed = (
        F.when(to_d, "D")
        .when(to_c & F.col("ranked_grade").isin("A", "B"), "C")
        .otherwise(F.col("ranked_grade"))
    )
    saved = (F.size("not_below_c") > 0) & (F.col("vetoed_grade") == "D") & ~(to_d & F.col("veto_overrides"))
    moved = F.col("ranked_grade") != F.col("initial_grade")
    return (
        firms.withColumn("vetoed_grade", vetoed)
        .withColumn("final_grade", F.when(saved, "C").otherwise(F.col("vetoed_grade")))
        .withColumn(
            "grade_reasons",
            F.concat(
                present(F.when(moved, F.lit("refill"))),
                F.when(to_d | to_c, F.concat("direct_d", "not_above_c")).otherwise(none),
                F.when(saved, F.col("not_below_c")).otherwise(none),
            ),
        )
    )


def _shared(graded: DataFrame, units: DataFrame, adjustment: DataFrame) -> DataFrame:
    """Every graded firm with its own result, or its unit's.

    A tenant's initial grade is the unit's final grade. Its own vetoes and protections then apply to it alone; the
    holder's grade does not change by them.
    """
    own = F.col("unit_role_code") == "own"
    of_unit = ("initial_grade", "final_grade", "grade_reasons", "rank_in_list", "percentile_pct")
    results = units.select(
        F.col("uscc").alias("evaluation_uscc"), "year", "indicator_score", "bonus_points", "penalty_points",
        "total_score", "list_size", "is_tie", "veto_overrides", *(F.col(c).alias(f"unit_{c}") for c in of_unit),
    )  # fmt: skip
    how = F.when(F.col("unit_role_code") == "inherits", "inherited:").otherwise("shared:")
    follower_reasons = F.concat(present(F.concat(how, "evaluation_uscc")), "grade_reasons")
    return (
        graded.join(results, ["evaluation_uscc", "year"], "inner")
        .join(_points(adjustment).drop("bonus", "penalty"), ["uscc", "year"], "left")
        .withColumns(
            {
                "ranked_grade": F.col("unit_final_grade"),
                "initial_grade": F.when(own, F.col("unit_initial_grade")).otherwise(
                    F.col("unit_final_grade")
                ),
                **_filled_effects(),
            }
        )
        .transform(_with_final_grade)
        .withColumns(
            {
                "final_grade": F.when(own, F.col("unit_final_grade")).otherwise(F.col("final_grade")),
                "grade_reasons": F.when(own, F.col("unit_grade_reasons")).otherwise(follower_reasons),
                "rank_in_list": F.when(own, F.col("unit_rank_in_list")),
                "percentile_pct": F.when(own, F.col("unit_percentile_pct")),
            }
        )
    )


JOB = Job(
    table="per_mu.enterprise_grade",
    transform=enterprise_grade,
    inputs={
        "population": Input("per_mu.population"),
        "enterprise": Input("core.enterprise"),
        "indicator_value": Input("per_mu.indicator_value"),
        "adjustment": Input("per_mu.adjustment"),
    },
    rules=rule_book,
    evidence={
        "per_mu.population": {"uscc": "uscc", "year": "year"},
        "per_mu.indicator_value": {"uscc": "evaluation_uscc", "year": "year"},
        "per_mu.adjustment": {"uscc": "uscc", "year": "year"},
    },
    explain=explain_row,
)
