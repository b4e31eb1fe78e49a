"""全市公开汇总 Published sums of the city: firms above and below scale, in sums in which no firm shows."""

from __future__ import annotations

from pyspark.sql import DataFrame

from jobs.bulletin.steps.cells import cells, published
from jobs.bulletin.steps.suppression import unsafe_alone
from jobs.columns.rows import row_id
from jobs.job import Input, Job
from schemas.contract import contract

TABLE = "bulletin.city_total"
KEY = ["year", "is_above_scale"]


def city_total(years: DataFrame) -> DataFrame:
    """One row per year for the firms above scale and one for those below; the sum of both is not shown apart."""
    return (
        cells(years, *KEY)
        .transform(unsafe_alone)
        .transform(published, years, *KEY)
        .withColumn("row_id", row_id(*KEY))
        .select(*contract(TABLE).column_names)
    )


JOB = Job(
    table=TABLE,
    transform=city_total,
    inputs={"years": Input("core.enterprise_year")},
    evidence={"core.enterprise_year": {"year": "year", "is_above_scale": "is_above_scale"}},
)
