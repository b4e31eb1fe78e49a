"""用能权交易 Transfers of energy quotas by year: booked, or refused with the reason.

Accounts are the districts, with their reserves, and the firms above scale, with their quotas; ``steps/ledger.py`` has
the rules. A register is of one year, and so is a quota: what is left at its end lapses.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.columns.rows import row_id, with_part
from jobs.core.steps.identity import behind, present_district, successors
from jobs.job import Input, Job
from jobs.resource.steps.claims import refusals
from jobs.resource.steps.ledger import Kind
from schemas.contract import contract

TABLE = "resource.energy_transfer"
KEY = ["year", "quota_transfer_code"]
KINDS: dict[str, Kind] = {"increment": "sale", "existing": "sale", "lease": "lease"}
POOL = "energy"


def energy_transfer(
    transfers: DataFrame, register: DataFrame, allocations: DataFrame, succession: DataFrame
) -> DataFrame:
    """One row per transfer and year in which it is in force.

    Args:
        register: transfers of all years up to the last one to compute, as are ``allocations``.
    """
    spans = successors(succession)
    refused = (
        refusals(
            _by_account(register, spans).select(
                "year", F.lit(POOL).alias("pool"), F.col("quota_transfer_code").alias("code"),
                F.col("energy_transfer_kind_code").alias("kind"), "giver_account", "taker_account",
                F.col("transferred_tce").alias("amount"), F.col("transfer_from_date").alias("first"),
                F.col("transfer_to_date").alias("last"),
            ),
            _openings(allocations),
            KINDS,
        )
        .select("year", F.col("code").alias("quota_transfer_code"), "transfer_refusal_code")
    )  # fmt: skip
    found = with_part(_by_account(transfers, spans), refused, KEY)
    for side in ("giver", "taker"):
        found = _with_district(found, allocations, side)
    return (
        found.transform(with_days, F.col("energy_transfer_kind_code") == "lease")
        .withColumn("row_id", row_id(*KEY))
        .select(*contract(TABLE).column_names)
    )


def with_days(rows: DataFrame, comes_back: Column) -> DataFrame:
    """With state, first day of the year in which it counts, and the day on which it comes back within the year."""
    year = F.col("year").cast("int")
    returned = F.date_add("transfer_to_date", 1)
    return rows.withColumns(
        {
            "transfer_state_code": F.when(F.col("transfer_refusal_code").isNull(), "accepted").otherwise(
                "refused"
            ),
            "booked_date": F.greatest("transfer_from_date", F.make_date(year, F.lit(1), F.lit(1))),
            "returned_date": F.when(
                comes_back & (returned <= F.make_date(year, F.lit(12), F.lit(31))), returned
            ),
        }
    )


def _by_account(feed: DataFrame, spans: DataFrame) -> DataFrame:
    """The register with the account behind each code: a firm's successor, a district's present code."""
    rows = feed.withColumn("year", F.col("period"))
    for side in ("giver_account", "taker_account"):
        rows = behind(rows, spans, side).withColumn(
            side, F.when(F.length(side) == 6, present_district(F.col(side))).otherwise(F.col(side))
        )
    return rows


def _openings(allocations: DataFrame) -> list[DataFrame]:
    """What each account has on 1 January: firms their quota, districts the reserve of their firms."""
    firms = allocations.withColumns({"account": F.col("uscc"), "opening": F.col("quota_tce")})
    districts = allocations.groupBy("year", F.col("district_code").alias("account")).agg(
        F.sum("reserve_tce").alias("opening")
    )
    return [
        one.withColumn("pool", F.lit(POOL)).select("year", "pool", "account", "opening")
        for one in (firms, districts)
    ]


def _with_district(rows: DataFrame, allocations: DataFrame, side: str) -> DataFrame:
    account, found = f"{side}_account", f"{side}_district_code"
    known = allocations.select("year", F.col("uscc").alias(account), F.col("district_code").alias("_of_firm"))
    is_district = F.length(account) == 6
    return (
        with_part(rows, known, ["year", account])
        .withColumn(found, F.when(is_district, F.col(account)).otherwise(F.col("_of_firm")))
        .drop("_of_firm")
    )


JOB = Job(
    table=TABLE,
    transform=energy_transfer,
    inputs={
        "transfers": Input("raw.gov_energy_quota_transfer"),
        "register": Input("raw.gov_energy_quota_transfer", "upto"),
        "allocations": Input("resource.energy_allocation", "upto"),
        "succession": Input("core.succession", "upto"),
    },
    evidence={
        "raw.gov_energy_quota_transfer": {"quota_transfer_code": "quota_transfer_code", "period": "year"}
    },
)
