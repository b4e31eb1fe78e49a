"""用能权台账 Ledger of energy quotas by district: double entry, every movement is two lines that sum to zero.

Accounts are the districts and the city's office (330200), which allots quotas and takes back what is used, cut or left
at the end of the year. Allotments, cuts and use are those of a district's firms together; trades stand one by one, also
those between firms of one district.
"""

from __future__ import annotations

from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.columns.arithmetic import VALUE_TYPE
from jobs.columns.rows import row_id
from jobs.core.steps.identity import UNDIVIDED
from jobs.job import Input, Job
from schemas.contract import contract

TABLE = "resource.energy_ledger"
KEY = ["year", "ledger_movement", "ledger_side"]
#: Sides of a movement: who gives, who takes.
GIVES, TAKES = "giver", "taker"


def energy_ledger(allocations: DataFrame, transfers: DataFrame) -> DataFrame:
    """Two rows per movement: of a district and year with the office, or of a booked transfer."""
    of_office = _of_districts(allocations)
    of_trades = booked(
        transfers.where("transfer_state_code = 'accepted'"),
        code="quota_transfer_code",
        kind=F.when(F.col("energy_transfer_kind_code") == "lease", "lease").otherwise("transfer"),
        back="lease_return",
        amount="transferred_tce",
    )
    movements = of_office.unionByName(of_trades)
    return (
        movements.unionByName(_closing(movements))
        .transform(two_lines, "amount_tce")
        .withColumn("row_id", row_id(*KEY))
        .select(*contract(TABLE).column_names)
    )


def booked(transfers: DataFrame, *, code: str, kind: Column, back: str, amount: str) -> DataFrame:
    """Movements of accepted transfers: their beginning, and their end where it falls in the year."""
    sides = ("giver_account", "taker_account", "giver_district_code", "taker_district_code")
    begun = transfers.select(
        "year", F.col(code).alias("ledger_movement"), kind.alias("ledger_entry_kind_code"), *sides,
        F.col("booked_date"), F.col(amount).cast(VALUE_TYPE).alias("amount"),
        F.lit(None).cast("bigint").alias("least_firm_count"),
    )  # fmt: skip
    ended = transfers.where("returned_date IS NOT NULL").select(
        "year", F.concat(F.col(code), F.lit(":"), F.lit(back)).alias("ledger_movement"),
        F.lit(back).alias("ledger_entry_kind_code"),
        F.col("taker_account").alias("giver_account"), F.col("giver_account").alias("taker_account"),
        F.col("taker_district_code").alias("giver_district_code"),
        F.col("giver_district_code").alias("taker_district_code"),
        F.col("returned_date").alias("booked_date"), F.col(amount).cast(VALUE_TYPE).alias("amount"),
        F.lit(None).cast("bigint").alias("least_firm_count"),
    )  # fmt: skip
    return begun.unionByName(ended)


def two_lines(movements: DataFrame, column: str) -> DataFrame:
    """The line of the giver and that of the taker; both have the movement's amount, with opposite signs."""
    lines = []
    for side, other, sign in ((GIVES, TAKES, -1), (TAKES, GIVES, 1)):
        lines.append(
            movements.withColumns(
                {
                    "ledger_side": F.lit(side),
                    "account": F.col(f"{side}_account"),
                    "counter_account": F.col(f"{other}_account"),
                    "district_code": F.col(f"{side}_district_code"),
                    "uscc": F.when(F.length(f"{side}_account") == 18, F.col(f"{side}_account")),
                    column: (F.col("amount") * sign).cast(VALUE_TYPE),
                }
            )
        )
    return reduce(DataFrame.unionByName, lines)


def _of_districts(allocations: DataFrame) -> DataFrame:
    """Allotment, cut and use of a district's firms together; the count of firms says whether they may be shown."""
    sums = allocations.groupBy("year", "district_code").agg(
        F.sum("full_quota_tce").cast(VALUE_TYPE).alias("allocation"),
        F.sum("cut_tce").cast(VALUE_TYPE).alias("cut"),
        F.coalesce(F.sum("energy_tce"), F.lit(0)).cast(VALUE_TYPE).alias("use"),
        F.least(F.count(F.when(F.col("full_quota_tce") > 0, 1)), F.count("energy_tce")).alias(
            "least_firm_count"
        ),
    )
    begin, end = (F.make_date(F.col("year").cast("int"), F.lit(m), F.lit(d)) for m, d in ((1, 1), (12, 31)))
    return (
        _with_office(sums, "allocation", begin, from_office=True)
        .unionByName(_with_office(sums.where("cut > 0"), "cut", begin, from_office=False))
        .unionByName(_with_office(sums.where("use > 0"), "use", end, from_office=False))
    )


def _with_office(sums: DataFrame, kind: str, day: Column, *, from_office: bool) -> DataFrame:
    """A movement between each district and the office."""
    office, district = F.lit(UNDIVIDED), F.col("district_code")
    giver, taker = (office, district) if from_office else (district, office)
    return sums.select(
        "year", F.concat(F.lit(f"{kind}:"), district).alias("ledger_movement"),
        F.lit(kind).alias("ledger_entry_kind_code"), giver.alias("giver_account"), taker.alias("taker_account"),
        giver.alias("giver_district_code"), taker.alias("taker_district_code"), day.alias("booked_date"),
        F.col(kind).alias("amount"), "least_firm_count",
    )  # fmt: skip


def _closing(movements: DataFrame) -> DataFrame:
    """What is left of each district's account goes back to the office; a shortage comes from it, below zero."""
    given = movements.select(
        "year",
        F.col("giver_district_code").alias("district_code"),
        (-F.col("amount")).alias("change"),
        "least_firm_count",
    )
    taken = movements.select(
        "year",
        F.col("taker_district_code").alias("district_code"),
        F.col("amount").alias("change"),
        "least_firm_count",
    )
    left = (
        given.unionByName(taken)
        .where(F.col("district_code") != UNDIVIDED)
        .groupBy("year", "district_code")
        .agg(
            F.sum("change").cast(VALUE_TYPE).alias("closing"),
            F.min("least_firm_count").alias("least_firm_count"),
        )
    )
    end = F.make_date(F.col("year").cast("int"), F.lit(12), F.lit(31))
    return _with_office(left, "closing", end, from_office=False)


JOB = Job(
    table=TABLE,
    transform=energy_ledger,
    inputs={
        "allocations": Input("resource.energy_allocation"),
        "transfers": Input("resource.energy_transfer"),
    },
    evidence={
        "resource.energy_allocation": {"district_code": "district_code", "year": "year"},
        "resource.energy_transfer": {"quota_transfer_code": "ledger_movement", "year": "year"},
    },
)
