"""本地配套清单 Local suppliers: for each product the local firms able to supply it, the best first."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window, WindowSpec
from pyspark.sql import functions as F

from jobs.chain.rules.frames import holds, place_frame, product_frame
from jobs.chain.rules.policy import OUT, SupplierRules, supplier_rules
from jobs.columns.rows import row_id
from jobs.columns.values import no_texts, present
from jobs.job import Input, Job
from jobs.per_mu.steps.versions import in_force
from schemas.contract import contract

TABLE = "chain.local_supplier"
KEY = ["product_code", "uscc", "year"]
#: Kinds of events that are a risk.
RISKS = ("penalty", "accident", "credit")
#: Risks that last until they are removed.
LASTING = ("credit",)


def local_supplier(
    enterprises: DataFrame,
    products: DataFrame,
    trades: DataFrame,
    positions: DataFrame,
    grades: DataFrame,
    events: DataFrame,
    rules: SupplierRules,
) -> DataFrame:
    """One row per product of a node, firm of the directory and year; the rules limit the firms per product.

    A firm can supply a product that it declares or sells, if its position in the product's node is confirmed.

    Args:
        enterprises, products, positions, grades: of the year.
        events: up to the year.
        trades: of the year's months; the last month with trades is used.
    """
    session = enterprises.sparkSession
    places = product_frame(session, rules.models).drop("fed_node_codes").alias("p")
    able = _declared(products).join(_sold(trades).hint("shuffle_hash"), KEY, "full").alias("a")
    is_home = (F.col("a.product_code") == F.col("p.product_code")) & holds("a.year")
    standing = positions.where("is_confirmed").select("uscc", "node_code", "year")
    firms = enterprises.select(
        "uscc", "year", "enterprise_name", "district_code", "is_above_scale", "registration_status_code"
    )
    by = ["uscc", "year"]
    graded = in_force(grades).select(*by, "final_grade")
    return (
        able.join(places, is_home, "inner")
        .select("a.*", "p.node_code")
        .join(standing.hint("shuffle_hash"), ["uscc", "node_code", "year"], "left_semi")
        .join(firms.hint("shuffle_hash"), by, "inner")
        .join(graded.hint("shuffle_hash"), by, "left")
        .join(F.broadcast(_risks(enterprises, events)), by, "left")
        .withColumn("risk_tags", _tags())
        .withColumn("supplier_evidence", present(_when("is_declared", "declared"), _when("is_sold", "sold")))
        .withColumns(_sort_keys())
        .withColumn("supplier_rank", F.row_number().over(_order()))
        .where(F.col("supplier_rank") <= rules.places)
        .join(place_frame(session, rules.models).drop("tier_code"), "node_code", "left")
        .withColumn("row_id", row_id(*KEY))
        .select(*contract(TABLE).column_names)
    )


def _declared(products: DataFrame) -> DataFrame:
    """Declared products; one row per product, firm and year, since this is the feed's key."""
    return products.select(
        "product_code", "uscc", F.left("period", F.lit(4)).alias("year"), "revenue_share_pct", "capacity_amount",
        "capacity_unit", F.lit(True).alias("is_declared"),
    )  # fmt: skip


def _sold(trades: DataFrame) -> DataFrame:
    """Sales of the year's last month with trades."""
    sales = trades.where(f"trade_side_code = 'sale' and uscc <> '{OUT}'")
    last = trades.groupBy("year").agg(F.max("month").alias("sales_month"))
    return (
        sales.join(F.broadcast(last), "year", "inner")
        .where("month = sales_month")
        .select(
            *KEY, "sales_month", F.col("trade_total_wan_yuan").alias("month_sales_wan_yuan"),
            F.lit(True).alias("is_sold"),
        )
    )  # fmt: skip


def _risks(enterprises: DataFrame, events: DataFrame) -> DataFrame:
    """Risks of a firm in a year: penalties and accidents of the year, credit records not yet removed.

    A credit record has a second row in the year of its removal; the latest one known by the year counts.
    """
    years = enterprises.select("year").distinct()
    counts = (F.col("told") == F.col("year")) | F.col("event_kind_code").isin(list(LASTING))
    ended = F.coalesce(F.date_format("until", "yyyy") <= F.col("year"), F.lit(False))
    tag = F.concat_ws(":", "event_kind_code", "event_code")
    return (
        events.where(F.col("event_kind_code").isin(list(RISKS)))
        .withColumnRenamed("year", "told")
        .join(F.broadcast(years), F.col("told") <= F.col("year"), "inner")
        .where(counts)
        .groupBy("uscc", "year", "event_id", "event_kind_code", "event_code")
        .agg(F.max_by("valid_until_date", "told").alias("until"))
        .where(~ended)
        .groupBy("uscc", "year")
        .agg(F.array_sort(F.collect_set(tag)).alias("risks"))
    )


def _tags() -> Column:
    own = present(
        F.when(F.col("final_grade") == "D", F.lit("grade_d")),
        F.when(F.col("registration_status_code") != "active", F.lit("not_active")),
    )
    return F.concat(own, F.coalesce("risks", no_texts()))


def _when(flag: str, name: str) -> Column:
    return F.when(F.coalesce(F.col(flag), F.lit(False)), F.lit(name))


def _sort_keys() -> dict[str, Column]:
    """Best evidence, then no risk; as columns, since not every engine orders a window by expressions."""
    both = F.size("supplier_evidence") == 2
    return {
        "evidence_place": F.when(both, 0).when(F.coalesce(F.col("is_sold"), F.lit(False)), 1).otherwise(2),
        "has_risk": F.size("risk_tags") > 0,
    }


def _order() -> WindowSpec:
    """Best evidence, no risk, larger sales, larger share of revenue; then the credit code."""
    return Window.partitionBy("product_code", "year").orderBy(
        "evidence_place",
        "has_risk",
        F.col("month_sales_wan_yuan").desc_nulls_last(),
        F.col("revenue_share_pct").desc_nulls_last(),
        "uscc",
    )


JOB = Job(
    table=TABLE,
    transform=local_supplier,
    inputs={
        "enterprises": Input("core.enterprise"),
        "products": Input("raw.ent_product"),
        "trades": Input("chain.trade", "year"),
        "positions": Input("chain.node_enterprise"),
        "grades": Input("per_mu.enterprise_grade"),
        "events": Input("core.enterprise_event", "upto"),
    },
    rules=supplier_rules,
    evidence={
        "raw.ent_product": {"uscc": "uscc", "product_code": "product_code", "period": "year"},
        "chain.trade": {"uscc": "uscc", "product_code": "product_code", "year": "year"},
        "chain.node_enterprise": {"uscc": "uscc", "node_code": "node_code", "year": "year"},
    },
)
