"""亩均评价工作流程 Procedure of the evaluation: where each district's year stands."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.columns.rows import literal_table, row_id, with_part
from jobs.job import Input, Job
from jobs.per_mu.rules.procedure import ProcedureRules, procedure_rules
from schemas.contract import contract

TABLE = "per_mu.procedure"
DISTRICT_YEAR = ["district_code", "year"]
STEP = [*DISTRICT_YEAR, "evaluation_step_code"]


def procedure(
    population: DataFrame,
    steps: DataFrame,
    confirmations: DataFrame,
    objections: DataFrame,
    adjustments: DataFrame,
    publications: DataFrame,
    rules: ProcedureRules,
) -> DataFrame:
    """One row per district, year and step, and one more for each later version of the last two."""
    decided = steps.withColumnRenamed("period", "year").drop("row_id")
    plan = _plan(rules, population.select(*DISTRICT_YEAR).distinct())
    first = plan.join(decided.where("evaluation_version = 1"), STEP, "left").withColumn(
        "evaluation_version", F.lit(1)
    )
    later = plan.join(decided.where("evaluation_version > 1"), STEP, "inner")
    columns = [
        *STEP, "evaluation_version", "step_number", "planned_date", "decided_date", "window_start_date",
        "window_end_date", "working_days_count", "document_code", "procedure_reason",
    ]  # fmt: skip
    counts = _counts(population, confirmations, objections, adjustments, publications)
    return (
        first.select(*columns)
        .unionByName(later.select(*columns))
        .transform(_with_states)
        .transform(with_part, counts, [*STEP, "evaluation_version"])
        .withColumn("row_id", row_id("district_code", "year", "evaluation_version", "evaluation_step_code"))
        .select(*contract(TABLE).column_names)
    )


def _plan(rules: ProcedureRules, places: DataFrame) -> DataFrame:
    """Every step of every district and year, with its place in the order and its planned day."""
    order = literal_table(
        places.sparkSession,
        ((step.code, place, step.planned) for place, step in enumerate(rules.given.steps)),
        "evaluation_step_code string, step_number int, planned string",
    )
    day = F.concat_ws("-", (F.col("year").cast("int") + 1).cast("string"), "planned")
    return places.crossJoin(order).withColumn("planned_date", day.cast("date")).drop("planned")


def _with_states(rows: DataFrame) -> DataFrame:
    """The first step without a decision is due; a later version has only steps that were decided."""
    missing = F.when(F.col("decided_date").isNull(), F.col("step_number"))
    first = F.min(missing).over(Window.partitionBy(*DISTRICT_YEAR))
    return rows.withColumn(
        "step_state_code",
        F.when(F.col("decided_date").isNotNull(), "done")
        .when(F.col("step_number") == first, "due")
        .otherwise("waiting"),
    )


def _counts(
    population: DataFrame,
    confirmations: DataFrame,
    objections: DataFrame,
    adjustments: DataFrame,
    publications: DataFrame,
) -> DataFrame:
    """Records behind each step, those still open, and silent firms."""
    state, kind = F.col("confirmation_state_code"), F.col("objection_state_code")
    none = F.lit(None).cast("bigint")

    def of(
        step: str,
        rows: DataFrame,
        records: Column | None = None,
        still: Column | None = None,
        silent: Column | None = None,
    ) -> DataFrame:
        counted = F.count("*") if records is None else F.count(F.when(records, 1))
        return rows.groupBy(*DISTRICT_YEAR).agg(
            F.lit(step).alias("evaluation_step_code"),
            F.lit(1).alias("evaluation_version"),
            counted.alias("step_record_count"),
            (none if still is None else F.count(F.when(still, 1))).alias("open_count"),
            (none if silent is None else F.count(F.when(silent, 1))).alias("silent_count"),
        )

    published = publications.groupBy(*DISTRICT_YEAR, "evaluation_version").agg(
        F.lit("published").alias("evaluation_step_code"),
        F.count("*").alias("step_record_count"),
        F.count(F.when(F.col("grade_change_cause_code").isNotNull(), 1)).alias("open_count"),
        F.max(none).alias("silent_count"),
    )
    raised = objections.where("district_code is not null")
    meeting = adjustments.withColumnRenamed("period", "year")
    return (
        of("list_fixed", population.where("eval_status_code = 'graded'"))
        .unionByName(
            of(
                "sheets_offered",
                confirmations,
                state == "confirmed",
                state.isin("awaited", "reopened"),
                state == "silent",
            )
        )
        .unionByName(of("publicity", raised, still=kind == "open"))
        .unionByName(of("joint_meeting", meeting))
        .unionByName(published)
    )


JOB = Job(
    table=TABLE,
    transform=procedure,
    inputs={
        "population": Input("per_mu.population"),
        "steps": Input("raw.gov_evaluation_step"),
        "confirmations": Input("per_mu.confirmation"),
        "objections": Input("per_mu.objection"),
        "adjustments": Input("raw.gov_grade_adjustment"),
        "publications": Input("per_mu.publication"),
    },
    rules=procedure_rules,
    evidence={
        "raw.gov_evaluation_step": {"district_code": "district_code", "period": "year"},
        "raw.gov_grade_adjustment": {"district_code": "district_code", "period": "year"},
    },
)
