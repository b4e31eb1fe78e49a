"""Figures of a unit of evaluation: numerator, denominator and value of each indicator."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import reduce
from operator import add

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.columns.arithmetic import VALUE_TYPE, divide
from jobs.per_mu.rules.frames import (
    BY_DISTRICT,
    BY_GROUP,
    Items,
    district_frame,
    figures_used,
    indicator_frame,
)
from jobs.per_mu.rules.tax_columns import EXCLUDED_COLUMNS, TAX_COLUMNS
from schemas.contract import contract

DISTRICT_TAX = "tax_contribution_wan_yuan"
#: The tax contribution as units have it, by the components of their rule set.
COLUMN_OF: Mapping[str, str] = {"tax_contribution": DISTRICT_TAX}
#: Columns of the table of enterprises' units.
OF_ENTERPRISES = frozenset(contract("per_mu.unit").column_names)


def tax_contribution(prefix: str = "tax") -> Column:
    """Tax contribution 税收实际贡献 (万元): the rule set's components less what it leaves out.

    Missing where no tax is on record. ``prefix`` is that of the columns ``*_components`` and ``*_exclusions``.
    """

    def total(of: str, columns: Mapping[str, str]) -> Column:
        amounts = [
            F.when(F.array_contains(of, name), F.coalesce(F.col(column), F.lit(0)))
            .otherwise(F.lit(0))
            .cast(VALUE_TYPE)
            for name, column in columns.items()
        ]
        return reduce(add, amounts)

    counted = total(f"{prefix}_components", TAX_COLUMNS) - total(f"{prefix}_exclusions", EXCLUDED_COLUMNS)
    return F.when(F.coalesce(*TAX_COLUMNS.values()).isNotNull(), counted.cast(VALUE_TYPE))


def unit_figures(units: DataFrame, items: Items, known: Collection[str]) -> DataFrame:
    """One row per unit, year and indicator of its list, with the parameters of rule set and indicator.

    ``known`` are the columns of the units' table; a figure that it lacks is missing.

    ``value`` is in the indicator's unit and rounded as the rule set says; missing where not defined, and where a firm
    of the unit withholds a figure that it owes and the rule set scores that apart (``is_withheld``): the other firms'
    figures alone would be better than the unit's.
    """
    # an array costs one look-up per figure; choosing among columns for each indicator generated methods so long that
    # Java did not compile them
    # without any rule set the array is empty, and its type would be unknown
    columns = [COLUMN_OF.get(name, name) for name in figures_used(items)] or [DISTRICT_TAX]
    figures = F.array(*[(F.col(c) if c in known else F.lit(None)).cast(VALUE_TYPE) for c in columns])
    session = units.sparkSession
    return (
        units.select(
            "uscc",
            "year",
            "district_code",
            "list_code",
            "ranking_group",
            "figures_as_of",
            "withheld_figures",
            figures.alias("figures"),
        )
        .join(district_frame(session, items), BY_DISTRICT, "inner")
        .join(indicator_frame(session, items), BY_GROUP, "inner")
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
