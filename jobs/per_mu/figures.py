"""Figures of a unit of evaluation: numerator, denominator and value of each indicator."""

from __future__ import annotations

from typing import get_args

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.per_mu.arithmetic import VALUE_TYPE, divide
from jobs.per_mu.parameters import BY_DISTRICT, BY_LIST, FIGURES, Items, district_frame, indicator_frame
from jobs.per_mu.rules import ListCode

#: Tax component of a rule set → column of core.enterprise_year.
TAX_COLUMNS = {
    "vat": "tax_vat_wan_yuan",
    "export_offset": "tax_export_offset_wan_yuan",
    "income": "tax_income_wan_yuan",
    "consumption": "tax_consumption_wan_yuan",
    "surcharge": "tax_surcharge_wan_yuan",
    "land_use": "tax_land_use_wan_yuan",
    "property": "tax_property_wan_yuan",
    "other": "tax_other_wan_yuan",
}


def tax_contribution(components: str = "tax_components") -> Column:
    """Tax contribution 税收实际贡献 (万元): the rule set's components; missing where none is on record."""
    amounts = [
        F.when(F.array_contains(components, name), F.coalesce(F.col(column), F.lit(0)))
        .otherwise(F.lit(0))
        .cast(VALUE_TYPE)
        for name, column in TAX_COLUMNS.items()
    ]
    total = amounts[0]
    for amount in amounts[1:]:
        total = total + amount
    return F.when(F.coalesce(*TAX_COLUMNS.values()).isNotNull(), total.cast(VALUE_TYPE))


def unit_figures(population: DataFrame, enterprise_year: DataFrame, items: Items) -> DataFrame:
    """One row per unit, year and indicator of its list, with the parameters of rule set and indicator.

    The figures of merged firms are summed into their unit; a firm that inherits a grade adds nothing.
    Value: 万元, 亩 and so on by indicator, rounded by the rule set; missing where not defined.
    """
    session = population.sparkSession
    members = population.where("eval_status_code = 'graded' and unit_role_code in ('own', 'merged')").select(
        "uscc", "year", "evaluation_uscc", "district_code", "list_code", "unit_role_code"
    )
    units = (
        members.join(enterprise_year.drop("district_code", "is_above_scale"), ["uscc", "year"], "inner")
        .join(district_frame(session, items), BY_DISTRICT, "inner")
        .withColumn("tax_contribution", tax_contribution())
        .transform(_sum_units)
    )
    return (
        units.join(district_frame(session, items), BY_DISTRICT, "inner")
        .join(indicator_frame(session, items), BY_LIST, "inner")
        .withColumns(
            {
                "numerator": F.get("figures", F.col("numerator_place")),
                "denominator": (
                    F.get("figures", F.col("denominator_place")) * F.col("denominator_factor")
                ).cast(VALUE_TYPE),
            }
        )
        .withColumn(
            "value", divide(*map(F.col, ("numerator", "denominator", "value_scale", "rounding_mode")))
        )
        .drop("figures", "numerator_place", "denominator_place", "denominator_factor")
    )


def _sum_units(members: DataFrame) -> DataFrame:
    """Firms → units, their ``FIGURES`` as an array; the list is that of the unit's lead.

    Taken out of an array an indicator's figures cost a look-up; a choice among columns for each indicator made
    methods so long that Java left them interpreted.
    """
    lead = F.col("unit_role_code") == "own"
    lists = F.array(*map(F.lit, get_args(ListCode)))
    # numbers only, or Spark would sort the firms in order to add them up
    return members.groupBy(F.col("evaluation_uscc").alias("uscc"), "year", "district_code").agg(
        F.element_at(
            lists, F.max(F.when(lead, F.array_position(lists, F.col("list_code")).cast("int")))
        ).alias("list_code"),
        F.array(*[F.sum(name).cast(VALUE_TYPE) for name in FIGURES]).alias("figures"),
    )
