"""企业用能指标 Energy quotas of firms above scale, before trade: the industry's standard times value added.

A quota is known before its year begins: value added is that of the year before, grown by the plan's rate. A firm
without value added the year before has none, and takes part of the district's reserve or buys. Grades C and D cut the
quota of the year in which they are first applied (resource.consequence).
"""

from __future__ import annotations

from decimal import Decimal

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.columns.arithmetic import VALUE_TYPE, multiply
from jobs.columns.rows import row_id, with_part
from jobs.core.steps.identity import behind, successors
from jobs.job import Input, Job
from jobs.resource.rules.quotas import QuotaRules, quota_rules
from jobs.resource.steps.standards import gained, standards, with_division
from schemas.contract import contract

TABLE = "resource.energy_allocation"
KEY = ["uscc", "year"]


def energy_allocation(
    figures: DataFrame,
    enterprises: DataFrame,
    before: DataFrame,
    directories: DataFrame,
    consequences: DataFrame,
    succession: DataFrame,
    rules: QuotaRules,
) -> DataFrame:
    """One row per firm above scale and complete year after the base year.

    Args:
        before: figures of all years up to the last one to compute, as are ``directories``.
    """
    energy, earlier = rules.energy, with_division(before, directories)
    of_industry = standards(earlier, energy)
    years = F.broadcast(of_industry.select("year").distinct())
    part = F.lit(energy.reserve_share_pct * Decimal("0.01")).cast(VALUE_TYPE)
    nothing = F.lit(Decimal(0)).cast(VALUE_TYPE)
    return (
        with_division(figures, enterprises)
        .join(years, "year", "left_semi")
        .transform(with_part, _value_added_before(before, succession), KEY)
        .join(F.broadcast(of_industry), ["year", "industry_division_code"], "left")
        .transform(with_part, _cuts(consequences), KEY)
        .withColumn("planned_value_added_wan_yuan", multiply(F.col("value_before"), _growth(rules)))
        .withColumn("energy_allocation_state_code", _state())
        .withColumn("full", multiply(F.col("planned_value_added_wan_yuan"), F.col("energy_standard")))
        .withColumn("full_quota_tce", F.coalesce("full", nothing))
        .withColumn("reserve_tce", multiply(F.col("full_quota_tce"), part))
        .withColumn("allocated_tce", (F.col("full_quota_tce") - F.col("reserve_tce")).cast(VALUE_TYPE))
        .withColumn("cut_tce", F.least(F.coalesce("cut", nothing), F.col("allocated_tce")))
        .withColumn("quota_tce", (F.col("allocated_tce") - F.col("cut_tce")).cast(VALUE_TYPE))
        .withColumn("energy_class_code", _class(rules))
        .withColumn("row_id", row_id(*KEY))
        .select(*contract(TABLE).column_names)
    )


def _growth(rules: QuotaRules) -> Column:
    return F.lit(1 + rules.energy.value_added_growth_pct * Decimal("0.01")).cast(VALUE_TYPE)


def _value_added_before(before: DataFrame, succession: DataFrame) -> DataFrame:
    """Value added of the year before by the enterprise behind each code at the beginning of the year."""
    following = (F.col("year").cast("int") + 1).cast("string")
    return (
        before.where("value_added_wan_yuan IS NOT NULL AND is_above_scale AND figures_as_of = year")
        .select("uscc", following.alias("year"), gained().alias("gained"))
        .transform(behind, successors(succession), period="year")
        .groupBy(*KEY)
        .agg(F.sum("gained").cast(VALUE_TYPE).alias("value_before"))
    )


def _cuts(consequences: DataFrame) -> DataFrame:
    """What grades take from the quota of the year in which they are first applied."""
    change = F.col("quota_change_tce")
    return (
        consequences.where("measure_code = 'energy_quota' AND quota_change_tce < 0")
        .groupBy("uscc", F.left("executed_from_month", F.lit(4)).alias("year"))
        .agg(F.sum(-change).cast(VALUE_TYPE).alias("cut"))
    )


def _state() -> Column:
    return (
        F.when(F.col("energy_standard").isNull(), "no_standard")
        .when(F.coalesce("value_before", F.lit(0)) <= 0, "no_value_before")
        .otherwise("allocated")
    )


def _class(rules: QuotaRules) -> Column:
    used = F.col("energy_tce")
    return (
        F.when(used >= rules.energy.class_a_tce, "A")
        .when(used >= rules.energy.class_b_tce, "B")
        .when(used.isNotNull(), "C")
    )


JOB = Job(
    table=TABLE,
    transform=energy_allocation,
    inputs={
        "figures": Input("core.enterprise_year"),
        "enterprises": Input("core.enterprise"),
        "before": Input("core.enterprise_year", "upto"),
        "directories": Input("core.enterprise", "upto"),
        "consequences": Input("resource.consequence", "upto"),
        "succession": Input("core.succession", "upto"),
    },
    rules=quota_rules,
    evidence={"core.enterprise_year": {"uscc": "uscc", "year": "year"}},
)
