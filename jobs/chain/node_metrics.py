"""环节指标 Figures of nodes, for years and months.

A firm's figures count in a node in proportion to its share there; only confirmed positions count. Growth compares the
same firms (同口径); statistics of a month are cumulative from January.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.chain.rules.frames import holds, node_frame
from jobs.chain.rules.policy import MetricRules, metric_rules
from jobs.chain.steps.figures import (
    AMOUNTS,
    COMPARABLE,
    COUNTS,
    GRADES,
    MONEY,
    allocated,
    concentration,
    counts,
    figures_of_firms,
    ratios,
    with_concentration,
    with_grades,
)
from jobs.chain.steps.purchases import purchases
from jobs.columns.arithmetic import divide
from jobs.columns.rows import row_id, whole
from jobs.job import Input, Job
from schemas.contract import contract

TABLE = "chain.node_metrics"


def node_metrics(
    years: DataFrame,
    months: DataFrame,
    history: DataFrame,
    positions: DataFrame,
    grades: DataFrame,
    month_flows: DataFrame,
    year_flows: DataFrame,
    months_of_years: DataFrame,
    month_trades: DataFrame,
    year_trades: DataFrame,
    rules: MetricRules,
) -> DataFrame:
    """One row per node and period, nodes without firms included.

    Args:
        years, months: figures of the years and months to compute.
        history: figures of the years up to them, for growth.
        positions, grades: of the periods' years.
        months_of_years: figures of the months of the years to compute, for growth.
        month_flows, year_flows: flows of the months to compute, and of the months of the years to compute.
        month_trades, year_trades: trades of enterprises of the same months.
    """
    figures = figures_of_firms(years, months, history, months_of_years)
    firms = allocated(positions, figures, rules.lead_output_wan_yuan)
    flows = _flows(month_flows, year_flows)
    nodes = node_frame(years.sparkSession, rules.models).select(
        "from_year", "to_year", "chain_code", "node_code"
    )
    # each period to compute is in the yearly or the monthly figures
    periods = years.select("year", F.col("year").alias("period")).unionByName(
        months.select("year", F.col("month").alias("period"))
    )
    zeros = (
        *COUNTS,
        *(f"grade_{g.lower()}_count" for g in GRADES),
        "reporting_count",
        "comparable_count",
        "lead_firm_count",
    )
    by = ["node_code", "period"]
    return (
        periods.distinct()
        .join(nodes, holds("year"), "inner")
        .join(_counts(positions, grades), ["node_code", "year"], "left")
        .join(_sums(firms, _district_parts(figures)), by, "left")
        .join(F.broadcast(flows), by, "left")
        .join(F.broadcast(purchases(positions, figures, month_trades, year_trades)), by, "left")
        .withColumns({name: F.coalesce(name, F.lit(0)) for name in zeros})
        .transform(ratios)
        .withColumn("row_id", row_id("chain_code", "node_code", "period"))
        .select(*contract(TABLE).column_names)
    )


def _counts(positions: DataFrame, grades: DataFrame) -> DataFrame:
    """Firms by node and year."""
    return with_grades(positions, grades).groupBy("node_code", "year").agg(*counts())


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


def _flows(month_flows: DataFrame, year_flows: DataFrame) -> DataFrame:
    """Purchases of a node's products and purchases by its firms."""
    amounts = ("local_trade_wan_yuan", "outside_trade_wan_yuan", "trade_total_wan_yuan")
    columns = ["seller_node_code", "buyer_node_code", "is_buyer_local", "period", *amounts]
    of_years = year_flows.select(*columns).withColumn("period", F.left("period", F.lit(4)))
    bought = month_flows.select(*columns).unionByName(of_years).where("is_buyer_local")
    side = F.explode(
        F.array(
            F.struct(F.col("seller_node_code").alias("node_code"), F.lit(True).alias("is_demand")),
            F.struct(F.col("buyer_node_code").alias("node_code"), F.lit(False).alias("is_demand")),
        )
    )
    local, outside, total = amounts
    figures = {
        "demand_wan_yuan": (True, total),
        "demand_local_wan_yuan": (True, local),
        "demand_outside_wan_yuan": (True, outside),
        "purchases_wan_yuan": (False, total),
        "purchases_outside_wan_yuan": (False, outside),
    }
    return (
        bought.withColumn("s", side)
        .select("period", "s.*", *amounts)
        .groupBy("node_code", "period")
        .agg(
            *(
                F.sum(F.when(F.col("is_demand") == is_demand, F.col(amount))).cast(MONEY).alias(name)
                for name, (is_demand, amount) in figures.items()
            )
        )
    )


JOB = Job(
    table=TABLE,
    transform=node_metrics,
    inputs={
        "years": Input("core.enterprise_year"),
        "months": Input("core.enterprise_month"),
        "history": Input("core.enterprise_year", "upto"),
        "positions": Input("chain.node_enterprise", "year_of"),
        "grades": Input("per_mu.enterprise_grade", "year_of"),
        "month_flows": Input("chain.supply_flow"),
        "year_flows": Input("chain.supply_flow", "year"),
        "months_of_years": Input("core.enterprise_month", "year"),
        "month_trades": Input("chain.trade"),
        "year_trades": Input("chain.trade", "year"),
    },
    periods={"years": "each", "months": "each"},
    rules=metric_rules,
    evidence={
        "chain.node_enterprise": {"node_code": "node_code", "year": "year"},
        "chain.supply_flow": {"seller_node_code": "node_code", "period": "period"},
    },
)
