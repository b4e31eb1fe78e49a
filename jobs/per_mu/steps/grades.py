"""Totals, ranks, quotas and grades of units 总分、名次与分档: the same for enterprises and for other objects.

Initial grade 初评等级: by rank and quota alone. Final grade 调档后等级: after vetoes, places refilled if the rule set
says so, and protections from D (Changle 2023: a veto overrides the protection of new firms). Quotas are rounded as in
published practice: A and B floor, D ceil or floor, C gets the rest. The shares of A and B are maxima, that of D a
minimum. Exempt and protected firms may count in the base, so a small list may have fewer units than places; D is then
filled first. No document says how ties are broken. The order is total, then tax per mu. Units equal in both share their
rank; a code decides nothing.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window, WindowSpec
from pyspark.sql import functions as F

from jobs.columns.rows import whole
from jobs.columns.values import no_texts, present
from jobs.per_mu.rules.frames import BY_DISTRICT, BY_GROUP, BY_LIST, Items, district_frame, list_frame
from jobs.per_mu.steps.ranking import percentile, ranking_order

ZERO = "decimal(24,6)"
#: Effects of vetoes and protections on a grade; each is a column with the codes that have it.
EFFECTS = ("direct_d", "not_above_c", "not_below_c")
#: Seats of a group by grade, with the columns of its share and rounding.
QUOTAS = {
    "quota_a": ("share_a", "round_a"),
    "quota_b": ("share_b", "round_b"),
    "quota_d": ("share_d", "round_d"),
}


def graded_units(units: DataFrame, items: Items) -> DataFrame:
    """Units with total, rank, percentile, initial and final grade and its reasons.

    A unit has a ``uscc`` (or another object's code under this name), the columns of :data:`BY_GROUP`,
    ``indicator_score`` and ``tax_per_mu`` of :func:`totals`, points ``bonus`` and ``penalty`` before caps, and the
    codes of each of :data:`EFFECTS`. Its group's ``exempt_firms`` and ``protected_firms`` may count in the quota's
    base.
    """
    session = units.sparkSession
    rules = district_frame(session, items)
    of_points = rules.select(*BY_DISTRICT, "bonus_cap", "penalty_cap", "veto_overrides")
    return (
        units.join(of_points, BY_DISTRICT, "inner")
        .transform(_with_total)
        .transform(_with_places)
        # windows sort their rows, so that each column they carry costs: what they do not need joins after them
        .join(rules.select(*BY_DISTRICT, "rule_set_id", "rule_set_hash"), BY_DISTRICT, "inner")
        .join(list_frame(session, items), BY_LIST, "inner")
        .transform(_with_seats, carries=any(r.quota_of(code).carry for _, _, r in items for code in r.lists))
        .transform(_with_unit_grades)
    )


def totals(indicator_value: DataFrame) -> DataFrame:
    """One row per unit: the sum of its scores, and the tax per mu that orders equal totals."""
    return indicator_value.groupBy("uscc", "year").agg(
        F.sum("score").cast(ZERO).alias("indicator_score"),
        F.max(F.when(F.col("indicator_code") == "I1", F.col("value"))).alias("tax_per_mu"),
    )


def filled_effects() -> dict[str, Column]:
    """The columns of effects, empty for a firm without adjustments."""
    return {effect: F.coalesce(effect, no_texts()) for effect in EFFECTS}


def _with_total(units: DataFrame) -> DataFrame:
    zero = F.lit(0)
    return (
        units.withColumns(
            {
                # least() skips a missing cap
                "bonus_points": F.least(F.coalesce("bonus", zero), "bonus_cap").cast("decimal(9,4)"),
                "penalty_points": F.least(F.coalesce("penalty", zero), "penalty_cap").cast("decimal(9,4)"),
                **filled_effects(),
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
    ``last_*`` and ``first_*`` by the total alone. A unit that is not among them has places among its like, which
    nobody reads.
    """
    kept_from_d = (F.size("not_below_c") > 0) & ~F.col("veto_overrides")
    seated = ~F.col("is_direct_d")
    order = ranking_order(F.col("descending_total"))
    places = {"rank_in_list": F.rank().over(Window.partitionBy(*BY_GROUP).orderBy(*order))}
    # no window has a unit's equals as its partition: most units have none, and each partition has a cost
    for among, kind in {"all": [], "unvetoed": [~F.col("is_vetoed")], "seated": [seated]}.items():
        here = Window.partitionBy(*BY_GROUP, *kind)
        by_total = here.orderBy("descending_total")
        places |= {
            f"place_{among}": F.count("*").over(_down_to_equals(here.orderBy(*order))),
            f"last_{among}": F.count("*").over(_down_to_equals(by_total)),
            f"first_{among}": F.rank().over(by_total),
        }
    in_list = whole(*BY_GROUP)
    return (
        units.withColumns({name: place.cast("int") for name, place in places.items()})
        .withColumns(
            {
                "is_tie": F.col("last_all") > F.col("first_all"),
                "list_size": F.count("*").over(in_list).cast("int"),
                "seated_size": F.count(F.when(seated, 1)).over(in_list).cast("int"),
                "to_d": F.count(F.when(F.col("is_direct_d") & ~kept_from_d, 1)).over(in_list),
            }
        )
        .withColumn("percentile_pct", percentile(F.col("rank_in_list"), F.col("list_size")))
    )


def _down_to_equals(ordered: WindowSpec) -> WindowSpec:
    return ordered.rangeBetween(Window.unboundedPreceding, Window.currentRow)


def _with_seats(units: DataFrame, carries: bool) -> DataFrame:
    """Seats of A, B and D of each unit's group.

    If places carry, a group has the rounded seats of all groups down to it, less those of the groups before it: the
    fractions that rounding leaves pass on, and the district as a whole has as many seats as its firms give it.
    """
    if not carries:
        return units.withColumns(
            {seats: _rounded(_exact(share), rounding) for seats, (share, rounding) in QUOTAS.items()}
        )
    known = [*BY_GROUP, "list_place", "carry", *(c for pair in QUOTAS.values() for c in pair)]
    counted = ["list_size", "count_exempt", "count_protected", "exempt_firms", "protected_firms"]
    above = (
        Window.partitionBy(*BY_DISTRICT)
        .orderBy("list_place", "ranking_group")
        .rowsBetween(Window.unboundedPreceding, -1)
    )
    nothing = F.lit(0).cast("decimal(20,6)")
    groups = units.select(*known, *counted).distinct()
    for seats, (share, rounding) in QUOTAS.items():
        passed = F.when(F.col("carry"), F.coalesce(F.sum(_exact(share)).over(above), nothing)).otherwise(
            nothing
        )
        groups = groups.withColumn("passed", passed.cast("decimal(20,6)")).withColumn(
            seats,
            _rounded(F.col("passed") + _exact(share), rounding) - _rounded(F.col("passed"), rounding),
        )
    return units.join(F.broadcast(groups.select(*BY_GROUP, *QUOTAS)), BY_GROUP, "inner")


def _exact(share: str) -> Column:
    """Seats of a group before rounding: the share of the quota's base."""
    base = (
        F.col("list_size")
        + F.when(F.col("count_exempt"), F.coalesce("exempt_firms", F.lit(0))).otherwise(0)
        + F.when(F.col("count_protected"), F.coalesce("protected_firms", F.lit(0))).otherwise(0)
    )
    return base.cast("decimal(10,0)") * F.col(share)


def _rounded(exact: Column, rounding: str) -> Column:
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
        .transform(with_final_grade)
    )


def with_final_grade(firms: DataFrame) -> DataFrame:
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
