"""一企一单确认情况 State of confirmations: who confirmed its sheet, who was silent, whose sheet changed since."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.columns.rows import first_of, row_id, with_part
from jobs.job import Input, Job
from schemas.contract import contract

TABLE = "per_mu.confirmation"
FIRM = ["uscc", "year"]


def confirmation(
    population: DataFrame, indicator_value: DataFrame, steps: DataFrame, records: DataFrame
) -> DataFrame:
    """One row per graded firm above scale and year.

    A firm that was merged into another is on that one's sheet. The last confirmation holds, as long as the sheet is the
    one that was confirmed.
    """
    firms = population.where("list_code = 'above_scale' and eval_status_code = 'graded'").select(
        *FIRM, "district_code", "town_code", "evaluation_uscc"
    )
    return (
        firms.join(sheets(indicator_value), ["evaluation_uscc", "year"], "inner")
        .transform(with_part, _windows(steps), ["district_code", "year"])
        .transform(with_part, _last(records), FIRM)
        .withColumns({"confirmation_state_code": state(), "row_id": row_id(*FIRM)})
        .select(*contract(TABLE).column_names)
    )


def sheets(indicator_value: DataFrame) -> DataFrame:
    """A hash of the values on each unit's sheet."""
    figure = F.concat_ws("=", "indicator_code", F.coalesce(F.col("value").cast("string"), F.lit("-")))
    return indicator_value.groupBy(F.col("uscc").alias("evaluation_uscc"), "year").agg(
        F.md5(F.concat_ws("|", F.array_sort(F.collect_list(figure)))).alias("sheet_hash")
    )


def _windows(steps: DataFrame) -> DataFrame:
    """When a district's sheets were offered and are due, and whether initial grades closed the time."""
    code = F.col("evaluation_step_code")
    return (
        steps.where(code.isin("sheets_offered", "initial_graded"))
        .groupBy("district_code", F.col("period").alias("year"))
        .agg(
            F.max(F.when(code == "sheets_offered", F.col("window_end_date"))).alias("window_end_date"),
            F.max(F.when(code == "initial_graded", F.col("decided_date"))).alias("closed_date"),
        )
    )


def _last(records: DataFrame) -> DataFrame:
    """The last confirmation of each firm and year."""
    of_year = records.withColumnRenamed("period", "year")
    order = (F.col("confirmed_date").desc(), F.col("confirmation_code").desc())
    return first_of(of_year, FIRM, *order).select(
        *FIRM, "confirmed_date", F.col("sheet_hash").alias("confirmed_hash")
    )


def state() -> Column:
    """No clock says that a deadline passed: initial grades are decided only afterwards."""
    changed = F.col("confirmed_hash") != F.col("sheet_hash")
    return (
        F.when(changed, "reopened")
        .when(F.col("confirmed_date").isNotNull(), "confirmed")
        .when(F.col("closed_date").isNotNull(), "silent")
        .when(F.col("window_end_date").isNotNull(), "awaited")
        .otherwise("not_due")
    )


JOB = Job(
    table=TABLE,
    transform=confirmation,
    inputs={
        "population": Input("per_mu.population"),
        "indicator_value": Input("per_mu.indicator_value"),
        "steps": Input("raw.gov_evaluation_step"),
        "records": Input("raw.ent_confirmation"),
    },
    evidence={
        "raw.ent_confirmation": {"uscc": "uscc", "period": "year"},
        "raw.gov_evaluation_step": {"district_code": "district_code", "period": "year"},
        "per_mu.population": {"uscc": "uscc", "year": "year"},
    },
)
