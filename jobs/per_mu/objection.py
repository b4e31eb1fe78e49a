"""异议办理情况 State of objections: in which window each was raised, how it was decided, and what it changed."""

from __future__ import annotations

from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.columns.rows import row_id, with_part
from jobs.job import Input, Job
from jobs.per_mu.rules.procedure import Procedure, ProcedureRules, procedure_rules
from schemas.contract import contract

TABLE = "per_mu.objection"
DISTRICT_YEAR = ["district_code", "year"]
#: A value decided upon has arrived if the computed one is within this share of it: sheets show rounded figures.
SAME = "0.0001"


def objection(
    population: DataFrame,
    indicator_value: DataFrame,
    steps: DataFrame,
    records: DataFrame,
    decisions: DataFrame,
    rules: ProcedureRules,
) -> DataFrame:
    """One row per objection of the year, whenever it was delivered."""
    firms = population.select("uscc", "year", "district_code", "evaluation_uscc")
    values = indicator_value.select(
        F.col("uscc").alias("evaluation_uscc"),
        "year",
        "indicator_code",
        F.col("value").alias("present_value"),
    )
    decided = decisions.withColumnRenamed("period", "year").select(
        "objection_code", "year", "objection_decision_code", "decided_date", "procedure_reason", "decided_value",
        "document_code",
    )  # fmt: skip
    return (
        records.select(
            "objection_code", "uscc", "year", "indicator_code", "claimed_value", "evidence_text", "raised_date",
            F.coalesce("objection_kind_code", F.lit("figure")).alias("objection_kind_code"),
        )
        .join(firms, ["uscc", "year"], "left")
        .join(population.select("year").distinct(), "year", "left_semi")
        .join(values, ["evaluation_uscc", "year", "indicator_code"], "left")
        .transform(with_part, _windows(steps, rules.given), DISTRICT_YEAR)
        .join(decided, ["objection_code", "year"], "left")
        .withColumn("evaluation_step_code", raised_in(rules.given))
        .withColumns({"objection_state_code": state(rules.given), "row_id": row_id("objection_code", "year")})
        .select(*contract(TABLE).column_names)
    )  # fmt: skip


def _admitting(rules: Procedure) -> list[str]:
    """Steps whose window admits objections."""
    return [code for code in rules.codes if any(code in steps for steps in rules.objections.values())]


def _windows(steps: DataFrame, rules: Procedure) -> DataFrame:
    """First and last day of each window of a district and year, as columns ``<step>_from`` and ``<step>_to``."""
    code = F.col("evaluation_step_code")
    return steps.groupBy("district_code", F.col("period").alias("year")).agg(
        *(
            F.max(F.when(code == step, F.col(f"window_{end}_date"))).alias(f"{step}_{name}")
            for step in _admitting(rules)
            for end, name in (("start", "from"), ("end", "to"))
        )
    )


def raised_in(rules: Procedure) -> Column:
    """The step in whose window the objection was raised; null outside of those that admit its kind."""
    kind, day = F.col("objection_kind_code"), F.col("raised_date")
    found = [
        F.when((kind == of) & day.between(F.col(f"{step}_from"), F.col(f"{step}_to")), step)
        for of, steps in rules.objections.items()
        for step in steps
    ]
    return F.coalesce(*found)


def state(rules: Procedure) -> Column:
    """A decision holds whatever the window; without one, an objection outside of every window is not admitted.

    While a district's procedure is not recorded, no window is known and the objection is open.
    """
    decision, difference = F.col("objection_decision_code"), F.col("present_value") - F.col("decided_value")
    arrived = F.abs(difference) <= F.abs(F.col("decided_value")) * F.lit(SAME).cast("decimal(5,4)")
    any_window = reduce(lambda a, b: a | b, (F.col(f"{step}_to").isNotNull() for step in _admitting(rules)))
    return (
        F.when(decision == "refused", "refused")
        .when((decision == "accepted") & F.col("decided_value").isNull(), "accepted")
        .when((decision == "accepted") & arrived, "accepted_applied")
        .when(decision == "accepted", "accepted_pending")
        .when(any_window & F.col("evaluation_step_code").isNull(), "out_of_window")
        .otherwise("open")
    )


JOB = Job(
    table=TABLE,
    transform=objection,
    inputs={
        "population": Input("per_mu.population"),
        "indicator_value": Input("per_mu.indicator_value"),
        "steps": Input("raw.gov_evaluation_step"),
        # objections to a year are delivered by the months of the next one
        "records": Input("raw.ent_objection", "all"),
        "decisions": Input("raw.gov_objection_decision"),
    },
    rules=procedure_rules,
    evidence={
        "raw.ent_objection": {"objection_code": "objection_code"},
        "raw.gov_objection_decision": {"objection_code": "objection_code", "period": "year"},
        "raw.gov_evaluation_step": {"district_code": "district_code", "period": "year"},
        "per_mu.indicator_value": {"uscc": "uscc", "year": "year"},
    },
)
