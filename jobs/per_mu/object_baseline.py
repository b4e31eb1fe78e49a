"""Baselines 基准值 of lists of objects: the arithmetic of those of enterprises."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.columns.rows import row_id
from jobs.job import Input, Job
from jobs.per_mu.baseline import baselines
from jobs.per_mu.rules.objects import ObjectRules, object_rules
from jobs.per_mu.steps.objects.units import OF_OBJECTS, as_units
from schemas.contract import contract

TABLE = "per_mu.object_baseline"
KEY = ("year", "ranked_in_code", "list_code", "indicator_code")


def object_baseline(object_unit: DataFrame, rules: ObjectRules) -> DataFrame:
    """One row per year, place of the ranking, list and indicator of the rule sets."""
    units = as_units(object_unit)
    return (
        baselines(units, units, rules.items(), known=OF_OBJECTS)
        .withColumn("ranked_in_code", F.col("district_code"))
        .withColumn("row_id", row_id(*KEY))
        .select(*contract(TABLE).column_names)
    )


JOB = Job(
    table=TABLE,
    transform=object_baseline,
    inputs={"object_unit": Input("per_mu.object_unit")},
    rules=object_rules,
    evidence={
        "per_mu.object_unit": {"year": "year", "ranked_in_code": "ranked_in_code", "list_code": "list_code"}
    },
)
