"""区县结果运用 Consequences by district: what measures bring to the firms of each grade, before and after."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.columns.arithmetic import VALUE_TYPE
from jobs.columns.rows import row_id
from jobs.job import Input, Job
from schemas.contract import contract

TABLE = "resource.consequence_district"
KEY = ["year", "district_code", "measure_code", "final_grade"]


def consequence_district(consequences: DataFrame) -> DataFrame:
    """One row per year, district, measure and grade; sums over graded firms, 万元 and tce."""
    return totals(consequences, *KEY).select(*contract(TABLE).column_names)


def totals(consequences: DataFrame, *key: str) -> DataFrame:
    """Counts and sums of consequences by key.

    ``before_wan_yuan`` is what the firms pay without the measure: the land-use tax, or no surcharge.
    """
    is_relief = F.col("base_name") == "tax_land_use_wan_yuan"
    is_money = F.col("amount_wan_yuan").isNotNull()
    paid = F.when(is_money, F.when(is_relief, F.col("base_amount")).otherwise(F.lit(0)))
    is_touched = (F.col("amount_wan_yuan") != 0) | (F.col("quota_change_tce") != 0)
    return (
        consequences.groupBy(*key)
        .agg(
            F.count("*").alias("firm_count"),
            F.count(F.when(is_touched, 1)).alias("touched_firm_count"),
            F.count(F.when(F.col("base_amount") > 0, 1)).alias("base_firm_count"),
            F.count(F.when(F.col("consequence_note_code") == "no_base", 1)).alias("no_base_firm_count"),
            _total(paid).alias("before_wan_yuan"),
            _total(F.col("amount_wan_yuan")).alias("amount_wan_yuan"),
            _total(F.col("quota_change_tce")).alias("quota_change_tce"),
            F.max("is_assumed").alias("is_assumed"),
        )
        .withColumn("after_wan_yuan", (F.col("before_wan_yuan") + F.col("amount_wan_yuan")).cast(VALUE_TYPE))
        .withColumn("least_firm_count", least_firms())
        .withColumn("row_id", row_id(*key))
    )


def _total(amount: Column) -> Column:
    return F.sum(amount).cast(VALUE_TYPE)


def least_firms() -> Column:
    """Fewest firms behind a sum: those with a base, or those that the measure touches if it touches any."""
    touched = F.col("touched_firm_count")
    return F.least(F.col("base_firm_count"), F.when(touched > 0, touched))


JOB = Job(
    table=TABLE,
    transform=consequence_district,
    inputs={"consequences": Input("resource.consequence")},
    evidence={
        "resource.consequence": {
            "year": "year",
            "district_code": "district_code",
            "measure_code": "measure_code",
            "final_grade": "final_grade",
        }
    },
)
