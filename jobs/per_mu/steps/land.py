"""Land that cannot carry 用地不足以承载 the people and the output on it; bounds in ``rules/land_limits.yml``."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.columns.arithmetic import VALUE_TYPE, divide
from jobs.per_mu.rules.land_limits import land_limit_frame

#: 1 mu = 2000/3 m².
M2_OF_THREE_MU = 2000


def staff() -> Column:
    """Persons: the average of the statistics, else those insured."""
    return F.coalesce(F.col("employees_average"), F.col("insured_count").cast("decimal(18,2)"))


def with_least_land(firms: DataFrame) -> DataFrame:
    """Firms with the least land (亩) that could carry their staff, value added and tax; missing where not known.

    Columns ``least_mu_staff``, ``least_mu_value_added`` and ``least_mu_tax`` are rounded to a millionth.
    """
    by_staff = (F.col("staff") * F.col("least_m2_per_person") * 3).cast(VALUE_TYPE)
    return (
        firms.withColumn("staff", staff())
        .join(land_limit_frame(firms.sparkSession), "industry_division_code", "left")
        .withColumn("staff_m2", by_staff)
        .withColumns(
            {
                "least_mu_staff": divide(F.col("staff_m2"), F.lit(M2_OF_THREE_MU)),
                "least_mu_value_added": divide(
                    F.col("value_added_wan_yuan"), F.col("most_value_added_per_mu")
                ),
                "least_mu_tax": divide(F.col("tax_contribution"), F.col("most_tax_per_mu")),
            }
        )
        .drop("staff_m2", "least_m2_per_person", "most_value_added_per_mu", "most_tax_per_mu")
    )


def is_too_small(least: str) -> Column:
    """Whether the firm has land, and less than it needs at least; land of zero has rules of its own."""
    area = F.col("land_area_mu")
    return F.coalesce((area > 0) & (area < F.col(least)), F.lit(False))
