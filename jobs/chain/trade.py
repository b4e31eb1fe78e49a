"""企业购销汇总 Purchases and sales of an enterprise by product: trades with the enterprise behind each code.

All other tables read trades from here. A code that leads to no enterprise of a directory up to the year is outside
or unknown 市外或未知; its side is kept under OUT, so that sales and purchases of a product are the same amount.
"""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.chain.rules.policy import OUT
from jobs.columns.rows import row_id
from jobs.core.steps.identity import resolve
from jobs.job import Input, Job
from schemas.contract import contract

TABLE = "chain.trade"
TYPE = "decimal(18,6)"


def trade(trades: DataFrame, identifiers: DataFrame) -> DataFrame:
    """One row per enterprise (or OUT), side, product and month; amounts in 万元.

    Args:
        trades: seller, buyer, product and amount as enterprises report them.
        identifiers: codes of enterprises of the years up to the month's.
    """
    resolved = (
        trades.select(
            "seller_code", "buyer_code", "product_code", "trade_wan_yuan", "known_at",
            F.col("period").alias("month"), F.left("period", F.lit(4)).alias("year"),
        )
        .transform(resolve, "seller_code", identifiers, period="month", into="seller")
        .transform(resolve, "buyer_code", identifiers, period="month", into="buyer")
    )  # fmt: skip
    sides = F.explode(
        F.array(
            F.struct(
                F.lit("sale").alias("side"),
                F.coalesce("seller", F.lit(OUT)).alias("uscc"),
                F.col("buyer").isNotNull().alias("is_local"),
            ),
            F.struct(
                F.lit("purchase").alias("side"),
                F.coalesce("buyer", F.lit(OUT)).alias("uscc"),
                F.col("seller").isNotNull().alias("is_local"),
            ),
        )
    )
    amount = F.col("trade_wan_yuan")
    zero = F.lit(0).cast(TYPE)
    return (
        resolved.select("month", "year", "product_code", "trade_wan_yuan", "known_at", sides.alias("s"))
        .select("month", "year", "product_code", "trade_wan_yuan", "known_at", "s.*")
        .groupBy("uscc", F.col("side").alias("trade_side_code"), "product_code", "month", "year")
        .agg(
            F.coalesce(F.sum(F.when(F.col("is_local"), amount)).cast(TYPE), zero).alias(
                "local_trade_wan_yuan"
            ),
            F.coalesce(F.sum(F.when(~F.col("is_local"), amount)).cast(TYPE), zero).alias(
                "outside_trade_wan_yuan"
            ),
            F.coalesce(F.sum(amount).cast(TYPE), zero).alias("trade_total_wan_yuan"),
            F.count("*").alias("trade_count"),
            F.max("known_at").alias("known_at"),
        )
        .withColumn("row_id", row_id("uscc", "trade_side_code", "product_code", "month"))
        .select(*contract(TABLE).column_names)
    )


JOB = Job(
    table=TABLE,
    transform=trade,
    inputs={
        "trades": Input("raw.ent_trade"),
        "identifiers": Input("core.enterprise_identifier", "upto"),
    },
    evidence={"raw.ent_trade": {"period": "month", "product_code": "product_code"}},
)
