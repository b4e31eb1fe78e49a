"""Figures of a unit of evaluation: numerator, denominator and value of each indicator."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.columns.arithmetic import VALUE_TYPE, divide
from jobs.per_mu.rules.frames import BY_DISTRICT, BY_LIST, FIGURES, Items, district_frame, indicator_frame

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

DISTRICT_TAX = "tax_contribution_wan_yuan"
#: Columns of per_mu.unit in the order of ``FIGURES``.
FIGURE_COLUMNS = [DISTRICT_TAX if name == "tax_contribution" else name for name in FIGURES]


def tax_contribution(components: str = "tax_components") -> Column:
    """Tax contribution 税收实际贡献 (万元): sum of the rule set's components; missing where no tax is on record."""
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


def unit_figures(units: DataFrame, items: Items) -> DataFrame:
    """One row per unit, year and indicator of its list, with the parameters of rule set and indicator.

    ``value`` is in the indicator's unit and rounded as the rule set says; missing where not defined, and where a firm
    of the unit withholds a figure that it owes and the rule set scores that apart (``is_withheld``): the other firms'
    figures alone would be better than the unit's.
    """
    # an array costs one look-up per figure; choosing among columns for each indicator generated methods so long that
    # Java did not compile them
    figures = F.array(*[F.col(name).cast(VALUE_TYPE) for name in FIGURE_COLUMNS])
    session = units.sparkSession
    return (
        units.select(
            "uscc", "year", "district_code", "list_code", "withheld_figures", figures.alias("figures")
        )
        .join(district_frame(session, items), BY_DISTRICT, "inner")
        .join(indicator_frame(session, items), BY_LIST, "inner")
        .withColumns(
            {
                "numerator": F.get("figures", F.col("numerator_place")),
                "denominator": (
                    F.get("figures", F.col("denominator_place")) * F.col("denominator_factor")
                ).cast(VALUE_TYPE),
            }
        )
        .withColumns(
            {
                "is_withheld": (F.col("withheld_policy") != "as_missing")
                & F.array_contains("withheld_figures", F.col("owed_figure")),
                "quotient": divide(*map(F.col, ("numerator", "denominator", "value_scale", "rounding_mode"))),
            }
        )
        .withColumn("value", F.when(~F.col("is_withheld"), F.col("quotient")))
        .drop(
            "quotient",
            "withheld_figures",
            "figures",
            "numerator_place",
            "denominator_place",
            "denominator_factor",
        )
    )
