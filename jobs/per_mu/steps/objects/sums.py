"""Sums over the users of parcels, and over the parcels of larger objects.

Figures are those of per_mu.parcel_figure. The sums of each parcel are computed once, and the larger objects add up
their parcels; firms are counted once however many parcels of an object they use.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.columns.arithmetic import AMOUNT
from jobs.columns.rows import at_least, at_most, with_part
from schemas.contract import contract

PARCEL = ["parcel_id", "year"]
GROUP = ["object_kind_code", "object_code", "year"]
#: Sums of all firms, and of those that report all of value added, staff and energy.
OF_ALL = (
    "tax_contribution_wan_yuan",
    "declared_revenue_wan_yuan",
    "investment_wan_yuan",
    "emission_t",
    "power_kwh",
)
OF_REPORTING = (
    "value_added_wan_yuan",
    "revenue_wan_yuan",
    "rd_expense_wan_yuan",
    "employees_average",
    "energy_tce",
)
#: Sums of land and tax: of firms of the directory, of those with taxes on record, of those that report.
LANDS = ("directory_land_mu", "taxed_land_mu", "reporting_land_mu", "reporting_tax_wan_yuan")
_TYPES = {c.name: c.type for c in contract("per_mu.object_unit").columns}


def users(parcel_figure: DataFrame) -> DataFrame:
    """Users of parcels, with what their sums and counts need; land of zero counts as no land."""
    reports = (
        F.col("value_added_wan_yuan").isNotNull()
        & F.col("employees_average").isNotNull()
        & F.col("energy_tce").isNotNull()
    )
    return parcel_figure.withColumns(
        {
            "is_firm": F.col("eval_status_code").isNotNull(),
            "is_taxed": F.col("tax_contribution_wan_yuan").isNotNull(),
            "is_reporting": reports,
        }
    )


def parcel_sums(of_users: DataFrame) -> DataFrame:
    """One row per parcel and year with users: sums and counts."""
    land, status = F.col("used_area_mu"), F.col("eval_status_code")
    is_firm, is_reporting = F.col("is_firm"), F.col("is_reporting")

    def count(condition: Column, name: str) -> Column:
        return F.count(F.when(condition, 1)).cast("int").alias(name)

    def total(condition: Column, amount: Column, name: str) -> Column:
        return F.sum(F.when(condition, amount)).cast(_TYPES[name]).alias(name)

    return of_users.groupBy(*PARCEL).agg(
        *(F.sum(name).cast(_TYPES[name]).alias(name) for name in OF_ALL),
        *(total(is_reporting, F.col(name), name) for name in OF_REPORTING),
        total(is_firm, land, "directory_land_mu"),
        total(is_firm & F.col("is_taxed"), land, "taxed_land_mu"),
        total(is_reporting, land, "reporting_land_mu"),
        total(is_reporting, F.col("tax_contribution_wan_yuan"), "reporting_tax_wan_yuan"),
        F.count("*").cast("int").alias("user_count"),
        count(is_firm, "resident_firm_count"),
        count(is_firm & F.col("is_local"), "local_firm_count"),
        count(F.array_contains("use_types", "lease"), "tenant_count"),
        count(F.array_contains("use_types", "sublet"), "subtenant_count"),
        count(is_reporting, "reporting_firm_count"),
        count(status == "out_of_scope", "outside_count"),
        count(status == "exempt", "exempt_count"),
        count(status == "protected", "protected_count"),
        F.max("parcel_area_mu").alias("used_parcel_mu"),
        F.max("district_code").alias("used_district"),
    )


def memberships(parcel: DataFrame, building: DataFrame, park: DataFrame) -> DataFrame:
    """Parcel, year, and each zone, part, area and park for small firms that it belongs to, one of a kind.

    Parks have no list of parcels: a parcel is in the park that the survey of its buildings names.
    """
    named = building.groupBy(*PARCEL).agg(
        F.min("park_code").alias("small_park"), F.min("area_part_code").alias("area_part")
    )
    parents = park.where("park_kind_code = 'area_part'").select(
        F.col("park_code").alias("area_part"), "year", F.col("parent_park_code").alias("industrial_area")
    )
    of_buildings = named.join(F.broadcast(parents), ["area_part", "year"], "left")
    zones = parcel.where("zone_code is not null").select(
        *PARCEL, F.lit("zone").alias("object_kind_code"), F.col("zone_code").alias("object_code")
    )
    parks = [
        of_buildings.where(F.col(kind).isNotNull()).select(
            *PARCEL, F.lit(kind).alias("object_kind_code"), F.col(kind).alias("object_code")
        )
        for kind in ("small_park", "area_part", "industrial_area")
    ]
    every = zones
    for some in parks:
        every = every.unionByName(some)
    return every


def firms_of(of_users: DataFrame, members: DataFrame) -> DataFrame:
    """One row per larger object and user of its land; a firm on several of its parcels counts once."""
    revenue = F.sum("declared_revenue_wan_yuan").cast(AMOUNT)
    marks = ("is_firm", "is_local", "is_reporting")
    return (
        of_users.select(
            *PARCEL, "uscc", *(F.col(m).cast("int").alias(m) for m in marks), "eval_status_code",
            "industry_division_code", "declared_revenue_wan_yuan",
        )
        .join(members, PARCEL, "inner")
        .groupBy(*GROUP, "uscc")
        .agg(
            *(F.max(m).alias(m) for m in marks),
            F.max("eval_status_code").alias("eval_status_code"),
            F.max("industry_division_code").alias("leading_division_code"),
            revenue.alias("revenue"),
        )
    )  # fmt: skip


def group_sums(parcel: DataFrame, sums: DataFrame, firms: DataFrame, members: DataFrame) -> DataFrame:
    """One row per zone, area, part and park with parcels: land, sums of its parcels, and distinct firms."""
    land = (
        with_part(members, parcel.select(*PARCEL, "parcel_area_mu"), PARCEL, "inner")
        .groupBy(*GROUP)
        .agg(
            F.sum("parcel_area_mu").cast(AMOUNT).alias("land_area_mu"),
            F.count("*").cast("int").alias("object_parcel_count"),
        )
    )
    added = [
        *(F.sum(c).cast(_TYPES[c]).alias(c) for c in (*OF_ALL, *OF_REPORTING, *LANDS)),
        *(F.sum(c).cast("int").alias(c) for c in ("tenant_count", "subtenant_count")),
    ]
    figures = with_part(members, sums, PARCEL, "inner").groupBy(*GROUP).agg(*added)
    counts = firms.groupBy(*GROUP).agg(
        F.count("*").cast("int").alias("user_count"),
        F.sum("is_firm").cast("int").alias("resident_firm_count"),
        F.sum(F.col("is_firm") * F.col("is_local")).cast("int").alias("local_firm_count"),
        F.sum("is_reporting").cast("bigint").alias("reporting_firm_count"),
        F.count(F.when(F.col("eval_status_code") == "out_of_scope", 1)).cast("int").alias("outside_count"),
    )
    return land.join(figures, GROUP, "left").join(counts, GROUP, "left")


def largest_division(firms: DataFrame) -> DataFrame:
    """One row per larger object: the division with the most declared revenue, and that revenue; the first if equal."""
    by_division = (
        firms.where("leading_division_code is not null and revenue > 0")
        .groupBy(*GROUP, "leading_division_code")
        .agg(F.sum("revenue").cast(AMOUNT).alias("leading_revenue_wan_yuan"))
    )
    return at_most(by_division, GROUP, "leading_revenue_wan_yuan").transform(
        lambda rows: at_least(rows, GROUP, "leading_division_code")
    )


def planned_divisions(firms: DataFrame, zone: DataFrame) -> DataFrame:
    """One row per zone: its leading division by the plan, and the declared revenue of its one or two leading ones."""
    plan = zone.select(
        F.lit("zone").alias("object_kind_code"), F.col("zone_code").alias("object_code"), "year",
        F.col("leading_division_code").alias("first"), F.col("second_division_code").alias("second"),
    )  # fmt: skip
    leading = F.col("leading_division_code").isin(F.col("first"), F.col("second"))
    revenue = F.sum(F.when(F.coalesce(leading, F.lit(False)), F.col("revenue")).otherwise(F.lit(0)))
    return (
        firms.join(F.broadcast(plan), GROUP, "inner")
        .groupBy(*GROUP, "first")
        .agg(revenue.cast(AMOUNT).alias("leading_revenue_wan_yuan"))
        .withColumnRenamed("first", "leading_division_code")
    )
