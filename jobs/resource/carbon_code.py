"""碳效码 Carbon code of firms above scale: CO2 per value added, and beside the mean of the industry (Huzhou's model).

CO2 = electricity times its factor + (energy at calorific value less electricity) times the factor of fuel. L = CO2 /
value added, t per 万元: low, middle, high. K = L / mean of the industry, levels 1 (best) to 5; the mean is the
industry's CO2 divided by its value added. A firm that hides energy lowers its code, so energy below its own electricity
is noted.
"""

from __future__ import annotations

from decimal import Decimal

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.columns.arithmetic import VALUE_TYPE, multiply, ratio
from jobs.columns.rows import row_id, with_part
from jobs.columns.values import present
from jobs.job import Input, Job
from jobs.resource.rules.quotas import CarbonRules, QuotaRules, quota_rules
from jobs.resource.steps.standards import with_division
from schemas.contract import contract

TABLE = "resource.carbon_code"
INDUSTRY = ["year", "industry_division_code"]


def carbon_code(figures: DataFrame, enterprises: DataFrame, rules: QuotaRules) -> DataFrame:
    """One row per firm above scale and complete year."""
    firms = with_division(figures, enterprises).transform(_emitted, rules.carbon)
    means = (
        firms.where("counts AND industry_division_code IS NOT NULL")
        .groupBy(*INDUSTRY)
        .agg(
            F.sum("co2_t").cast(VALUE_TYPE).alias("industry_co2"),
            F.sum("value_added_wan_yuan").cast(VALUE_TYPE).alias("industry_value_added"),
            F.count("*").alias("industry_firm_count"),
        )
        .where(F.col("industry_firm_count") >= rules.carbon.least_firms)
        .withColumn("industry_carbon_intensity", ratio(F.col("industry_co2"), F.col("industry_value_added")))
    )
    return (
        with_part(firms, means, INDUSTRY)
        .withColumn("carbon_efficiency", ratio(F.col("carbon_intensity"), F.col("industry_carbon_intensity")))
        .withColumn("carbon_level_code", _level(rules.carbon))
        .withColumn("carbon_efficiency_level", _efficiency_level(rules.carbon))
        .withColumn("carbon_notes", _notes())
        .withColumn("row_id", row_id("uscc", "year"))
        .select(*contract(TABLE).column_names)
    )


def _emitted(firms: DataFrame, rules: CarbonRules) -> DataFrame:
    """With CO2 from electricity and fuel, and CO2 per value added."""
    power_mwh = ratio(F.col("power_kwh"), F.lit(1000))
    power_tce = multiply(F.col("power_mwh"), F.lit(rules.power_kgce_per_kwh).cast(VALUE_TYPE))
    fuel = F.col("energy_calorific_tce") - F.col("power_tce")
    added = F.col("value_added_wan_yuan")
    return (
        firms.withColumn("power_mwh", power_mwh)
        .withColumn("power_tce", power_tce)
        .withColumn("is_power_above", fuel < F.lit(Decimal("-0.01")))
        .withColumn("fuel_tce", F.when(fuel < 0, F.lit(Decimal(0))).otherwise(fuel).cast(VALUE_TYPE))
        .withColumn(
            "power_co2_t", multiply(F.col("power_mwh"), F.lit(rules.power_t_per_mwh).cast(VALUE_TYPE))
        )
        .withColumn("fuel_co2_t", multiply(F.col("fuel_tce"), F.lit(rules.fuel_t_per_tce).cast(VALUE_TYPE)))
        .withColumn("co2_t", (F.col("power_co2_t") + F.col("fuel_co2_t")).cast(VALUE_TYPE))
        .withColumn("carbon_intensity", F.when(added > 0, ratio(F.col("co2_t"), added)))
        .withColumn("counts", F.col("carbon_intensity").isNotNull())
    )


def _level(rules: CarbonRules) -> Column:
    low, middle = rules.carbon_bounds
    found = F.col("carbon_intensity")
    return (
        F.when(found <= F.lit(low), "low")
        .when(found <= F.lit(middle), "middle")
        .when(found.isNotNull(), "high")
    )


def _efficiency_level(rules: CarbonRules) -> Column:
    """1 to 5: the number of bounds that the firm's K is above, and one."""
    above = sum(
        (
            F.when(F.col("carbon_efficiency") > F.lit(bound), 1).otherwise(0)
            for bound in rules.efficiency_bounds
        ),
        F.lit(1),
    )
    return F.when(F.col("carbon_efficiency").isNotNull(), above).cast("int")


def _notes() -> Column:
    added = F.col("value_added_wan_yuan")
    return present(
        F.when(F.col("energy_calorific_tce").isNull(), "no_energy"),
        F.when(F.col("power_kwh").isNull(), "no_power"),
        F.when(added.isNull() | (added <= 0), "no_value_added"),
        F.when(F.col("is_power_above"), "power_above_energy"),
        F.when(F.col("counts") & F.col("carbon_efficiency").isNull(), "few_firms"),
    )


JOB = Job(
    table=TABLE,
    transform=carbon_code,
    inputs={"figures": Input("core.enterprise_year"), "enterprises": Input("core.enterprise")},
    rules=quota_rules,
    evidence={"core.enterprise_year": {"uscc": "uscc", "year": "year"}},
)
