"""排污权台账 Ledger of emission rights by firm and pollutant: double entry, two lines of a movement sum to zero.

An account has three parts: what is the firm's own, what it leased from others, and what it pledged. The office (330200)
grants the initial right of the year. Only firms with a permit or registration have accounts.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.columns.arithmetic import VALUE_TYPE
from jobs.columns.rows import row_id
from jobs.core.steps.identity import UNDIVIDED, successors
from jobs.job import Input, Job
from jobs.resource.steps.initial_rights import accounts, initial_rights, with_initial
from schemas.contract import contract

TABLE = "resource.emission_ledger"
KEY = ["year", "ledger_movement", "ledger_side"]


def emission_ledger(
    rights: DataFrame, figures: DataFrame, transfers: DataFrame, succession: DataFrame
) -> DataFrame:
    """Two rows per initial right with an account, and per beginning and end of a booked transfer."""
    granted = _granted(with_initial(accounts(figures), initial_rights(rights, successors(succession))))
    booked = transfers.where("transfer_state_code = 'accepted'").withColumns(
        {
            "kind": F.col("right_transfer_kind_code"),
            # a pledge moves the right between parts of the giver's own account
            "to_account": F.when(
                F.col("right_transfer_kind_code") == "pledge", F.col("giver_account")
            ).otherwise(F.col("taker_account")),
            "to_district": F.when(
                F.col("right_transfer_kind_code") == "pledge", F.col("giver_district_code")
            ).otherwise(F.col("taker_district_code")),
            "to_part": F.when(F.col("right_transfer_kind_code") == "lease", "leased_in")
            .when(F.col("right_transfer_kind_code") == "pledge", "pledged")
            .otherwise("own"),
        }
    )
    begun, ended = _begun(booked), _ended(booked.where("returned_date IS NOT NULL"))
    movements = granted.unionByName(begun).unionByName(ended)
    return (
        _line(movements, "giver", "taker", -1)
        .unionByName(_line(movements, "taker", "giver", 1))
        .withColumn("row_id", row_id(*KEY))
        .select(*contract(TABLE).column_names)
    )


def _granted(opening: DataFrame) -> DataFrame:
    begin = F.make_date(F.col("year").cast("int"), F.lit(1), F.lit(1))
    return opening.where("opening > 0").select(
        "year", "pollutant_code",
        F.concat(F.lit("allocation:"), F.col("uscc"), F.lit(":"), F.col("pollutant_code")).alias("ledger_movement"),
        F.lit("allocation").alias("ledger_entry_kind_code"), begin.alias("booked_date"),
        F.lit(UNDIVIDED).alias("giver"), F.lit(UNDIVIDED).alias("giver_district"), F.lit("own").alias("giver_part"),
        F.col("uscc").alias("taker"), F.col("district_code").alias("taker_district"), F.lit("own").alias("taker_part"),
        F.col("opening").alias("amount"),
    )  # fmt: skip


def _begun(booked: DataFrame) -> DataFrame:
    return booked.select(
        "year", "pollutant_code", F.col("right_transfer_code").alias("ledger_movement"),
        F.col("kind").alias("ledger_entry_kind_code"), "booked_date",
        F.col("giver_account").alias("giver"), F.col("giver_district_code").alias("giver_district"),
        F.lit("own").alias("giver_part"),
        F.col("to_account").alias("taker"), F.col("to_district").alias("taker_district"),
        F.col("to_part").alias("taker_part"), F.col("transferred_t").cast(VALUE_TYPE).alias("amount"),
    )  # fmt: skip


def _ended(booked: DataFrame) -> DataFrame:
    """Leases that come back and pledges that are released within the year."""
    kind: Column = F.when(F.col("kind") == "pledge", "pledge_release").otherwise("lease_return")
    return booked.select(
        "year", "pollutant_code", F.concat(F.col("right_transfer_code"), F.lit(":end")).alias("ledger_movement"),
        kind.alias("ledger_entry_kind_code"), F.col("returned_date").alias("booked_date"),
        F.col("to_account").alias("giver"), F.col("to_district").alias("giver_district"),
        F.col("to_part").alias("giver_part"),
        F.col("giver_account").alias("taker"), F.col("giver_district_code").alias("taker_district"),
        F.lit("own").alias("taker_part"), F.col("transferred_t").cast(VALUE_TYPE).alias("amount"),
    )  # fmt: skip


def _line(movements: DataFrame, side: str, other: str, sign: int) -> DataFrame:
    return movements.select(
        "year", "pollutant_code", "ledger_movement", F.lit(side).alias("ledger_side"), "ledger_entry_kind_code",
        "booked_date", F.col(side).alias("account"), F.col(f"{side}_part").alias("account_part_code"),
        F.col(other).alias("counter_account"), F.col(f"{side}_district").alias("district_code"),
        F.when(F.length(side) == 18, F.col(side)).alias("uscc"),
        (F.col("amount") * sign).cast(VALUE_TYPE).alias("amount_t"),
    )  # fmt: skip


JOB = Job(
    table=TABLE,
    transform=emission_ledger,
    inputs={
        "rights": Input("raw.gov_emission_right"),
        "figures": Input("core.enterprise_year"),
        "transfers": Input("resource.emission_transfer"),
        "succession": Input("core.succession", "upto"),
    },
    evidence={
        "raw.gov_emission_right": {"uscc": "uscc", "pollutant_code": "pollutant_code", "period": "year"},
        "resource.emission_transfer": {"right_transfer_code": "ledger_movement", "year": "year"},
    },
)
