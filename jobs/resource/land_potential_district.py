"""区县可盘活用地 Land that could be freed by district, beside the plan's aim."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.columns.arithmetic import VALUE_TYPE, divide, share_pct
from jobs.columns.rows import row_id, whole
from jobs.job import Input, Job
from jobs.resource.rules.efficiency import EfficiencyRules, efficiency_rules
from schemas.contract import contract

TABLE = "resource.land_potential_district"
KEY = ["year", "district_code"]
SUMS = ("unused_mu", "late_mu", "vacant_mu", "under_used_mu", "freed_mu")


def land_potential_district(parcels: DataFrame, potential: DataFrame, rules: EfficiencyRules) -> DataFrame:
    """One row per year and district; land in mu. Reasons overlap, so ``freed_mu`` is less than their sum."""
    land = parcels.groupBy(*KEY).agg(
        F.count("*").alias("parcel_count"), _total(F.col("parcel_area_mu")).alias("land_total_mu")
    )
    found = potential.groupBy(*KEY).agg(
        F.count("*").alias("potential_parcel_count"),
        F.count(F.when(F.col("may_be_withdrawn"), 1)).alias("withdrawable_count"),
        *(_total(F.coalesce(name, F.lit(0))).alias(name) for name in SUMS),
    )
    zero = F.lit(0).cast(VALUE_TYPE)
    return (
        land.join(found, KEY, "left")
        .withColumns(
            {name: F.coalesce(name, F.lit(0)) for name in ("potential_parcel_count", "withdrawable_count")}
        )
        .withColumns({name: F.coalesce(name, zero) for name in SUMS})
        .withColumns(
            {
                "city_mu": F.sum("land_total_mu").over(whole("year")).cast(VALUE_TYPE),
                "aim": (F.col("land_total_mu") * rules.land.aim_mu).cast(VALUE_TYPE),
            }
        )
        .withColumns(
            {
                "aim_mu": divide(F.col("aim"), F.col("city_mu"), 0),
                "freed_share_pct": share_pct(F.col("freed_mu"), F.col("land_total_mu")),
                "row_id": row_id(*KEY),
            }
        )
        .select(*contract(TABLE).column_names)
    )


def _total(amount: Column) -> Column:
    return F.sum(amount).cast(VALUE_TYPE)


JOB = Job(
    table=TABLE,
    transform=land_potential_district,
    inputs={"parcels": Input("core.parcel"), "potential": Input("resource.land_potential")},
    rules=efficiency_rules,
    evidence={
        "resource.land_potential": {"year": "year", "district_code": "district_code"},
        "core.parcel": {"year": "year", "district_code": "district_code"},
    },
)
