"""Figures of nodes by period: the steps that the tables of years and of months share."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.chain.rules.frames import holds, node_frame
from jobs.chain.rules.policy import MetricRules
from jobs.chain.steps.figures import (
    AMOUNTS,
    COMPARABLE,
    COUNTS,
    GRADES,
    MONEY,
    allocated,
    concentration,
    counts,
    ratios,
    with_concentration,
    with_grades,
)
from jobs.chain.steps.purchases import months_with_trades, purchases
from jobs.columns.arithmetic import divide
from jobs.columns.rows import whole

#: Columns of a flow that the figures of nodes need.
FLOW = (
    "seller_node_code", "buyer_node_code", "is_buyer_local", "month", "local_trade_wan_yuan",
    "outside_trade_wan_yuan", "trade_total_wan_yuan",
)  # fmt: skip


def figures_of_nodes(
    periods: DataFrame,
    figures: DataFrame,
    positions: DataFrame,
    grades: DataFrame,
    flows: DataFrame,
    bought: DataFrame,
    rules: MetricRules,
) -> DataFrame:
    """One row per node and period, nodes without firms included.

    Args:
        periods: the periods to compute, with their years.
        figures: figures of firms by period.
        positions, grades: of the periods' years.
        flows, bought: flows and firms' purchases by month, once for each ``period`` that they count in.
    """
    firms = allocated(positions, figures, rules.lead_output_wan_yuan)
    nodes = node_frame(figures.sparkSession, rules.models).select(
        "from_year", "to_year", "chain_code", "node_code"
    )
    trade_months = months_with_trades(flows)
    zeros = (
        *COUNTS,
        *(f"grade_{g.lower()}_count" for g in GRADES),
        "reporting_count",
        "comparable_count",
        "lead_firm_count",
        "trade_month_count",
    )
    by = ["node_code", "period"]
    return (
        periods.distinct()
        .join(nodes, holds("year"), "inner")
        .join(F.broadcast(trade_months), "period", "left")
        .join(F.broadcast(_reach(grades)), "year", "left")
        .withColumn("figures_as_of", F.coalesce("figures_as_of", "year"))
        .join(_counts(positions, grades), ["node_code", "year"], "left")
        .join(_sums(firms, _district_parts(figures)), by, "left")
        .join(F.broadcast(_flows(flows)), by, "left")
        .join(F.broadcast(purchases(positions, figures, bought, trade_months)), by, "left")
        .withColumns({name: F.coalesce(name, F.lit(0)) for name in zeros})
        .transform(ratios)
    )


def _counts(positions: DataFrame, grades: DataFrame) -> DataFrame:
    """Firms by node and year."""
    return with_grades(positions, grades).groupBy("node_code", "year").agg(*counts())


def _reach(grades: DataFrame) -> DataFrame:
    """How far the figures of each year reach on which its grades rest."""
    return grades.groupBy("year").agg(F.max("figures_as_of").alias("figures_as_of"))


def _district_parts(figures: DataFrame) -> DataFrame:
    """Each district's part of the output of all firms of the period, in a chain or not."""
    of_district = figures.groupBy("period", "district_code").agg(
        F.sum("output_wan_yuan").cast(MONEY).alias("output")
    )
    return of_district.withColumn("output_all", F.sum("output").over(whole("period")).cast(MONEY)).select(
        "period", "district_code", divide(F.col("output"), F.col("output_all")).alias("district_part")
    )


def _sums(firms: DataFrame, district_parts: DataFrame) -> DataFrame:
    """Sums, concentration and location quotient by node and period."""
    by = ("node_code", "period")
    rows = (
        firms.repartition(*by)
        .transform(with_concentration, *by)
        .withColumn("in_district", F.sum("output_wan_yuan").over(whole(*by, "district_code")).cast(MONEY))
        .withColumn("part_here", divide(F.col("in_district"), F.col("output_all")))
        .join(F.broadcast(district_parts), ["period", "district_code"], "left")
        .withColumn("quotient", divide(F.col("part_here"), F.col("district_part")))
    )
    # of equal quotients that of the first district by code
    best = F.max(F.when(F.col("quotient").isNotNull(), F.struct("quotient", _descending("district_code"))))
    return (
        rows.groupBy(*by)
        .agg(
            *(F.sum(name).cast(kind).alias(name) for name, kind in AMOUNTS.items()),
            *(F.sum(name).cast(MONEY).alias(name) for name in COMPARABLE),
            F.count("output_wan_yuan").alias("reporting_count"),
            F.count(F.when(F.col("is_compared"), 1)).alias("comparable_count"),
            F.count(F.when(F.col("is_lead"), 1)).alias("lead_firm_count"),
            *concentration(),
            best.alias("best"),
        )
        .withColumns(
            {
                "location_quotient": F.col("best.quotient"),
                "specialised_district_code": (F.lit(999_999) - F.col("best.place")).cast("string"),
            }
        )
        .drop("best")
    )


def _descending(code: str) -> Column:
    """A number that is larger for an earlier code."""
    return (F.lit(999_999) - F.col(code).cast("int")).alias("place")


def _flows(flows: DataFrame) -> DataFrame:
    """Purchases of a node's products and purchases by its firms."""
    side = F.explode(
        F.array(
            F.struct(F.col("seller_node_code").alias("node_code"), F.lit(True).alias("is_demand")),
            F.struct(F.col("buyer_node_code").alias("node_code"), F.lit(False).alias("is_demand")),
        )
    )
    amounts = ("local_trade_wan_yuan", "outside_trade_wan_yuan", "trade_total_wan_yuan")
    local, outside, total = amounts
    figures = {
        "demand_wan_yuan": (True, total),
        "demand_local_wan_yuan": (True, local),
        "demand_outside_wan_yuan": (True, outside),
        "purchases_wan_yuan": (False, total),
        "purchases_outside_wan_yuan": (False, outside),
    }
    return (
        flows.where("is_buyer_local")
        .withColumn("s", side)
        .select("period", "s.*", *amounts)
        .groupBy("node_code", "period")
        .agg(
            *(
                F.sum(F.when(F.col("is_demand") == is_demand, F.col(amount))).cast(MONEY).alias(name)
                for name, (is_demand, amount) in figures.items()
            )
        )
    )
