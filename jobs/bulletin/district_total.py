"""区县公开汇总 Published sums of districts: firms above and below scale, in sums in which no firm shows."""

from __future__ import annotations

from pyspark.sql import DataFrame

from jobs.bulletin.steps.cells import cells, published
from jobs.bulletin.steps.suppression import unsafe_in_group
from jobs.columns.rows import row_id
from jobs.job import Input, Job
from schemas.contract import contract

TABLE = "bulletin.district_total"
KEY = ["year", "district_code", "is_above_scale"]


def district_total(years: DataFrame) -> DataFrame:
    """One row per year and district for the firms above scale and one for those below."""
    return (
        cells(years, *KEY)
        .transform(unsafe_in_group, "district_code")
        .transform(published, years, *KEY)
        .withColumn("row_id", row_id(*KEY))
        .select(*contract(TABLE).column_names)
    )


JOB = Job(
    table=TABLE,
    transform=district_total,
    inputs={"years": Input("core.enterprise_year")},
    evidence={
        "core.enterprise_year": {
            "year": "year",
            "district_code": "district_code",
            "is_above_scale": "is_above_scale",
        }
    },
)
