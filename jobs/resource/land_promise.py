"""标准地履约 Promises of land contracts beside what the firm achieves, indicator by indicator.

The actual figure is the firm's, over all its land: no feed divides taxes or value added by parcel. A year is judged if
full production was due before it began. Of fixed-asset investment no feed has the actual figure.
"""

from __future__ import annotations

from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.columns.arithmetic import VALUE_TYPE, ratio, share_pct
from jobs.columns.rows import row_id, with_part
from jobs.core.enterprise_year import TAX_COMPONENTS, paid
from jobs.core.steps.identity import UNDIVIDED, behind, present_district, successors
from jobs.job import Input, Job
from jobs.resource.rules.promises import PromiseRules, promise_rules
from schemas.contract import contract

TABLE = "resource.land_promise"
CONTRACT = ["land_contract_code", "year"]
KEY = [*CONTRACT, "promise_indicator_code"]
#: Mu of a hectare.
HECTARE = 15


def land_promise(
    contracts: DataFrame,
    earlier: DataFrame,
    figures: DataFrame,
    succession: DataFrame,
    rules: PromiseRules,
) -> DataFrame:
    """One row per contract, year with complete figures, and indicator that the contract names."""
    achieved = figures.where("figures_as_of = year").select("uscc", "year", *_achieved())
    held = (
        earlier.withColumns({"year": F.col("period"), "signed_by": F.col("uscc")})
        .transform(behind, successors(succession))
        .withColumn(
            "district_code",
            F.coalesce(
                present_district(F.col("reported_district_code")),
                present_district(F.left("parcel_id", F.lit(6))),
                F.lit(UNDIVIDED),
            ),
        )
        .transform(with_part, achieved.withColumn("has_year", F.lit(True)), ["uscc", "year"])
    )
    return (
        reduce(DataFrame.unionByName, (_of_indicator(held, *one, rules) for one in _indicators()))
        .where("promised_value IS NOT NULL")
        .transform(_judged)
        .transform(_since)
        # earlier years only tell since when a promise is missed
        .join(F.broadcast(contracts.select(F.col("period").alias("year")).distinct()), "year", "left_semi")
        .withColumn("row_id", row_id(*KEY))
        .select(*contract(TABLE).column_names)
    )


def _achieved() -> list[Column]:
    """What the firm achieves by indicator, over all its land, persons and energy."""
    added, land = F.col("value_added_wan_yuan"), F.col("land_area_mu")
    tax = F.when(F.coalesce(*TAX_COMPONENTS).isNotNull(), paid().cast("decimal(24,6)"))
    return [
        ratio(tax, land).alias("tax_per_mu"),
        ratio(added, land).alias("value_added_per_mu"),
        ratio(added, F.col("energy_tce")).alias("value_added_per_tce"),
        ratio(added, F.col("emission_t")).alias("value_added_per_t"),
        ratio(added, F.col("employees_average")).alias("productivity"),
        share_pct(F.col("rd_expense_wan_yuan"), F.col("revenue_wan_yuan")).cast(VALUE_TYPE).alias("rd"),
    ]


def _indicators() -> list[tuple[str, Column, Column]]:
    """Code, promised value in the indicator's unit, and the firm's value."""
    stated = F.col("stated_investment_wan_yuan")
    investment = F.when(F.col("investment_area_code") == "hectare", ratio(stated, F.lit(HECTARE))).otherwise(
        stated
    )
    return [
        ("investment", investment, F.lit(None)),
        ("tax_per_mu", F.col("promised_tax_per_mu_wan_yuan"), F.col("tax_per_mu")),
        ("value_added_per_mu", F.col("promised_value_added_per_mu_wan_yuan"), F.col("value_added_per_mu")),
        ("value_added_per_tce", F.col("promised_value_added_per_tce_wan_yuan"), F.col("value_added_per_tce")),
        ("value_added_per_t", F.col("promised_value_added_per_t_wan_yuan"), F.col("value_added_per_t")),
        ("productivity", F.col("promised_productivity_wan_yuan"), F.col("productivity")),
        ("rd", F.col("promised_rd_pct"), F.col("rd")),
    ]


def _of_indicator(
    held: DataFrame, code: str, promised: Column, actual: Column, rules: PromiseRules
) -> DataFrame:
    return held.select(
        *CONTRACT, "parcel_id", "uscc", "district_code", "industry_code", "signed_date", "completion_due_date",
        "production_due_date", "term_years", "land_term_code", "has_year",
        F.lit(code).alias("promise_indicator_code"),
        promised.cast(VALUE_TYPE).alias("promised_value"),
        actual.cast(VALUE_TYPE).alias("actual_value"),
        (promised > F.lit(rules.most(code))).alias("is_doubtful"),
    )  # fmt: skip


def _judged(rows: DataFrame) -> DataFrame:
    begin = F.make_date(F.col("year").cast("int"), F.lit(1), F.lit(1))
    return rows.withColumn(
        "promise_state_code",
        F.when(F.col("is_doubtful"), "doubtful")
        .when(F.col("production_due_date") > begin, "not_due")
        .when(F.col("actual_value").isNull(), "no_figure")
        .when(F.col("actual_value") >= F.col("promised_value"), "met")
        .otherwise("missed"),
    ).where("has_year OR promise_state_code IN ('not_due', 'doubtful', 'no_figure')")


def _since(rows: DataFrame) -> DataFrame:
    """With the first year of the present run of missed years; a year without a figure does not end it."""
    order = Window.partitionBy("land_contract_code", "promise_indicator_code").orderBy("year")
    so_far = order.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    run = Window.partitionBy("land_contract_code", "promise_indicator_code", "run").orderBy("year")
    state = F.col("promise_state_code")
    is_missed = state == "missed"
    return (
        rows.withColumn("run", F.sum(F.when(state == "met", 1).otherwise(0)).over(so_far))
        .withColumn(
            "first_missed",
            F.min(F.when(is_missed, F.col("year"))).over(
                run.rowsBetween(Window.unboundedPreceding, Window.currentRow)
            ),
        )
        .withColumn("missed_since_year", F.when(is_missed, F.col("first_missed")))
        .drop("run", "first_missed")
    )


JOB = Job(
    table=TABLE,
    transform=land_promise,
    inputs={
        "contracts": Input("raw.gov_land_contract"),
        "earlier": Input("raw.gov_land_contract", "upto"),
        "figures": Input("core.enterprise_year", "upto"),
        "succession": Input("core.succession", "upto"),
    },
    rules=promise_rules,
    evidence={
        "raw.gov_land_contract": {"land_contract_code": "land_contract_code", "period": "year"},
        "core.enterprise_year": {"uscc": "uscc", "year": "year"},
    },
)
