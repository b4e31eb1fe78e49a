"""Recorded purchases of firms beside the purchases that their statistics let one expect."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.chain.rules.policy import OUT
from jobs.chain.steps.figures import MONEY, confirmed, months_of_period
from jobs.columns.arithmetic import divide

#: Figure of a node → figure of a firm.
PURCHASES = {
    "estimated_purchases_wan_yuan": "estimated",
    "covered_purchases_wan_yuan": "covered",
    "excess_purchases_wan_yuan": "excess",
}


def purchases(positions: DataFrame, figures: DataFrame, trades: DataFrame, months: DataFrame) -> DataFrame:
    """Estimated, covered and excess purchases by node and period; only periods with trades.

    All three are of the same firms, those with an estimate, and by the same shares in the node. So what is covered
    cannot exceed what is estimated. Each part is rounded once to its digits.

    Args:
        figures: figures of firms by period.
        trades: trades by month, once for each ``period`` that they count in.
        months: result of :func:`months_with_trades`.
    """
    part = {
        name: F.round(F.col(of) * F.col("position_share"), 6).cast(MONEY) for name, of in PURCHASES.items()
    }
    return (
        confirmed(positions)
        .select("uscc", "year", "node_code", "position_share")
        .join(_of_firms(figures, trades, months).hint("shuffle_hash"), ["uscc", "year"], "inner")
        .withColumns(part)
        .groupBy("node_code", "period")
        .agg(*(F.sum(name).cast(MONEY).alias(name) for name in PURCHASES))
    )


def _of_firms(figures: DataFrame, trades: DataFrame, months: DataFrame) -> DataFrame:
    """A firm's estimate, the recorded purchases up to it, and those above it."""
    recorded = trades.groupBy("uscc", "period").agg(F.sum("bought").cast(MONEY).alias("bought"))
    bought = F.coalesce("bought", F.lit(0).cast(MONEY))
    return (
        figures.select("uscc", "year", "period", "revenue_wan_yuan", "value_added_wan_yuan")
        .join(F.broadcast(months), "period", "inner")
        .withColumn("estimated", _estimate())
        .where("estimated > 0")
        .join(recorded.hint("shuffle_hash"), ["uscc", "period"], "left")
        .withColumns(
            {
                "covered": F.least(bought, F.col("estimated")).cast(MONEY),
                "excess": F.greatest(bought - F.col("estimated"), F.lit(0)).cast(MONEY),
            }
        )
        .select("uscc", "year", "period", *PURCHASES.values())
    )


def _estimate() -> Column:
    """Revenue less value added of the period's mean month, for each of its months with trades."""
    bought = F.col("revenue_wan_yuan") - F.col("value_added_wan_yuan")
    return divide((bought * F.col("trade_month_count")).cast(MONEY), months_of_period()).cast(MONEY)


def bought_by_month(trades: DataFrame) -> DataFrame:
    """Recorded purchases of each firm of the city by month."""
    return (
        trades.where(f"trade_side_code = 'purchase' and uscc <> '{OUT}'")
        .groupBy("uscc", "month")
        .agg(F.sum("trade_total_wan_yuan").cast(MONEY).alias("bought"))
    )


def months_with_trades(flows: DataFrame) -> DataFrame:
    """The number of each period's months with purchases by firms of the city; only periods with any."""
    return (
        flows.where("is_buyer_local")
        .groupBy("period")
        .agg(F.count_distinct("month").cast("int").alias("trade_month_count"))
    )
