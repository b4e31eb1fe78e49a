"""分区县分行业用能指标 Energy quotas by district and industry: standard, weight, quota, use, surplus or shortage."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.columns.arithmetic import VALUE_TYPE, share_pct
from jobs.columns.rows import row_id, whole
from jobs.job import Input, Job
from schemas.contract import contract

TABLE = "resource.energy_quota"
KEY = ["year", "district_code", "industry_division_code"]


def energy_quota(allocations: DataFrame) -> DataFrame:
    """One row per year, district and industry division; firms without an industry count in the district alone."""
    return (
        allocations.where("industry_division_code IS NOT NULL")
        .groupBy(*KEY)
        .agg(
            *sums(),
            F.max("standard_firm_count").alias("standard_firm_count"),
            F.max("energy_standard").alias("energy_standard"),
        )
        .withColumn("of_district", F.sum("planned").over(whole("year", "district_code")).cast(VALUE_TYPE))
        .withColumn("weight_pct", share_pct(F.col("planned"), F.col("of_district")))
        .withColumn(
            "balance_tce", (F.col("full_quota_tce") - F.col("cut_tce") - F.col("energy_tce")).cast(VALUE_TYPE)
        )
        .withColumn("quota_state_code", surplus_or_shortage())
        .withColumn("row_id", row_id(*KEY))
        .select(*contract(TABLE).column_names)
    )


def sums() -> list[Column]:
    """Counts and sums over the allocations of a group, industry or district."""
    state = F.col("energy_allocation_state_code")
    with_quota, with_energy = F.count(F.when(state == "allocated", 1)), F.count("energy_tce")
    planned = F.sum(F.when(state == "allocated", F.col("planned_value_added_wan_yuan")))
    return [
        F.count("*").alias("firm_count"),
        with_quota.alias("quota_firm_count"),
        F.count(F.when(state == "no_value_before", 1)).alias("new_firm_count"),
        F.least(with_quota, with_energy).alias("least_firm_count"),
        F.coalesce(planned, F.lit(0)).cast(VALUE_TYPE).alias("planned"),
        F.sum("full_quota_tce").cast(VALUE_TYPE).alias("full_quota_tce"),
        F.sum("cut_tce").cast(VALUE_TYPE).alias("cut_tce"),
        F.coalesce(F.sum("energy_tce"), F.lit(0)).cast("decimal(18,4)").alias("energy_tce"),
    ]


def surplus_or_shortage() -> Column:
    """The state of a balance."""
    return F.when(F.col("balance_tce") < 0, "shortage").otherwise("surplus")


JOB = Job(
    table=TABLE,
    transform=energy_quota,
    inputs={"allocations": Input("resource.energy_allocation")},
    evidence={
        "resource.energy_allocation": {
            "year": "year",
            "district_code": "district_code",
            "industry_division_code": "industry_division_code",
        }
    },
)
