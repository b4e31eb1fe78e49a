"""公示名单 Published list: who is graded what, who is exempt and who is protected, by name and without scores."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.columns.rows import row_id, with_part
from jobs.job import Input, Job
from jobs.per_mu.steps.versions import in_force
from schemas.contract import contract

TABLE = "bulletin.grade_list"


def grade_list(population: DataFrame, grades: DataFrame, enterprises: DataFrame) -> DataFrame:
    """One row per year and enterprise that is graded, exempt or protected; none while figures cover part of a year."""
    results = in_force(grades).select("uscc", "year", "final_grade", "status_code")
    names = enterprises.select("uscc", "year", "enterprise_name")
    return (
        population.where("figures_as_of = year and eval_status_code in ('graded', 'exempt', 'protected')")
        .select("uscc", "year", "district_code", "list_code", "eval_status_code")
        .transform(with_part, names, ["uscc", "year"])
        .transform(with_part, results, ["uscc", "year"])
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
    },
    evidence={"per_mu.population": {"uscc": "uscc", "year": "year"}},
)
