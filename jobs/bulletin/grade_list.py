"""公示名单 Published list: who is graded what, who is exempt and who is protected, by name and without scores."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.columns.rows import row_id, with_part
from jobs.job import Input, Job
from jobs.per_mu.steps.versions import in_force
from schemas.contract import contract

TABLE = "bulletin.grade_list"


def grade_list(
    population: DataFrame, grades: DataFrame, enterprises: DataFrame, publications: DataFrame
) -> DataFrame:
    """One row per year and enterprise that is graded, exempt or protected; none while figures cover part of a year."""
    results = in_force(grades).select(
        "uscc", "year", F.col("final_grade").alias("computed_grade"), "status_code"
    )
    # what was published stands until a further version is, whatever the data say meanwhile
    published = publications.where("is_in_force").select(
        "uscc", "year", F.col("final_grade").alias("published_grade")
    )
    names = enterprises.select("uscc", "year", "enterprise_name")
    return (
        population.where("figures_as_of = year and eval_status_code in ('graded', 'exempt', 'protected')")
        .select("uscc", "year", "district_code", "list_code", "eval_status_code")
        .transform(with_part, names, ["uscc", "year"])
        .transform(with_part, results, ["uscc", "year"])
        .transform(with_part, published, ["uscc", "year"])
        .withColumn(
            "final_grade",
            F.when(F.col("computed_grade").isNotNull(), F.coalesce("published_grade", "computed_grade")),
        )
        .where(F.col("final_grade").isNotNull() | (F.col("eval_status_code") != "graded"))
        .withColumn("row_id", row_id("uscc", "year"))
        .select(*contract(TABLE).column_names)
    )


JOB = Job(
    table=TABLE,
    transform=grade_list,
    inputs={
        "population": Input("per_mu.population"),
        "grades": Input("per_mu.enterprise_grade"),
        "enterprises": Input("core.enterprise"),
        "publications": Input("per_mu.publication"),
    },
    evidence={"per_mu.population": {"uscc": "uscc", "year": "year"}},
)
