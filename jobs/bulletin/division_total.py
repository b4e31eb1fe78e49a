"""行业公开汇总 Published sums of industry divisions: firms above scale, as official statistics have it."""

from __future__ import annotations

from pyspark.sql import DataFrame

from jobs.bulletin.steps.cells import cells, published
from jobs.bulletin.steps.suppression import unsafe_in_group
from jobs.columns.rows import row_id, with_part
from jobs.job import Input, Job
from schemas.contract import contract

TABLE = "bulletin.division_total"
KEY = ["year", "industry_division_code"]


def division_total(years: DataFrame, enterprises: DataFrame) -> DataFrame:
    """One row per year and division with firms above scale; firms without a division are in the city's total alone."""
    divisions = enterprises.select("uscc", "year", "industry_division_code")
    above = years.where("is_above_scale").transform(with_part, divisions, ["uscc", "year"])
    return (
        cells(above, *KEY, "is_above_scale")
        .transform(unsafe_in_group, "industry_division_code")
        .transform(published, above.where("industry_division_code is not null"), *KEY)
        .withColumn("row_id", row_id(*KEY))
        .select(*contract(TABLE).column_names)
    )


JOB = Job(
    table=TABLE,
    transform=division_total,
    inputs={"years": Input("core.enterprise_year"), "enterprises": Input("core.enterprise")},
    evidence={"core.enterprise": {"year": "year", "industry_division_code": "industry_division_code"}},
)
