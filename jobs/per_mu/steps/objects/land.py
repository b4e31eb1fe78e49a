"""Objects made of parcels: the parcels themselves, zones, industrial areas and their parts, parks for small firms."""

from __future__ import annotations

from decimal import Decimal

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.columns.arithmetic import AMOUNT
from jobs.columns.values import no_texts
from jobs.per_mu.rules.objects import ObjectRules
from jobs.per_mu.steps.objects.rows import codes, complete, year_end
from jobs.per_mu.steps.objects.sums import GROUP, PARCEL
from schemas.contract import code_list


def parcels(parcel: DataFrame, sums: DataFrame, rules: ObjectRules) -> DataFrame:
    """One row per parcel of the register, and per parcel that the survey alone has."""
    new_until = F.when(
        F.col("supply_mode_code").isin(*rules.scope.parcel.new_land_modes)
        & F.col("acquired_date").isNotNull(),
        F.least(  # skips a missing due date
            F.add_months("acquired_date", rules.scope.parcel.new_land_years * 12),
            F.col("completion_due_date"),
        ),
    )
    registered = parcel.select(
        *PARCEL, "district_code", "parcel_area_mu", "supply_mode_code", "acquired_date", "completion_due_date",
        "is_disputed", F.lit(True).alias("is_registered"),
    )  # fmt: skip
    firms = F.coalesce("resident_firm_count", F.lit(0))
    return (
        registered.join(sums, PARCEL, "full")
        .withColumns(
            {
                "object_code": F.col("parcel_id"),
                "object_name": F.col("parcel_id"),
                "district_code": F.coalesce("district_code", "used_district"),
                "land_area_mu": F.coalesce("parcel_area_mu", "used_parcel_mu"),
                "object_parcel_count": F.lit(1),
                "protected_until_date": F.when(new_until > year_end(), new_until),
            }
        )
        .withColumns(
            {
                "outside": codes(
                    (firms == 0, "no_firm"),
                    ((firms > 0) & (F.col("outside_count") == firms), "users_out_of_scope"),
                ),
                "exempt": codes((F.col("outside_count") + F.col("exempt_count") == firms, "users_exempt")),
                "protected": codes(
                    (F.col("protected_until_date").isNotNull(), "new_land"),
                    (
                        (F.col("protected_count") > 0)
                        & (
                            F.col("outside_count") + F.col("exempt_count") + F.col("protected_count") == firms
                        ),
                        "users_protected",
                    ),
                ),
                "gaps": codes(
                    (F.col("is_registered").isNull(), "unknown_parcel"),
                    (unreported(rules), "users_unreported"),
                ),
                "notes": codes((F.col("is_disputed"), "disputed")),
            }
        )
        .transform(complete, "parcel", rules)
    )


def unreported(rules: ObjectRules) -> Column:
    """Whether too much of the firms' land belongs to firms without taxes on record."""
    none = F.lit(0).cast(AMOUNT)
    least = F.coalesce("directory_land_mu", none) * F.lit(rules.scope.taxed_share).cast("decimal(9,6)")
    return least > F.coalesce("taxed_land_mu", none)


def zones(zone: DataFrame, groups: DataFrame, leading: DataFrame, rules: ObjectRules) -> DataFrame:
    """One row per development zone of the register."""
    named = zone.select(
        F.lit("zone").alias("object_kind_code"), F.col("zone_code").alias("object_code"), "year",
        F.col("zone_name").alias("object_name"), "district_code",
    )  # fmt: skip
    return named.transform(_with_groups, groups, leading, rules).transform(complete, "zone", rules)


def areas(park: DataFrame, groups: DataFrame, leading: DataFrame, rules: ObjectRules, kind: str) -> DataFrame:
    """One row per key industrial area, or per part of one."""
    named = park.where(F.col("park_kind_code") == kind).select(
        F.lit(kind).alias("object_kind_code"), F.col("park_code").alias("object_code"), "year",
        F.col("park_name").alias("object_name"), "district_code", "building_area_m2", "occupancy_pct",
    )  # fmt: skip
    return named.transform(_with_groups, groups, leading, rules).transform(complete, kind, rules)


def small_parks(park: DataFrame, groups: DataFrame, leading: DataFrame, rules: ObjectRules) -> DataFrame:
    """One row per park for small and micro enterprises."""
    since = F.add_months("recognised_date", rules.scope.park.transition_years * 12)
    dimensions = list(code_list("park_dimension"))
    lacking = [
        (F.col(f"points_{code}").isNull(), F.concat(F.lit("missing_dimension:"), F.lit(code)))
        for code in dimensions
    ]
    used = F.round(F.col("building_area_m2") * F.col("occupancy_pct") * F.lit(Decimal("0.01")), 2)
    named = park.where("park_kind_code = 'small_micro'").select(
        F.lit("small_park").alias("object_kind_code"), F.col("park_code").alias("object_code"), "year",
        F.col("park_name").alias("object_name"), "district_code", "building_area_m2", "star_count",
        used.cast("decimal(18,2)").alias("occupied_area_m2"),
        "recognised_date", *(f"points_{code}" for code in dimensions),
    )  # fmt: skip
    return (
        named.transform(_with_groups, groups, leading, rules)
        .withColumns(
            {
                "protected_until_date": F.when(since > year_end(), since),
                "outside": F.concat("outside", codes((F.col("building_area_m2") <= 0, "no_building"))),
                "gaps": codes((unreported(rules), "users_unreported"), *lacking),
                "notes": codes(
                    (F.col("star_count") == 5, "five_stars"), (F.col("star_count") == 4, "four_stars")
                ),
            }
        )
        .withColumn("protected", codes((F.col("protected_until_date").isNotNull(), "transition")))
        .transform(complete, "small_park", rules)
    )


def _with_groups(named: DataFrame, groups: DataFrame, leading: DataFrame, rules: ObjectRules) -> DataFrame:
    """Named objects with their sums, leading industry and the reasons that larger objects share."""
    firms = F.coalesce("resident_firm_count", F.lit(0))
    few = F.coalesce("reporting_firm_count", F.lit(0)) < rules.scope.zone.least_reporting_firms
    return (
        named.join(groups, GROUP, "left")
        .join(leading, GROUP, "left")
        .withColumns(
            {
                "object_parcel_count": F.coalesce("object_parcel_count", F.lit(0)),
                "protected_until_date": F.lit(None).cast("date"),
                "outside": codes(
                    (F.col("object_parcel_count").isNull(), "no_parcel"),
                    (F.col("object_parcel_count").isNotNull() & (firms == 0), "no_firm"),
                ),
                "exempt": no_texts(),
                "protected": no_texts(),
                "gaps": codes((unreported(rules), "users_unreported"), (few, "few_reporting")),
                "notes": no_texts(),
            }
        )
    )
