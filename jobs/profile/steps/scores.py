"""Comprehensive scores of profiles, of years and months alike: a firm's percentile among its peers.

The rule is in ``evaluation.yml``. Scores are percentiles: a score changes when the firm moves among its peers, not
when all of them move. The change from the year before is like for like (同口径): over the dimensions of both years.
"""

from __future__ import annotations

from decimal import Decimal
from functools import reduce
from operator import add

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.columns.arithmetic import rounded_div
from jobs.columns.rows import materialised, whole
from jobs.columns.values import present
from jobs.profile.rules.evaluation import Evaluation
from jobs.rules.condition import compiled

KEY = ["uscc", "period"]
SCORE_TYPE = "decimal(9,4)"
CITY = "city"


def scores(profiles: DataFrame, asked: DataFrame, rules: Evaluation) -> DataFrame:
    """One row per firm in scope and period to compute; scores from 0 to 100.

    Args:
        profiles: profiles by ``period``: those of the periods to compute, and of the years before their figures.
        asked: the periods to compute with their ``figures_year``.
    """
    asked = F.broadcast(asked.distinct())
    # both are read several times below
    firms = materialised(in_scope(profiles, asked, rules).transform(with_peers, rules))
    scored = materialised(
        firms.drop("groups", *rules.indicators)
        .join(percentiles(firms, rules), KEY, "left")
        .transform(with_dimensions, rules)
        .transform(with_total, rules)
    )
    before = scored.select(
        "uscc",
        F.col("period").alias("before"),
        *(F.col(f"{d}_score").alias(f"before_{d}") for d in rules.dimensions),
    )
    return (
        scored.join(asked.select("period"), "period", "left_semi")
        .join(ranks(scored, firms), KEY, "left")
        .withColumn("before", (F.col("figures_year").cast("int") - 1).cast("string"))
        .join(before, ["uscc", "before"], "left")
        .transform(with_change, rules)
    )


def in_scope(profiles: DataFrame, asked: DataFrame, rules: Evaluation) -> DataFrame:
    """Firms to be scored in the periods to compute, and in the years before their figures."""
    before = asked.select((F.col("figures_year").cast("int") - 1).cast("string").alias("period"))
    periods = F.broadcast(asked.select("period").unionByName(before).distinct())
    columns = (*KEY, "year", "figures_year", "district_code", "industry_division_code", "size_class_code",
               "per_mu_as_of")  # fmt: skip
    return (
        profiles.join(periods, "period", "left_semi")
        .where(compiled(rules.in_scope))
        .select(*columns, *rules.indicators)
    )


def with_peers(firms: DataFrame, rules: Evaluation) -> DataFrame:
    """Each firm's narrowest group with enough firms; groups by a missing division or size class are skipped."""
    division, size = F.col("industry_division_code"), F.col("size_class_code")
    names = {"division_size": F.concat(division, F.lit("/"), size), "division": division, "size": size,
             CITY: F.lit(CITY)}  # fmt: skip
    levels = F.array(*(names[level] for level in rules.peers.levels))
    placed = firms.withColumn("groups", levels)
    each = placed.select(*KEY, F.posexplode("groups").alias("level", "peer_group")).where(
        "peer_group is not null"
    )
    large = (
        each.groupBy("period", "peer_group")
        .agg(F.count("*").alias("firms"))
        .where((F.col("firms") >= rules.peers.least) | (F.col("peer_group") == CITY))
    )
    first = (
        each.join(F.broadcast(large), ["period", "peer_group"], "inner")
        .groupBy(*KEY)
        .agg(F.min("level").alias("level"))
    )
    codes = F.array(*map(F.lit, rules.peers.levels))
    return (
        placed.join(first, KEY, "inner")
        .withColumn("peer_group", F.get("groups", F.col("level")))
        .withColumn("peer_level_code", F.get(codes, F.col("level")))
        .drop("level")
    )


def among_peers(values: DataFrame, used: DataFrame, *within: str) -> DataFrame:
    """For each value in each of its groups: the number of values, and of those at or below it.

    Args:
        values: key, groups and ``value``, more being better; missing values are left out.
        used: period and peer group of the groups to evaluate.
        within: further columns within which values are comparable.
    """
    members = (
        values.where("value is not null")
        .withColumn("peer_group", F.explode("groups"))
        .drop("groups")
        .join(F.broadcast(used.distinct()), ["period", "peer_group"], "left_semi")
    )
    group = ["period", "peer_group", *within]
    # a range frame includes all equal values
    upto = (
        Window.partitionBy(*group).orderBy("value").rangeBetween(Window.unboundedPreceding, Window.currentRow)
    )
    return members.withColumn("at_or_below", F.count("*").over(upto)).withColumn(
        "firms", F.count("*").over(whole(*group))
    )


def percentile() -> Column:
    """Share of values at or below, in percent with four digits, rounded half up."""
    steps = F.expr("(at_or_below * 2000000 + firms) div (firms * 2)")
    return (steps.cast("decimal(7,0)") * F.lit(Decimal("0.0001"))).cast(SCORE_TYPE)


def percentiles(firms: DataFrame, rules: Evaluation) -> DataFrame:
    """One row per firm and period with the percentile of each indicator among the firm's peers."""
    signed = [
        F.struct(
            F.lit(number).alias("number"),
            (F.col(name) if i.better == "more" else -F.col(name)).cast("decimal(24,6)").alias("value"),
        )
        for number, (name, i) in enumerate(rules.indicators.items())
    ]
    values = firms.select(*KEY, "groups", F.col("peer_group").alias("own"), F.inline(F.array(*signed)))
    return (
        among_peers(values, firms.select("period", "peer_group"), "number")
        .where("peer_group = own")
        .withColumn("percentile", percentile())
        .groupBy(*KEY)
        .agg(
            *(F.max(F.when(F.col("number") == n, F.col("percentile"))).alias(name)
              for n, name in enumerate(rules.indicators))
        )
    )  # fmt: skip


def with_dimensions(scored: DataFrame, rules: Evaluation) -> DataFrame:
    """Weighted means of the known indicators by dimension; the percentiles are kept as texts."""
    scores = {}
    for code, dimension in rules.dimensions.items():
        weights = {name: i.weight for name, i in dimension.indicators.items()}
        scores[f"{code}_score"] = weighted_mean(weights, rules.least_indicator_weight)
    told = (F.concat(F.lit(f"{name}="), F.col(name).cast("string")) for name in rules.indicators)
    return (
        scored.withColumn("indicator_percentiles", present(*told)).withColumns(scores).drop(*rules.indicators)
    )


def weighted_mean(weights: dict[str, Decimal], least: Decimal) -> Column:
    """Mean of the columns that are not null, with four digits; missing where they weigh less than ``least``."""
    points = reduce(add, (F.coalesce(F.col(c), F.lit(0)) * F.lit(w) for c, w in weights.items()))
    weight = reduce(
        add, (F.when(F.col(c).isNotNull(), F.lit(w)).otherwise(F.lit(0)) for c, w in weights.items())
    )
    return F.when(weight >= F.lit(least), quotient(points, weight))


def quotient(part: Column, by: Column) -> Column:
    """Quotient with four digits, rounded half up; both sides have six digits."""
    n, d = ((side.cast("decimal(18,6)") * F.lit(Decimal(10**6))).cast("decimal(18,0)") for side in (part, by))
    return (rounded_div(n * F.lit(Decimal(10**4)), d) * F.lit(Decimal("0.0001"))).cast(SCORE_TYPE)


def with_total(scored: DataFrame, rules: Evaluation) -> DataFrame:
    weights = {f"{code}_score": d.weight for code, d in rules.dimensions.items()}
    gone = (F.when(F.col(f"{code}_score").isNull(), F.lit(code)) for code in rules.dimensions)
    return scored.withColumns(
        {
            "comprehensive_score": weighted_mean(weights, rules.least_dimension_weight),
            "missing_dimensions": present(*gone),
        }
    )


def ranks(scored: DataFrame, firms: DataFrame) -> DataFrame:
    """Ranks by total among the peers and in the city; equal totals share the better rank."""
    totals = scored.select(
        *KEY, F.col("comprehensive_score").alias("value"), F.col("peer_group").alias("own")
    )
    used = firms.select("period", "peer_group")
    everyone = firms.select("period", F.lit(CITY).alias("peer_group"))
    placed = among_peers(totals.join(firms.select(*KEY, "groups"), KEY, "inner"), used.unionByName(everyone))
    place = (F.col("firms") - F.col("at_or_below") + 1).cast("int")
    own, in_city = F.col("peer_group") == F.col("own"), F.col("peer_group") == CITY
    return (
        placed.where(own | in_city)
        .withColumn("place", place)
        .withColumn("percentile", percentile())
        .groupBy(*KEY)
        .agg(
            F.max(F.when(own, F.col("place"))).alias("rank_in_peers"),
            F.max(F.when(own, F.col("firms"))).cast("int").alias("peer_count"),
            F.max(F.when(own, F.col("percentile"))).alias("peer_percentile_pct"),
            F.max(F.when(in_city, F.col("place"))).alias("rank_in_city"),
            F.max(F.when(in_city, F.col("firms"))).cast("int").alias("scored_count"),
        )
    )


def with_change(scored: DataFrame, rules: Evaluation) -> DataFrame:
    """Change from the year before over the dimensions of both years, and the dimension that contributes most to it.

    A dimension contributes its change times its weight among those dimensions; of equal contributions the first counts.
    """
    moved = {code: F.col(f"{code}_score") - F.col(f"before_{code}") for code in rules.dimensions}
    weight = reduce(
        add,
        (
            F.when(moved[c].isNotNull(), F.lit(d.weight)).otherwise(F.lit(0))
            for c, d in rules.dimensions.items()
        ),
    )
    points = {c: (moved[c] * F.lit(d.weight)).cast("decimal(18,6)") for c, d in rules.dimensions.items()}
    scored = scored.withColumns({f"_{c}": p for c, p in points.items()}).withColumn(
        "_weight",
        F.when(
            F.col("comprehensive_score").isNotNull() & (weight >= F.lit(rules.least_dimension_weight)), weight
        ),
    )
    every = [F.col(f"_{c}") for c in rules.dimensions]
    most = F.greatest(*(F.abs(p) for p in every))
    first = F.coalesce(
        *(F.when(F.abs(p) == F.col("_most"), F.lit(c)) for c, p in zip(rules.dimensions, every, strict=True))
    )
    part = F.coalesce(*(F.when(F.abs(p) == F.col("_most"), p) for p in every))
    known = F.col("_weight").isNotNull()
    return scored.withColumn("_most", most).withColumns(
        {
            "score_change": quotient(reduce(add, (F.coalesce(p, F.lit(0)) for p in every)), F.col("_weight")),
            "change_dimension_code": F.when(known & (F.col("_most") > 0), first),
            "change_part": F.when(F.col("_most") > 0, quotient(part, F.col("_weight"))),
        }
    )  # fmt: skip
