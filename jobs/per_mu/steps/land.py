"""Land that cannot carry 用地不足以承载 the people and the output on it; bounds in ``rules/land_limits.yml``."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.columns.arithmetic import VALUE_TYPE, divide
from jobs.per_mu.rules.land_limits import LandLimits, land_limit_frame

#: A mu is 2000/3 m².
M2_OF_THREE_MU = 2000
#: What land carries.
MEASURES = ("staff", "value_added", "tax")


def with_limits(firms: DataFrame, limits: LandLimits) -> DataFrame:
    """Firms with their staff (the average of the statistics, else those insured) and the bounds of their industry."""
    staff = F.coalesce(F.col("employees_average"), F.col("insured_count").cast("decimal(18,2)"))
    return firms.withColumn("staff", staff).join(
        land_limit_frame(firms.sparkSession, limits), "industry_division_code", "left"
    )


def overloads() -> dict[str, Column]:
    """What the land of a firm cannot carry → condition; land of zero has rules of its own.

    The comparison multiplies, so that it is exact, and costs less than a quotient for each firm of the city.
    """
    land = F.col("land_area_mu")
    conditions = (
        land * M2_OF_THREE_MU < F.col("staff") * F.col("m2_for_three_persons"),
        land * F.col("most_value_added_per_mu") < F.col("value_added_wan_yuan"),
        land * F.col("most_tax_per_mu") < F.col("tax_contribution"),
    )
    return {
        name: F.coalesce((land > 0) & beyond, F.lit(False))
        for name, beyond in zip(MEASURES, conditions, strict=True)
    }


def carried() -> dict[str, tuple[Column, Column]]:
    """What land carries → amount (persons, 万元), and the least land for it (亩), rounded to a millionth."""
    area = (F.col("staff") * F.col("m2_for_three_persons")).cast(VALUE_TYPE)
    added, tax = F.col("value_added_wan_yuan"), F.col("tax_contribution")
    amounts = (
        (F.col("staff"), divide(area, F.lit(M2_OF_THREE_MU))),
        (added, divide(added, F.col("most_value_added_per_mu"))),
        (tax, divide(tax, F.col("most_tax_per_mu"))),
    )
    return dict(zip(MEASURES, amounts, strict=True))
