"""环节供需流向 Flows between nodes: purchases by the product's node and the buyer's.

Every purchase is in it exactly once and undivided, so its sums are those of the trades.
"""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.chain.rules.frames import holds, place_frame, product_frame
from jobs.chain.rules.models import ChainModels, load
from jobs.chain.rules.policy import OUT
from jobs.columns.rows import row_id
from jobs.columns.values import field_of, no_texts, those_in
from jobs.job import Input, Job
from schemas.contract import contract

TABLE = "chain.supply_flow"
AMOUNTS = ("local_trade_wan_yuan", "outside_trade_wan_yuan", "trade_total_wan_yuan")


def supply_flow(trades: DataFrame, positions: DataFrame, rules: ChainModels) -> DataFrame:
    """One row per seller's node, buyer's node, product, kind of buyer and month; amounts in 万元.

    A buyer with several nodes buys for the largest of those that the product's node feeds, else for its largest.

    Args:
        trades: sales and purchases of the month by enterprise and product.
        positions: nodes of the enterprises in the month's year.
    """
    session = trades.sparkSession
    products = product_frame(session, rules).alias("p")
    bought = trades.where("trade_side_code = 'purchase'").alias("t")
    is_home = (F.col("t.product_code") == F.col("p.product_code")) & holds("t.year")
    fitting = those_in("nodes", F.coalesce("fed_node_codes", no_texts()))
    places = place_frame(session, rules).drop("tier_code")
    flows = (
        bought.join(products, is_home, "left")
        .select("t.*", F.coalesce("p.node_code", F.lit(OUT)).alias("seller_node_code"), "p.fed_node_codes")
        .join(_nodes(positions).hint("shuffle_hash"), ["uscc", "year"], "left")
        .withColumn("fitting", F.get(fitting, F.lit(0)))
        .withColumns(
            {
                "buyer_node_code": F.coalesce("fitting", F.get("nodes", F.lit(0)), F.lit(OUT)),
                "is_buyer_local": F.col("uscc") != OUT,
                "is_in_model": F.col("fitting").isNotNull(),
            }
        )
        .groupBy("seller_node_code", "buyer_node_code", "product_code", "is_buyer_local", "month", "year")
        .agg(
            *(F.sum(a).cast("decimal(18,6)").alias(a) for a in AMOUNTS),
            F.sum("trade_count").cast("bigint").alias("trade_count"),
            # a buyer has one row for each product and month
            F.count(F.when(F.col("is_buyer_local"), 1)).alias("buyer_count"),
            F.max("is_in_model").alias("is_in_model"),
            F.max("known_at").alias("known_at"),
        )
    )
    for side in ("seller", "buyer"):
        named = places.withColumnsRenamed(
            {"node_code": f"{side}_node_code", "chain_code": f"{side}_chain_code"}
        )
        flows = flows.join(named, f"{side}_node_code", "left")
    return flows.withColumn(
        "row_id", row_id("seller_node_code", "buyer_node_code", "product_code", "is_buyer_local", "month")
    ).select(*contract(TABLE).column_names)


def _nodes(positions: DataFrame) -> DataFrame:
    """A firm's confirmed nodes, the largest first; of equal ones the first by code."""
    entry = F.struct((-F.col("position_share")).alias("place"), "node_code")
    return (
        positions.where("is_confirmed")
        .groupBy("uscc", "year")
        .agg(field_of(F.sort_array(F.collect_list(entry)), "node_code").alias("nodes"))
    )


JOB = Job(
    table=TABLE,
    transform=supply_flow,
    inputs={
        "trades": Input("chain.trade"),
        "positions": Input("chain.node_enterprise", "year_of"),
    },
    rules=load,
    evidence={
        "chain.trade": {"product_code": "product_code", "month": "month"},
    },
)
