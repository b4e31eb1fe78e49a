"""全市结果运用 Consequences in the city: what measures bring to the firms of each grade, before and after."""

from __future__ import annotations

from pyspark.sql import DataFrame

from jobs.job import Input, Job
from jobs.resource.consequence_district import totals
from schemas.contract import contract

TABLE = "resource.consequence_city"
KEY = ["year", "measure_code", "final_grade"]


def consequence_city(consequences: DataFrame) -> DataFrame:
    """One row per year, measure and grade; sums over graded firms of all districts, 万元 and tce."""
    return totals(consequences, *KEY).select(*contract(TABLE).column_names)


JOB = Job(
    table=TABLE,
    transform=consequence_city,
    inputs={"consequences": Input("resource.consequence")},
    evidence={
        "resource.consequence": {
            "year": "year",
            "measure_code": "measure_code",
            "final_grade": "final_grade",
        }
    },
)
