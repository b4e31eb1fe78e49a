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


def purchases(
    positions: DataFrame, figures: DataFrame, month_trades: DataFrame, year_trades: DataFrame
) -> DataFrame:
    """Estimated, covered and excess purchases by node and period; only periods with trades.

    All three are of the same firms, those with an estimate, and by the same shares in the node. So what is covered
    cannot exceed what is estimated. Each part is rounded once to its digits.

    Args:
        figures: figures of firms by period.
        month_trades, year_trades: trades of the months to compute, and of the months of the years to compute.
    """
    part = {
        name: F.round(F.col(of) * F.col("position_share"), 6).cast(MONEY) for name, of in PURCHASES.items()
    }
    return (
        confirmed(positions)
        .select("uscc", "year", "node_code", "position_share")
        .join(_of_firms(figures, month_trades, year_trades).hint("shuffle_hash"), ["uscc", "year"], "inner")
        .withColumns(part)
        .groupBy("node_code", "period")
        .agg(*(F.sum(name).cast(MONEY).alias(name) for name in PURCHASES))
    )


def _of_firms(figures: DataFrame, month_trades: DataFrame, year_trades: DataFrame) -> DataFrame:
    """A firm's estimate, the recorded purchases up to it, and those above it."""
    recorded, months = _recorded(month_trades, year_trades)
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
    """Revenue less value added, from the months that the figures cover to those with trades (of a month: one)."""
    trade_months = F.when(F.length("period") == 4, F.col("trade_months")).otherwise(F.lit(1))
    bought = F.col("revenue_wan_yuan") - F.col("value_added_wan_yuan")
    return divide((bought * trade_months).cast(MONEY), months_of_period()).cast(MONEY)


def _recorded(month_trades: DataFrame, year_trades: DataFrame) -> tuple[DataFrame, DataFrame]:
    """Purchases by firm and period, and the number of each period's months with purchases by firms of the city."""
    columns = ("uscc", "period", F.col("period").alias("month"), "trade_total_wan_yuan")
    is_purchase = f"trade_side_code = 'purchase' and uscc <> '{OUT}'"
    of_years = (
        year_trades.where(is_purchase).select(*columns).withColumn("period", F.left("period", F.lit(4)))
    )
    bought = month_trades.where(is_purchase).select(*columns).unionByName(of_years)
    return (
        bought.groupBy("uscc", "period").agg(F.sum("trade_total_wan_yuan").cast(MONEY).alias("bought")),
        bought.groupBy("period").agg(F.count_distinct("month").alias("trade_months")),
    )
