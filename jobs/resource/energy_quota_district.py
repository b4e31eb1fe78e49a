"""区县用能指标 Energy quotas of districts: the standard as weighted mean over industries, quota, trade, use, balance.

The district's standard is the mean of the industries' standards, weighted by planned value added
(按照各地各行业权重加权平均确定各地节能指标, plan 五(九)4): its quota divided by its planned value added.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.columns.arithmetic import VALUE_TYPE, ratio, share_pct
from jobs.columns.rows import row_id, with_part
from jobs.core.steps.identity import UNDIVIDED
from jobs.job import Input, Job
from jobs.resource.energy_quota import sums, surplus_or_shortage
from jobs.resource.rules.quotas import QuotaRules, quota_rules
from schemas.contract import contract

TABLE = "resource.energy_quota_district"
KEY = ["year", "district_code"]


def energy_quota_district(allocations: DataFrame, ledger: DataFrame, rules: QuotaRules) -> DataFrame:
    """One row per year and district."""
    nothing = F.lit(0).cast(VALUE_TYPE)
    held = F.col("full_quota_tce") - F.col("cut_tce") + F.col("received_tce") - F.col("given_tce")
    return (
        allocations.groupBy(*KEY)
        .agg(*sums(), F.sum("reserve_tce").cast(VALUE_TYPE).alias("reserve_tce"))
        .transform(with_part, _traded(ledger), KEY)
        .withColumns({name: F.coalesce(name, nothing) for name in ("received_tce", "given_tce")})
        .withColumn("energy_standard", ratio(F.col("full_quota_tce"), F.col("planned")))
        .withColumn("held_tce", held.cast(VALUE_TYPE))
        .withColumn("balance_tce", (F.col("held_tce") - F.col("energy_tce")).cast(VALUE_TYPE))
        .withColumn("quota_state_code", surplus_or_shortage())
        .withColumn("completed_pct", share_pct(F.col("held_tce"), F.col("energy_tce")))
        .withColumn("energy_warning_code", warning(rules))
        .withColumn("row_id", row_id(*KEY))
        .select(*contract(TABLE).column_names)
    )


def warning(rules: QuotaRules) -> Column:
    """Colour of the quota held in percent of the energy used; missing without energy."""
    green, yellow, orange = rules.energy.warning_pct
    done = F.col("completed_pct")
    return (
        F.when(done >= F.lit(green), "green")
        .when(done >= F.lit(yellow), "yellow")
        .when(done >= F.lit(orange), "orange")
        .when(done.isNotNull(), "red")
    )


def _traded(ledger: DataFrame) -> DataFrame:
    """What a district's accounts received from and gave to others in trades and leases."""
    amount = F.col("amount_tce")
    return (
        ledger.where("ledger_entry_kind_code IN ('transfer', 'lease', 'lease_return')")
        .where(F.col("district_code") != UNDIVIDED)
        .groupBy(*KEY)
        .agg(
            F.sum(F.when(amount > 0, amount)).cast(VALUE_TYPE).alias("received_tce"),
            F.sum(F.when(amount < 0, -amount)).cast(VALUE_TYPE).alias("given_tce"),
        )
    )


JOB = Job(
    table=TABLE,
    transform=energy_quota_district,
    inputs={
        "allocations": Input("resource.energy_allocation"),
        "ledger": Input("resource.energy_ledger"),
    },
    rules=quota_rules,
    evidence={
        "resource.energy_allocation": {"district_code": "district_code", "year": "year"},
        "resource.energy_ledger": {"district_code": "district_code", "year": "year"},
    },
)
