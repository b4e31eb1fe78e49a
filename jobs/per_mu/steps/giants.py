"""Giants 龙头企业: one definition for baselines and district figures.

A giant is told by the sums of its list's units, never by a baseline, so there is no circle. The rule set has the
thresholds; whoever reaches one of the list's two amounts, of tax contribution or of value added, is a giant. A firm
outside the grading is measured by the same amounts, because a district's figures include it.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.columns.arithmetic import VALUE_TYPE, median_of
from jobs.per_mu.rules.frames import BY_DISTRICT, BY_GROUP, Items, district_frame
from jobs.per_mu.steps.figures import DISTRICT_TAX

VALUE_ADDED = "value_added_wan_yuan"
#: Figure that can make a giant → the amount from which it does, in a row of ``giant_amounts``.
AMOUNTS = {DISTRICT_TAX: "giant_tax", VALUE_ADDED: "giant_value_added"}


def giant_amounts(units: DataFrame, items: Items) -> DataFrame:
    """One row per district, year, list and group: tax contribution and value added (万元) from which on one is a giant.

    An amount is missing where too few units report the figure. Losses do not lessen the sum.
    """
    parameters = district_frame(units.sparkSession, items).select(
        *BY_DISTRICT, "giant_share", "giant_times_median", "giant_from_units", "giant_reporting_share"
    )
    sums = [
        column
        for figure in AMOUNTS
        for column in (
            F.sum(F.when(F.col(figure) > 0, F.col(figure))).cast(VALUE_TYPE).alias(f"{figure}_sum"),
            F.sort_array(F.collect_list(figure)).alias(f"{figure}_ordered"),
        )
    ]
    return (
        units.groupBy(*BY_GROUP)
        .agg(F.count("*").alias("units"), *sums)
        .withColumns({f"{figure}_median": median_of(F.col(f"{figure}_ordered")) for figure in AMOUNTS})
        .join(parameters, BY_DISTRICT, "inner")
        .select(*BY_GROUP, *(_amount(figure).alias(name) for figure, name in AMOUNTS.items()))
    )


def _amount(figure: str) -> Column:
    by_share = F.col(f"{figure}_sum") * F.col("giant_share")
    by_median = F.col(f"{figure}_median") * F.col("giant_times_median")
    reporting = F.size(f"{figure}_ordered")
    enough = (reporting >= F.col("giant_from_units")) & (
        reporting.cast("decimal(18,0)")
        >= F.col("units").cast("decimal(18,0)") * F.col("giant_reporting_share")
    )
    return F.when(enough, F.greatest(by_share, by_median))


def reaches_giant(tax: str = DISTRICT_TAX, value_added: str = VALUE_ADDED) -> Column:
    """Whether a row that has its list's ``giant_amounts`` reaches one of them; never missing."""
    reached = [
        F.coalesce((F.col(own) > 0) & (F.col(own) >= F.col(amount)), F.lit(False))
        for own, amount in zip((tax, value_added), AMOUNTS.values(), strict=True)
    ]
    return reached[0] | reached[1]


def giants(units: DataFrame, items: Items) -> DataFrame:
    """The few units that dominate their list: ``uscc``, ``year``."""
    return (
        units.join(F.broadcast(giant_amounts(units, items)), BY_GROUP, "inner")
        .where(reaches_giant())
        .select("uscc", "year")
    )
