"""能耗标准 Energy standards: tce per 万元 of value added that an industry is allowed in a year.

The industry's own figure in the base year, reduced every year: 针对不同行业制定不同能源消耗标准, plan 五(九)4.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.columns.arithmetic import VALUE_TYPE, multiply, ratio
from jobs.columns.rows import literal_table, with_part
from jobs.resource.rules.quotas import EnergyRules
from schemas.contract import code_list

#: Years after the base year that have a standard.
LONGEST = 30


def with_division(figures: DataFrame, enterprises: DataFrame) -> DataFrame:
    """Figures of firms above scale in complete years, with their industry division."""
    of_industry = enterprises.select("uscc", "year", "industry_division_code")
    above = figures.where("is_above_scale AND figures_as_of = year")
    return with_part(above, of_industry, ["uscc", "year"])


def gained() -> Column:
    """Value added counted from zero: by a loss no energy is allotted."""
    value = F.col("value_added_wan_yuan")
    return F.when(value < 0, F.lit(0)).otherwise(value).cast(VALUE_TYPE)


def standards(firms: DataFrame, rules: EnergyRules) -> DataFrame:
    """One row per year after the base year and industry: ``energy_standard``, ``standard_firm_count``.

    Args:
        firms: of :func:`with_division`, all years up to the last one to compute. Without figures of the base year the
            first year stands for it.
    """
    both = firms.where("energy_tce IS NOT NULL AND value_added_wan_yuan IS NOT NULL")
    first = F.coalesce(F.max(F.when(F.col("year") == str(rules.base_year), F.col("year"))), F.min("year"))
    base = (
        both.join(F.broadcast(both.agg(first.alias("year"))), "year", "left_semi")
        .groupBy("industry_division_code", "year")
        .agg(
            F.sum("energy_tce").cast(VALUE_TYPE).alias("energy"),
            F.sum(gained()).cast(VALUE_TYPE).alias("gained"),
            F.count("*").alias("standard_firm_count"),
        )
    )
    divisions = sorted(code_list("industry_division"))
    remaining = literal_table(
        firms.sparkSession,
        [(one, years, rules.remaining(one, years)) for one in divisions for years in range(1, LONGEST + 1)],
        "industry_division_code string, years int, remaining decimal(8,6)",
    )
    return (
        base.withColumn("base_intensity", ratio(F.col("energy"), F.col("gained")))
        .join(remaining, "industry_division_code", "inner")
        .select(
            (F.col("year").cast("int") + F.col("years")).cast("string").alias("year"),
            "industry_division_code",
            multiply(F.col("base_intensity"), F.col("remaining")).alias("energy_standard"),
            "standard_firm_count",
        )
    )
