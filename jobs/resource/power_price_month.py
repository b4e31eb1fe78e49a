"""差别化电价 Surcharges on electricity, meter account by meter account and month by month.

The firm of an account is the one that the power company names in the month, so an account that changes hands is billed
by the grade of whoever has it. The grade is that of the last evaluation year whose results hold in the month.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.columns.arithmetic import VALUE_TYPE, divide, multiply
from jobs.columns.rows import at_most, row_id
from jobs.core.steps.identity import behind, successors
from jobs.job import Input, Job
from jobs.resource.rules.consequences import ConsequenceRules, consequence_rules
from jobs.resource.steps.effects import YUAN, executed_from
from jobs.resource.steps.standings import FIRM, first_standing, in_force, results, standings
from schemas.contract import contract

TABLE = "resource.power_price_month"
MEASURE = "power_price"


def power_price_month(
    electricity: DataFrame,
    grades: DataFrame,
    publications: DataFrame,
    succession: DataFrame,
    rules: ConsequenceRules,
) -> DataFrame:
    """One row per meter account and month in which a surcharge is due, or was due before a correction."""
    published = results(grades, publications)
    states = standings(published, succession, rules.given.gap_interrupts)
    # of other firms no month is charged
    charged = F.broadcast(
        states.where(F.col("final_grade").isin(*rules.grades_of(MEASURE))).select("uscc").distinct()
    )
    standing = ["district_code", "final_grade", "years_in_d_count", "evaluation_version"]
    of_firms = (
        in_force(states)
        .select(*FIRM, *standing, F.lit(False).alias("is_first"))
        .unionByName(first_standing(states).select(*FIRM, *standing, F.lit(True).alias("is_first")))
        .join(charged, "uscc", "left_semi")
        .join(F.broadcast(_spans(published, rules)), ["district_code", "year"], "inner")
    )
    months = (
        electricity.where("length(period) = 7")
        .transform(behind, successors(succession))
        .join(charged, "uscc", "left_semi")
        .groupBy("meter_account_code", "uscc", F.col("period").alias("month"))
        .agg(F.sum("power_kwh").cast("decimal(18,2)").alias("power_kwh"))
    )
    return (
        months.join(F.broadcast(of_firms), "uscc", "inner")
        .where("month >= from_month AND month < until_month")
        # of a firm that moved, results of two districts may hold in a month: the later year's count
        .transform(at_most, ["meter_account_code", "month"], "year")
        .withColumnRenamed("year", "evaluation_year")
        .transform(_with_price, rules)
        .groupBy(
            "meter_account_code",
            "month",
            "uscc",
            "evaluation_year",
            "district_code",
            "power_kwh",
            "is_month_assumed",
        )
        .agg(*_of(False, "final_grade", "years_in_d_count", "evaluation_version"), *_prices())
        .transform(_with_amounts)
        .withColumn("row_id", row_id("meter_account_code", "month"))
        .select(*contract(TABLE).column_names)
    )


def _spans(published: DataFrame, rules: ConsequenceRules) -> DataFrame:
    """One row per district and year: the months in which its results hold, until those of a later year do."""
    order = Window.partitionBy("district_code").orderBy("year")
    return (
        published.groupBy("district_code", "year")
        .agg(F.min("published_date").alias("published_date"))
        .withColumns(
            {"from_month": executed_from(rules), "is_month_assumed": F.col("published_date").isNull()}
        )
        .withColumn("until_month", F.coalesce(F.lead("from_month").over(order), F.lit("9999-12")))
        .drop("published_date")
    )


def _with_price(rows: DataFrame, rules: ConsequenceRules) -> DataFrame:
    """With the step that holds in the month for the firm's grade, if any."""
    steps = rules.frame(rows.sparkSession).where(F.col("measure_code") == MEASURE)
    kept = ["district_code", "final_grade", "from_date", "to_date", "from_years", "to_years"]
    told = ["consequence_rule_id", "rate", "measure_source", "is_assumed"]
    steps = steps.select(*(F.col(name).alias(f"s_{name}") for name in (*kept, *told)))
    day = F.to_date(F.concat("month", F.lit("-01")))
    years = F.col("years_in_d_count")
    due = (
        (F.col("district_code") == F.col("s_district_code"))
        & (F.col("final_grade") == F.col("s_final_grade"))
        & (day >= F.col("s_from_date"))
        & (day <= F.col("s_to_date"))
        & (years >= F.col("s_from_years"))
        & (years <= F.col("s_to_years"))
    )
    return (
        rows.join(F.broadcast(steps), due, "left")
        .drop(*(f"s_{name}" for name in kept))
        .withColumnsRenamed({f"s_{name}": name for name in told})
    )


def _of(first: bool, *columns: str) -> list[Column]:
    """Columns of the state in force, or of the first one, for a group that has one row of each."""
    return [F.max(F.when(F.col("is_first") == first, F.col(name))).alias(name) for name in columns]


def _prices() -> list[Column]:
    def rate(first: bool) -> Column:
        return F.max(F.when(F.col("is_first") == first, F.coalesce("rate", F.lit(0).cast("decimal(18,6)"))))

    return [
        rate(False).alias("price_step_yuan"),
        rate(True).alias("first_price_step_yuan"),
        F.max("consequence_rule_id").alias("consequence_rule_id"),
        F.max("measure_source").alias("measure_source"),
        F.max("is_assumed").alias("is_assumed"),
    ]


def _with_amounts(rows: DataFrame) -> DataFrame:
    def amount(step: str) -> Column:
        return divide(F.col(step), F.lit(YUAN))

    # a firm that is graded in the year only by a correction was charged nothing before
    first = F.coalesce("first_price_step_yuan", F.lit(0).cast("decimal(18,6)"))
    return (
        rows.withColumn("first_price_step_yuan", first)
        .where("price_step_yuan > 0 OR first_price_step_yuan > 0")
        .withColumns(
            {
                "now": multiply(F.col("power_kwh"), F.col("price_step_yuan")),
                "then": multiply(F.col("power_kwh"), F.col("first_price_step_yuan")),
            }
        )
        .withColumns({"surcharge_wan_yuan": amount("now"), "first_surcharge_wan_yuan": amount("then")})
        .withColumn(
            "difference_wan_yuan",
            (F.col("surcharge_wan_yuan") - F.col("first_surcharge_wan_yuan")).cast(VALUE_TYPE),
        )
        .drop("now", "then")
    )


JOB = Job(
    table=TABLE,
    transform=power_price_month,
    inputs={
        "electricity": Input("raw.gov_electricity"),
        "grades": Input("per_mu.enterprise_grade", "upto"),
        "publications": Input("per_mu.publication", "upto"),
        "succession": Input("core.succession", "upto"),
    },
    rules=consequence_rules,
    evidence={
        "raw.gov_electricity": {"meter_account_code": "meter_account_code", "period": "month"},
        "per_mu.enterprise_grade": {
            "uscc": "uscc",
            "year": "evaluation_year",
            "evaluation_version": "evaluation_version",
        },
    },
)
