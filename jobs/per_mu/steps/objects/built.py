"""Objects of floor space: industrial buildings, service enterprises and service complexes."""

from __future__ import annotations

from decimal import Decimal

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.columns.arithmetic import AMOUNT
from jobs.columns.rows import with_part
from jobs.columns.values import no_texts
from jobs.per_mu.rules.objects import ObjectRules
from jobs.per_mu.steps.objects.land import unreported
from jobs.per_mu.steps.objects.rows import codes, complete, year_end
from jobs.per_mu.steps.objects.sums import PARCEL

#: Figures of a parcel that its buildings share out by floor area.
BY_FLOOR = ("tax_contribution_wan_yuan", "declared_revenue_wan_yuan")
#: Figures without which a service enterprise cannot be graded → their name among those of objects.
OF_SERVICES = {
    "tax_contribution_wan_yuan": "tax_contribution_wan_yuan",
    "service_value_added_wan_yuan": "value_added_wan_yuan",
    "revenue_wan_yuan": "revenue_wan_yuan",
    "employees_average": "employees_average",
}


def buildings(building: DataFrame, sums: DataFrame, rules: ObjectRules) -> DataFrame:
    """One row per building: its parcel's figures by its share of the parcel's floor area.

    Senders name a firm's parcel, not its building, so a building has the firms of its whole parcel.
    """
    floors = building.groupBy(*PARCEL).agg(F.sum("building_area_m2").cast("decimal(18,2)").alias("floors"))
    counted = sums.select(
        *PARCEL, *BY_FLOOR, "user_count", "resident_firm_count", "local_firm_count", "tenant_count", "subtenant_count",
        "directory_land_mu", "taxed_land_mu", F.lit(True).alias("is_used"),
    )  # fmt: skip
    new_until = F.add_months("built_date", rules.scope.building.new_years * 12)
    area, vacant = F.col("building_area_m2"), F.col("vacant_area_m2")
    within = F.when((vacant >= 0) & (vacant <= area), area - vacant)
    return (
        with_part(building, floors, PARCEL)
        .transform(with_part, counted, PARCEL)
        .withColumns({name: _by_floor(name) for name in BY_FLOOR})
        .withColumns(
            {
                "object_code": F.col("building_code"),
                "object_name": F.col("building_code"),
                "occupied_area_m2": within.cast("decimal(18,2)"),
                "protected_until_date": F.when(new_until > year_end(), new_until),
                "outside": codes(
                    (F.col("floor_count") < rules.scope.building.least_floors, "low_building"),
                    (area < rules.scope.building.least_area_m2, "small_building"),
                    (F.col("let_share_pct") < rules.scope.building.least_let_pct, "own_use"),
                    (F.coalesce("resident_firm_count", F.lit(0)) == 0, "no_firm"),
                ),
                "exempt": no_texts(),
                "gaps": codes(
                    (vacant.isNull(), "missing_figure:vacant_area_m2"),
                    contradiction(),
                    (unreported(rules), "users_unreported"),
                ),
                "notes": no_texts(),
            }
        )
        .withColumn("protected", codes((F.col("protected_until_date").isNotNull(), "new_building")))
        .transform(complete, "building", rules)
    )  # fmt: skip


def contradiction() -> tuple[Column, Column]:
    """Whether the report contradicts itself, and the first contradiction."""
    return F.size("building_flags") > 0, F.concat(
        F.lit("contradiction:"), F.try_element_at("building_flags", F.lit(1))
    )


def _by_floor(figure: str) -> Column:
    """``figure × building / floors`` rounded toward zero, so that the buildings never exceed their parcel."""
    millionths = (F.col(figure).cast(AMOUNT) * F.lit(Decimal(10**6))).cast("decimal(18,0)")
    area, floors = (
        (F.col(c).cast("decimal(16,2)") * F.lit(Decimal(100))).cast("decimal(16,0)")
        for c in ("building_area_m2", "floors")
    )
    part = F.call_function("div", (millionths * area).cast("decimal(36,0)"), F.when(floors > 0, floors))
    return (part.cast("decimal(19,0)") * F.lit(Decimal("0.000001"))).cast(AMOUNT)


def service_firms(service_firm: DataFrame, rules: ObjectRules) -> DataFrame:
    """One row per service enterprise, in the list of those with own land or of those without."""
    has_land = F.coalesce(F.col("land_area_mu") > 0, F.lit(False))
    rule = rules.scope.service
    floor = F.col("floor_area_m2")
    cramped = floor < F.col("employees_average") * F.lit(rule.least_floor_m2_per_person).cast("decimal(18,6)")
    missing = [
        (F.col(column).isNull(), F.concat(F.lit("missing_figure:"), F.lit(name)))
        for column, name in OF_SERVICES.items()
    ]
    return service_firm.withColumns(
        {
            "object_code": F.col("uscc"),
            "object_name": F.col("enterprise_name"),
            "value_added_wan_yuan": F.col("service_value_added_wan_yuan"),
            "list_code": F.when(has_land, "service_own_land").otherwise("service_no_land"),
            "building_area_m2": floor,
            "resident_firm_count": F.lit(1),
            # statistics of a single firm are shown to nobody else
            "reporting_firm_count": F.lit(1),
            "protected_until_date": F.lit(None).cast("date"),
            "outside": codes(
                (
                    F.col("service_division_code").isin(*rule.excluded_divisions),
                    F.concat(F.lit("division:"), F.col("service_division_code")),
                ),
                (
                    F.col("registration_status_code").isin(*rule.inactive_statuses),
                    F.concat(F.lit("registration:"), F.col("registration_status_code")),
                ),
                (F.col("is_in_industry"), "in_industry"),
            ),
            "exempt": no_texts(),
            "protected": no_texts(),
            "gaps": codes(
                *missing,
                (~has_land & (F.coalesce(floor, F.lit(0)) <= 0), "missing_figure:building_area_m2"),
                (cramped, "floor_too_small"),
            ),
            "notes": no_texts(),
        }
    ).transform(complete, "service_firm", rules)


def service_complexes(service_complex: DataFrame, rules: ObjectRules) -> DataFrame:
    """One row per service complex."""
    new_until = F.add_months("opened_date", rules.scope.complex.new_years * 12)
    area, used = F.col("building_area_m2"), F.col("occupied_area_m2")
    return (
        service_complex.withColumns(
            {
                "object_code": F.col("complex_code"),
                "object_name": F.col("complex_name"),
                "vacant_area_m2": F.when(used <= area, area - used).cast("decimal(18,2)"),
                "protected_until_date": F.when(new_until > year_end(), new_until),
                "outside": codes((area <= 0, "no_building")),
                "exempt": no_texts(),
                "gaps": codes(
                    (used.isNull(), "missing_figure:occupied_area_m2"),
                    (F.col("tax_contribution_wan_yuan").isNull(), "missing_figure:tax_contribution_wan_yuan"),
                    (F.col("declared_revenue_wan_yuan").isNull(), "missing_figure:declared_revenue_wan_yuan"),
                    contradiction(),
                ),
                "notes": no_texts(),
            }
        )
        .withColumn("protected", codes((F.col("protected_until_date").isNotNull(), "new_complex")))
        .transform(complete, "service_complex", rules)
    )  # fmt: skip
