"""Indicator values and scores 指标值与得分 of objects: the formulas, cap and floor of those of enterprises."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.columns.rows import row_id, with_part
from jobs.job import Input, Job
from jobs.per_mu.indicator_value import indicator_values
from jobs.per_mu.rules.models import WHOLE_LIST
from jobs.per_mu.rules.objects import ObjectRules, object_rules
from jobs.per_mu.steps.objects.units import OF_OBJECTS, as_units, kind_of_list
from schemas.contract import contract

TABLE = "per_mu.object_indicator_value"


def object_indicator_value(
    object_unit: DataFrame, object_baseline: DataFrame, rules: ObjectRules
) -> DataFrame:
    """One row per graded object, year and indicator; score in points."""
    places = {"district_code": F.col("ranked_in_code"), "ranking_group": F.lit(WHOLE_LIST)}
    known = object_unit.where("eval_status_code = 'graded'").select(
        F.col("object_code").alias("uscc"), "year", F.col("district_code").alias("own_district"),
        "statistics_firm_count",
    )  # fmt: skip
    return (
        indicator_values(
            as_units(object_unit), object_baseline.withColumns(places), rules.items(), known=OF_OBJECTS
        )
        .transform(with_part, known, ["uscc", "year"], "inner")
        .withColumns(
            {
                "object_kind_code": kind_of_list(),
                "object_code": F.col("uscc"),
                "ranked_in_code": F.col("district_code"),
            }
        )
        .withColumn("district_code", F.col("own_district"))
        .withColumn("row_id", row_id("object_kind_code", "object_code", "year", "indicator_code"))
        .select(*contract(TABLE).column_names)
    )


JOB = Job(
    table=TABLE,
    transform=object_indicator_value,
    inputs={
        "object_unit": Input("per_mu.object_unit"),
        "object_baseline": Input("per_mu.object_baseline"),
    },
    rules=object_rules,
    evidence={
        "per_mu.object_unit": {
            "object_kind_code": "object_kind_code", "object_code": "object_code", "year": "year",
        },
        "per_mu.object_baseline": {
            "year": "year", "ranked_in_code": "ranked_in_code", "list_code": "list_code",
            "indicator_code": "indicator_code",
        },
    },
)  # fmt: skip
