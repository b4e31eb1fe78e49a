"""可盘活用地 Land that could be freed: parcels without a user, past their completion date, half vacant or under-used.

The uses of a parcel never exceed it (core.parcel_use), and the rest of a parcel is its holder's use whether the survey
found it used or not. So land without a user is a holder's rest that no surveyed use confirms.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.columns.arithmetic import AMOUNT, VALUE_TYPE, divide, multiply
from jobs.columns.rows import row_id, with_part
from jobs.columns.values import flags
from jobs.job import Input, Job
from jobs.resource.rules.efficiency import EfficiencyRules, LandRules, efficiency_rules
from schemas.contract import contract

TABLE = "resource.land_potential"
PARCEL = ["parcel_id", "year"]
#: A smaller rest of a parcel is a difference of measurement.
LEAST_MU = "0.1"


def land_potential(
    parcels: DataFrame,
    uses: DataFrame,
    buildings: DataFrame,
    figures: DataFrame,
    listed: DataFrame,
    rules: EfficiencyRules,
) -> DataFrame:
    """One row per parcel and year on which land could be freed, with the land (亩) by reason."""
    own = uses.where("use_type_code = 'own'")
    # a holder whose survey record was refused does use its land
    doubtful = figures.where("array_contains(quarantined_feeds, 'gov_land_survey')").select("uscc", "year")
    rest = (
        own.where("surveyed_area_mu IS NULL AND floor_share_pct IS NULL")
        .join(F.broadcast(doubtful), ["uscc", "year"], "left_anti")
        .groupBy(*PARCEL)
        .agg(F.sum("used_area_mu").cast(AMOUNT).alias("rest_mu"))
    )
    holder = own.groupBy(*PARCEL, "uscc").agg(F.sum("used_area_mu").cast(AMOUNT).alias("own_mu"))
    floors = buildings.withColumn("year", F.col("period")).groupBy(*PARCEL).agg(
        F.sum("building_area_m2").cast(VALUE_TYPE).alias("floor_m2"),
        F.sum("vacant_area_m2").cast(VALUE_TYPE).alias("vacant_m2"),
    )  # fmt: skip
    under_used = listed.where("array_contains(failed_conditions, 'land_under_used')").select(
        F.col("uscc").alias("owner_uscc"), "year", "persons_per_mu", "persons_per_mu_bound"
    )
    return (
        with_part(parcels, rest, PARCEL)
        .transform(with_part, holder.withColumnRenamed("uscc", "owner_uscc"), [*PARCEL, "owner_uscc"])
        .transform(with_part, floors, PARCEL)
        .transform(with_part, under_used, ["owner_uscc", "year"])
        .transform(_with_land, rules.land)
        .where("size(potential_reasons) > 0")
        .withColumn("land_tool_code", _tool())
        .withColumn("row_id", row_id(*PARCEL))
        .select(*contract(TABLE).column_names)
    )


def _with_land(rows: DataFrame, rules: LandRules) -> DataFrame:
    """Land by reason; what could be freed is the largest of them, since they may be the same land."""
    end = F.make_date(F.col("year").cast("int"), F.lit(12), F.lit(31))
    due, area = F.col("completion_due_date"), F.col("parcel_area_mu").cast(VALUE_TYPE)
    is_due = F.coalesce(due <= end, F.lit(True))
    has_building = F.coalesce(F.col("floor_m2") > 0, F.lit(False))
    is_late = F.coalesce((due <= end) & ~has_building, F.lit(False))
    unused = F.when(
        is_due & (F.col("rest_mu") >= F.lit(LEAST_MU).cast(AMOUNT)), F.col("rest_mu").cast(VALUE_TYPE)
    )
    is_vacant = F.coalesce(F.col("vacant_share") >= F.lit(rules.vacant_floor_share), F.lit(False))
    needed = divide(F.col("persons_per_mu"), F.col("persons_per_mu_bound"))
    amounts = ("unused_mu", "late_mu", "vacant_mu", "under_used_mu")
    return (
        rows.withColumns({"vacant_share": divide(F.col("vacant_m2"), F.col("floor_m2")), "unused_mu": unused})
        .withColumns(
            {
                "late_mu": F.when(is_late, area),
                "vacant_mu": F.when(is_vacant, multiply(area, F.col("vacant_share"))),
                "free_share": (F.lit(1).cast(VALUE_TYPE) - needed).cast(VALUE_TYPE),
            }
        )
        .withColumn("under_used_mu", multiply(F.col("own_mu").cast(VALUE_TYPE), F.col("free_share")))
        .withColumns(
            {
                "potential_reasons": flags(
                    no_user=F.col("unused_mu").isNotNull(),
                    past_completion=is_late,
                    vacant_floor=is_vacant,
                    under_used=F.coalesce(F.col("under_used_mu") > 0, F.lit(False)),
                ),
                # least() and greatest() skip what is missing
                "freed_mu": F.least(area, F.greatest(*amounts)),
                "may_be_withdrawn": F.coalesce(
                    is_late & (F.add_months(due, 12 * rules.withdraw_after_years) <= end), F.lit(False)
                ),
            }
        )
    )  # fmt: skip


def _tool() -> Column:
    """What could be done first: take back, separate, let, or agree on an exchange."""

    def has(reason: str) -> Column:
        return F.array_contains("potential_reasons", reason)

    return (
        F.when(F.col("may_be_withdrawn"), "withdraw")
        .when(has("past_completion"), "press_for_completion")
        .when(has("vacant_floor"), "let_floor")
        .when(has("no_user"), "split_transfer")
        .otherwise("integrate")
    )


JOB = Job(
    table=TABLE,
    transform=land_potential,
    inputs={
        "parcels": Input("core.parcel"),
        "uses": Input("core.parcel_use"),
        "buildings": Input("raw.gov_building"),
        "figures": Input("core.enterprise_year"),
        "listed": Input("resource.low_efficiency"),
    },
    rules=efficiency_rules,
    evidence={
        "core.parcel": {"parcel_id": "parcel_id", "year": "year"},
        "core.parcel_use": {"parcel_id": "parcel_id", "year": "year"},
        "raw.gov_building": {"parcel_id": "parcel_id", "period": "year"},
    },
)
