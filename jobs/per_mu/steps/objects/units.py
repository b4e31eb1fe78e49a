"""Objects in the form in which units of evaluation are scored and ranked."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.columns.values import no_texts
from jobs.per_mu.rules.models import WHOLE_LIST
from schemas.contract import contract

#: Columns of the table of objects: a figure that it lacks is missing.
OF_OBJECTS = frozenset(contract("per_mu.object_unit").column_names)
#: Lists whose objects are of one kind with another name.
SERVICES = ("service_own_land", "service_no_land")


def as_units(object_unit: DataFrame) -> DataFrame:
    """Graded objects as units: their code as ``uscc``, and the place in which they are ranked as district.

    A code belongs to one kind: those of parcels, buildings, zones and parks differ by pattern (schemas/fields), and a
    credit code stands for a service enterprise.
    """
    return (
        object_unit.where("eval_status_code = 'graded'")
        .withColumns(
            {
                "uscc": F.col("object_code"),
                "district_code": F.col("ranked_in_code"),
                "ranking_group": F.lit(WHOLE_LIST),
                "withheld_figures": no_texts(),
            }
        )
        .drop("rule_set_id", "row_id")
    )


def kind_of_list() -> Column:
    """The kind of the objects of a list."""
    return F.when(F.col("list_code").isin(*SERVICES), "service_firm").otherwise(F.col("list_code"))
