"""排污权 Emission rights of a firm in a year by pollutant: granted, traded, leased, pledged, held, discharged, balance.

The rights held at the end of the year are compared with what was discharged in it, pollutant by pollutant.
"""

from __future__ import annotations

from decimal import Decimal

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.columns.arithmetic import AMOUNT, VALUE_TYPE, ratio
from jobs.columns.rows import literal_table, row_id, with_part
from jobs.core.steps.identity import UNDIVIDED, successors
from jobs.job import Input, Job
from jobs.resource.rules.quotas import QuotaRules, quota_rules
from jobs.resource.steps.initial_rights import KEY, accounts, initial_rights
from schemas.contract import contract

TABLE = "resource.emission_right"


def emission_right(
    rights: DataFrame, figures: DataFrame, ledger: DataFrame, succession: DataFrame, rules: QuotaRules
) -> DataFrame:
    """One row per firm, year and pollutant of which it has a right, an entry or a discharge."""
    initial = initial_rights(rights, successors(succession))
    of_accounts = accounts(figures).withColumn("has_account", F.lit(True))
    prices = literal_table(
        figures.sparkSession,
        sorted(rules.emission.price_yuan.items()),
        "pollutant_code string, price decimal(18,6)",
    )
    districts = figures.select("uscc", "year", F.col("district_code").alias("of_directory"))
    nothing = F.lit(Decimal(0)).cast(VALUE_TYPE)
    amounts = ("bought_t", "sold_t", "leased_in_t", "leased_out_t", "pledged_t", "own_t")
    return (
        of_accounts.join(initial, KEY, "full")
        .transform(with_part, districts, ["uscc", "year"])
        .withColumn("district_code", F.coalesce("district_code", "of_directory", F.lit(UNDIVIDED)))
        .transform(with_part, _moved(ledger), KEY)
        .withColumns({name: F.coalesce(name, nothing).cast(VALUE_TYPE) for name in amounts})
        .withColumn("initial_t", F.when(F.col("has_account"), F.col("granted_t")))
        .withColumn("initial_t", F.coalesce("initial_t", nothing).cast(AMOUNT))
        .where("initial_t > 0 OR granted_t IS NOT NULL OR bought_t > 0 OR leased_in_t > 0 OR discharged_t > 0")
        .withColumn("held_t", (F.col("own_t") + F.col("leased_in_t") + F.col("pledged_t")).cast(VALUE_TYPE))
        .withColumn("right_balance_t", (F.col("held_t") - F.col("discharged_t")).cast(VALUE_TYPE))
        .withColumn("right_state_code", _state())
        .join(F.broadcast(prices), "pollutant_code", "left")
        .withColumn("fee", (F.col("initial_t") * F.col("price")).cast(VALUE_TYPE))
        .withColumn("yearly_fee_wan_yuan", ratio(F.col("fee"), F.lit(10_000)))
        .withColumn("row_id", row_id(*KEY))
        .select(*contract(TABLE).column_names)
    )  # fmt: skip


def _moved(ledger: DataFrame) -> DataFrame:
    """What the ledger's lines move in the year, by firm and pollutant; leases count net of what came back."""
    kind, amount, part = (F.col(n) for n in ("ledger_entry_kind_code", "amount_t", "account_part_code"))

    def of(condition: Column, value: Column) -> Column:
        return F.sum(F.when(condition, value)).cast(VALUE_TYPE)

    is_lease = kind.isin("lease", "lease_return")
    return (
        ledger.where("uscc IS NOT NULL")
        .groupBy(*KEY)
        .agg(
            of((kind == "transfer") & (amount > 0), amount).alias("bought_t"),
            of((kind == "transfer") & (amount < 0), -amount).alias("sold_t"),
            of(is_lease & (part == "own"), -amount).alias("leased_out_t"),
            of(part == "leased_in", amount).alias("leased_in_t"),
            of(part == "pledged", amount).alias("pledged_t"),
            of(part == "own", amount).alias("own_t"),
        )
    )


def _state() -> Column:
    begin = F.make_date(F.col("year").cast("int"), F.lit(1), F.lit(1))
    return (
        F.when(F.col("has_account").isNull(), "no_permit")
        .when((F.col("right_to_date") < begin) & (F.col("initial_t") == 0), "expired")
        .when(F.col("discharged_t").isNull(), "no_report")
        .when(F.col("right_balance_t") < 0, "exceeded")
        .otherwise("covered")
    )


JOB = Job(
    table=TABLE,
    transform=emission_right,
    inputs={
        "rights": Input("raw.gov_emission_right"),
        "figures": Input("core.enterprise_year"),
        "ledger": Input("resource.emission_ledger"),
        "succession": Input("core.succession", "upto"),
    },
    rules=quota_rules,
    evidence={
        "raw.gov_emission_right": {"uscc": "uscc", "pollutant_code": "pollutant_code", "period": "year"},
        "resource.emission_ledger": {"uscc": "uscc", "pollutant_code": "pollutant_code", "year": "year"},
        "core.enterprise_year": {"uscc": "uscc", "year": "year"},
    },
)
