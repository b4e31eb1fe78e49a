"""Cells of the published tables: sums of size classes over the firms of a place or an industry, one row per figure."""

from __future__ import annotations

from decimal import Decimal

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.bulletin.steps.size_classes import with_class
from jobs.columns.arithmetic import VALUE_TYPE, divide
from jobs.columns.values import present
from jobs.core.enterprise_year import TAX_COMPONENTS, paid
from schemas.contract import contract

#: Published figure → amount below which a firm counts as none. Ten persons: single persons would fill a class alone.
FIGURES = {
    "output_wan_yuan": Decimal("0.01"),
    "value_added_wan_yuan": Decimal("0.01"),
    "revenue_wan_yuan": Decimal("0.01"),
    "tax_total_wan_yuan": Decimal("0.01"),
    "land_area_mu": Decimal("0.01"),
    "energy_tce": Decimal("0.01"),
    "employees_average": Decimal("10.00"),
}
#: Quotient → its two figures. It is shown only where both are, since it gives one from the other.
QUOTIENTS = {
    "tax_per_mu_wan_yuan": ("tax_total_wan_yuan", "land_area_mu"),
    "value_added_per_mu_wan_yuan": ("value_added_wan_yuan", "land_area_mu"),
}
#: Types of the published columns.
_TYPES = {column.name: column.type for column in contract("bulletin.city_total").columns}


def cells(years: DataFrame, *by: str) -> DataFrame:
    """One row per cell and figure that some firm of the cell has.

    ``firms`` are those that add to it, ``floor`` is the least that all together can have, ``low`` and ``high`` are the
    ends of the largest one's class, all three without signs; ``total`` is the sum to publish.
    """
    tax = F.when(F.coalesce(*TAX_COMPONENTS).isNotNull(), paid())
    each = F.explode(F.array(*(_figure(name, least) for name, least in FIGURES.items())))
    return (
        years.withColumn("tax_total_wan_yuan", tax)
        .select(*by, each.alias("one"))
        .select(*by, "one.figure", "one.amount", "one.least")
        .where("amount is not null")
        .transform(with_class)
        .groupBy(*by, "figure")
        .agg(
            F.count(F.when(F.col("low") > 0, 1)).alias("firms"),
            F.sum("low").cast(VALUE_TYPE).alias("floor"),
            F.max("low").alias("low"),
            F.max("high").alias("high"),
            F.sum("counted").cast(VALUE_TYPE).alias("total"),
        )
    )


def _figure(name: str, least: Decimal) -> Column:
    return F.struct(
        F.lit(name).alias("figure"),
        F.col(name).cast("decimal(18,6)").alias("amount"),
        F.lit(least).alias("least"),
    )


def published(judged: DataFrame, years: DataFrame, *key: str) -> DataFrame:
    """One row per cell with firms: the figures that are shown, and why the others are not.

    Quotients are given for firms above scale alone: below, half of the firms have no land on record.
    """

    def of(name: str, value: Column) -> Column:
        return F.max(F.when(F.col("figure") == name, value))

    shown = F.when(F.col("reason").isNull(), F.col("total"))
    why = F.concat(F.col("reason"), F.lit(":"), F.col("figure"))
    figures = judged.groupBy(*key).agg(
        *(of(name, shown).cast(_TYPES[name]).alias(name) for name in FIGURES),
        *(of(name, why).alias(f"why_{name}") for name in FIGURES),
    )
    is_landed = F.col("is_above_scale") if "is_above_scale" in key else F.lit(True)
    quotients = {name: divide(F.col(one), F.col(other)) for name, (one, other) in QUOTIENTS.items()}
    return (
        years.groupBy(*key)
        .agg(F.count("*").alias("firm_count"), F.max("figures_as_of").alias("figures_as_of"))
        .join(figures, list(key), "left")
        .withColumn("withheld_reasons", present(*(F.col(f"why_{name}") for name in FIGURES)))
        .withColumns({name: F.when(is_landed, value) for name, value in quotients.items()})
    )
