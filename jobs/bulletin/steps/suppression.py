"""Suppression 不公开: which cells a published table leaves empty (统计法（2024年修正）第二十八条).

A cell is unsafe if fewer than three firms add to it, or one firm may have more than 80 % of it. Among three, the second
largest could still subtract itself and come near the largest (the reasoning of the p % rule): it learns the sum of the
others' classes alone, so it is kept from more than a class by ``size_classes``, not by a count. Signs are left out, so
that a loss hides no giant. Every test is on ends of classes: the largest at the upper end of its class, all others at
their lower ends. So the empty cells tell no more than the classes do, and a shown cell is below 80 % in exact figures
as well.

A city total is the sum of its parts, so the sum of the empty cells of a group is known. Where it is unsafe itself,
the smallest other cell with which it is safe becomes empty too, else the whole group. Where the total is unsafe, all
its parts are empty. Two tables divide the same total, and share no other sum: with the total known, each says nothing
about the other.
"""

from __future__ import annotations

from decimal import Decimal

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.columns.rows import whole

#: Assumption: of two firms, each could subtract itself.
LEAST_FIRMS = 3
#: The largest firm may have four times as much as all others together, 80 % of the cell.
TIMES_THE_OTHERS = Decimal(4)
#: Cells of a group add up to the city's total of the figure.
GROUP = ["year", "is_above_scale", "figure"]
STATISTICS = ("firms", "floor", "low", "high")


def unsafe_alone(cells: DataFrame) -> DataFrame:
    """Cells with ``reason``: why the cell alone may not be shown; missing if it may."""
    return cells.withColumn("reason", _unsafe(*map(F.col, STATISTICS)))


def unsafe_in_group(cells: DataFrame, unit: str) -> DataFrame:
    """The same, where cells of a group add up to a total; cells without a ``unit`` are in it, but never published."""
    group = whole(*GROUP)

    def over(value: Column, name: str) -> Column:
        together = F.max(value) if name in ("low", "high") else F.sum(value)
        return F.coalesce(together.over(group), F.lit(Decimal(0))).cast("decimal(24,6)")

    empty = {f"empty_{name}": over(F.when(F.col("is_empty"), F.col(name)), name) for name in STATISTICS}
    suffices = ~F.col("is_empty") & _unsafe(*_with_empty()).isNull()
    is_smallest = F.col("suffices") & (F.col("floor") == F.col("smallest"))
    return (
        unsafe_alone(cells)
        .withColumn("is_empty", F.col("reason").isNotNull() | F.col(unit).isNull())
        .withColumns({f"all_{name}": over(F.col(name), name) for name in STATISTICS} | empty)
        .withColumn("has_empty", F.max("is_empty").over(group))
        .withColumn("suffices", suffices)
        .withColumn("smallest", F.min(F.when(F.col("suffices"), F.col("floor"))).over(group))
        .withColumn("chosen", F.min(F.when(is_smallest, F.col(unit))).over(group))
        .withColumn("reason", F.coalesce(F.col("reason"), _secondary(unit)))
        .where(F.col(unit).isNotNull())
    )


def _unsafe(firms: Column, floor: Column, low: Column, high: Column) -> Column:
    is_dominated = high > (floor - low) * F.lit(TIMES_THE_OTHERS)
    return F.when(firms < LEAST_FIRMS, "few_firms").when(is_dominated, "dominated")


def _with_empty() -> tuple[Column, ...]:
    """Firms, floor and largest of a cell together with the empty ones."""
    return (
        F.col("firms") + F.col("empty_firms"),
        F.col("floor") + F.col("empty_floor"),
        F.greatest("low", "empty_low"),
        F.greatest("high", "empty_high"),
    )


def _secondary(unit: str) -> Column:
    empty, total = ([F.col(f"{kind}_{name}") for name in STATISTICS] for kind in ("empty", "all"))
    is_derivable = F.col("has_empty") & _unsafe(*empty).isNotNull()
    is_chosen = F.col("chosen").isNull() | (F.col(unit) == F.col("chosen"))
    return F.when(_unsafe(*total).isNotNull() | (is_derivable & is_chosen), "secondary")
